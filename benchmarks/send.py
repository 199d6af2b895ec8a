"""Messages made, signed and handed over per second of one core, each part beside its own limit.

A 41 kB product mail with six items and eight signed links, RSA-2048, over real sockets to a counting server in a process of
its own that speaks PIPELINING and CHUNKING. One process sends; its CPU time is what counts. All figures are of this run:

    raw RSA        `cryptography` signing a few hundred bytes: nobody signs faster with this library
    render, build  the same messages without signing and sending
    raw write      a bare blocking socket that says the same bytes and waits for the same answers
    whole          rendered, built, signed and handed over by the product's own transport

The limit of the whole is 75 % of what the four parts, one after the other, would allow. Beside it a straightforward sender on the
same template: python-liquid, EmailMessage, dkimpy, smtplib. And the whole through outbox and ledger, each attempt and each answer
on the disk: at least half of the whole without them.

python -m benchmarks.send [MESSAGES]
"""

from __future__ import annotations

import asyncio
import email.policy
import smtplib
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from pathlib import Path

import dkim
import uvloop
from liquid import Environment
from mjml import mjml2html

from benchmarks.product_mail import ITEMS, SENDER, SOURCE, TOKENS, decision
from benchmarks.sink import counted, sinking
from tidings.clock import SystemClock
from tidings.deliver import dkim_keys
from tidings.deliver.base import Handover, Result
from tidings.deliver.compose import Composer
from tidings.deliver.dkim import Key, Signer
from tidings.deliver.ledger import Ledger
from tidings.deliver.outbox import Outbox
from tidings.deliver.smtp import Relay, SmtpTransport
from tidings.domain.message import DeliveryState
from tidings.render import mime
from tidings.render.mail import Rendered, render_message
from tidings.render.template import Template, compile_template

ROUNDS = 5
CONNECTIONS = 20
LEAST_SHARE = 0.75
LEAST_RATIO = 20
LEAST_DURABLE = 0.5


Figures = dict[str, list[float]]


def per_s(work: Callable[[int], object], numbers: range) -> float:
    """Times per CPU second."""
    started_s = time.process_time()
    for number in numbers:
        work(number)
    return len(numbers) / (time.process_time() - started_s)


def handover(rendered: Rendered) -> Handover:
    return Handover(
        message_id=rendered.message_id, sender=rendered.sender, recipient=rendered.recipient, data=rendered.mime
    )


def raw_write(port: int, mails: Sequence[Handover]) -> float:
    """The same bytes as the product's transport says, by a blocking socket that looks at no answer."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.recv(1_000)
        connection.sendall(b"EHLO x\r\n")
        connection.recv(1_000)
        started_s = time.process_time()
        for mail in mails:
            size = len(mail.data)
            envelope = f"RSET\r\nMAIL FROM:<{mail.sender}> SIZE={size}\r\nRCPT TO:<{mail.recipient}>\r\n".encode()
            connection.sendall(envelope)
            connection.recv(1_000)
            connection.sendmsg((b"BDAT %d LAST\r\n" % size, mail.data))
            connection.recv(1_000)
        return len(mails) / (time.process_time() - started_s)


def sent(
    port: int, ready: Sequence[Handover] | None, numbers: range, signer: Signer | None, template: Template
) -> tuple[float, float]:
    """Through the product's transport, made on the way unless they are given: mails per (CPU second, second)."""
    count, start = len(numbers), numbers.start

    def made(number: int) -> Handover:
        if ready is not None:
            return ready[number - start]
        return handover(render_message(template, decision(number), ITEMS, tokens=TOKENS, sender=SENDER))

    async def send() -> tuple[float, float]:
        transport = SmtpTransport(Relay(host="127.0.0.1", port=port), connections=CONNECTIONS, signer=signer)
        waiting = iter(numbers)

        async def one_after_the_other() -> None:
            for number in waiting:
                outcome = await transport.hand_over(made(number), lambda: True)
                assert outcome.result is Result.ACCEPTED, outcome

        started_s, cpu_s = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one_after_the_other() for _ in range(CONNECTIONS)))
        figures = count / (time.process_time() - cpu_s), count / (time.perf_counter() - started_s)
        await transport.close()
        return figures

    return uvloop.run(send())


def through_the_ledger(port: int, numbers: range, signer: Signer, template: Template) -> tuple[float, float]:
    """Decisions in the ledger, taken by the outbox: mails per (CPU second, second), each attempt and answer on the disk."""
    count = len(numbers)
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.db")
        ledger.add([decision(number) for number in numbers], [])

        async def send() -> tuple[float, float]:
            transport = SmtpTransport(Relay(host="127.0.0.1", port=port), connections=CONNECTIONS, signer=signer)
            composer = Composer(ledger, {"product": template}, SENDER, TOKENS, None)
            outbox = Outbox(ledger, transport, composer, SystemClock())
            wake = asyncio.Event()
            started_s, cpu_s = time.perf_counter(), time.process_time()
            while not outbox.idle:
                await outbox.step(wake, 1.0)
            figures = count / (time.process_time() - cpu_s), count / (time.perf_counter() - started_s)
            await transport.close()
            return figures

        figures = uvloop.run(send())
        assert ledger.counts() == {DeliveryState.ACCEPTED: count}, ledger.counts()
        ledger.close()
    return figures


class Naive:
    """What one would write in an afternoon. MJML is compiled once here too."""

    def __init__(self, port: int, key: bytes) -> None:
        body = SOURCE.split("---\n", 2)[2]
        for tag in ("{% for item in cart %}", "{% endfor %}"):
            body = body.replace(tag, f"<mj-raw>{tag}</mj-raw>")
        environment = Environment(autoescape=True)
        environment.add_filter("money", lambda value: f"£{value:,.2f}")
        self._html = environment.from_string(mjml2html(body))
        self._smtp = smtplib.SMTP("127.0.0.1", port)
        self._key = key

    def send(self, number: int) -> None:
        intent = decision(number)
        unsubscribe = f"{SENDER.public_url}/u/{TOKENS.make('u', intent.message_id)}"
        shop = {
            "name": SENDER.from_name,
            "cart_url": f"{SENDER.shop_url}/cart",
            "postal_address": SENDER.postal_address,
        }
        html = self._html.render(**intent.values, shop=shop, unsubscribe_url=unsubscribe)
        message = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=998))
        message["From"] = f"{SENDER.from_name} <{SENDER.from_address}>"
        message["To"] = intent.address
        message["Subject"] = f"{intent.values['person']['first_name']}, Twój koszyk czeka"
        message["Message-ID"] = f"<{intent.message_id}@shop.example>"
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content("Twój koszyk czeka: https://shop.example/cart")
        message.add_alternative(html, subtype="html")
        data = message.as_bytes()
        data = dkim.sign(data, b"t1", b"shop.example", self._key) + data
        self._smtp.sendmail(SENDER.from_address, [intent.address], data)


def one_round(numbers: range, port: int, template: Template, keys: Sequence[Key], naive: Naive) -> dict[str, float]:
    """Each figure once."""
    start, count = numbers.start, len(numbers)
    rsa, both = Signer(keys[:1]), Signer(keys)

    def rendered(number: int) -> Rendered:
        return render_message(template, decision(number), ITEMS, tokens=TOKENS, sender=SENDER)

    mails = [rendered(number) for number in numbers]
    heads = [mail.mime[: mail.mime.index(b"\r\n\r\n")].decode().split("\r\n") for mail in mails]
    ready = [handover(mail) for mail in mails]

    def built(number: int) -> bytes:
        mail = mails[number - start]
        return mime.build(heads[number - start], mail.text, mail.html, "=_x")

    made, build = per_s(rendered, numbers), per_s(built, numbers)
    found = {
        "render": 1 / (1 / made - 1 / build),
        "build": build,
        "raw RSA": per_s(lambda _: keys[0].sign(b"x" * 700), numbers),
        "DKIM with RSA": per_s(lambda number: rsa.headers(mails[number - start].mime), numbers),
        "raw write": raw_write(port, ready),
        "send": sent(port, ready, numbers, None, template)[0],
    }
    for name, signer in (("unsigned", None), ("whole", rsa), ("whole, RSA and Ed25519", both)):
        found[name], found[f"{name}, by the clock"] = sent(port, None, numbers, signer, template)
    found["through the ledger"], found["through the ledger, by the clock"] = through_the_ledger(
        port, numbers, rsa, template
    )
    found["straightforward"] = per_s(naive.send, numbers[: max(count // 20, 10)])
    return found


def measure(count: int, port: int, secrets: Path) -> Figures:
    template = compile_template("product", SOURCE)
    keys = dkim_keys.load_keys(secrets, "shop.example", "t1")
    naive = Naive(port, (secrets / "dkim" / "shop.example.t1.rsa.pem").read_bytes())
    one_round(range(50), port, template, keys, naive)  # warms up
    rounds = [
        one_round(range(part * count, part * count + count), port, template, keys, naive)
        for part in range(1, 1 + ROUNDS)
    ]
    return {name: [figures[name] for figures in rounds] for name in rounds[0]}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    with tempfile.TemporaryDirectory() as folder, sinking() as port:
        secrets = Path(folder)
        dkim_keys.make(secrets, "shop.example", "t1")
        found = measure(count, port, secrets)
        messages, size = counted(port)
    mail = render_message(compile_template("product", SOURCE), decision(1), ITEMS, tokens=TOKENS, sender=SENDER)
    one = {name: statistics.median(figures) for name, figures in found.items()}
    print(
        f"message: {len(mail.html) / 1000:.0f} kB of HTML, {len(mail.mime) / 1000:.0f} kB on the wire, {len(mail.links)} signed links"
    )
    print(f"the sink counted {messages:,} messages, {size / 1e9:.2f} GB\n")
    for name, figures in found.items():
        print(f"{name:40} {one[name]:8,.0f}/s  ({min(figures):,.0f} to {max(figures):,.0f})")
    allowed = 1 / sum(1 / one[name] for name in ("render", "build", "raw RSA", "raw write"))
    limits = {
        "share of the sum of the parts": (one["whole"] / allowed, LEAST_SHARE),
        "times a straightforward sender": (one["whole"] / one["straightforward"], LEAST_RATIO),
        "share left with durability": (one["through the ledger"] / one["whole"], LEAST_DURABLE),
    }
    print(f"\n{'sum of render, build, raw RSA, raw write':40} {allowed:8,.0f}/s")
    for name, (figure, least) in limits.items():
        print(f"{name:40} {figure:8.2f}, limit {least}")
    if any(figure < least for figure, least in limits.values()):
        sys.exit("under the limit")


if __name__ == "__main__":
    main()
