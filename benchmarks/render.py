"""Messages rendered per second of one core: templates compiled once, against compiling for each person.

The naive path makes the same message from the same parts for each person: MJML to HTML, styles inlined, Liquid parsed
and run, the text part derived, the MIME built by the standard library. Both run in this process, in turns, on CPU time.

python -m benchmarks.render [MESSAGES]
"""

from __future__ import annotations

import email.policy
import statistics
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from importlib.resources import files

from tidings.domain.message import SendIntent
from tidings.feedback.tokens import Tokens
from tidings.ids import digest
from tidings.recommend.base import Recommendation
from tidings.render.mail import Sender, render_message
from tidings.render.template import compile_template

ROUNDS = 5
LEAST_RATIO = 5.0
"""The limit: compiling once must be so many times faster than compiling for each person."""
TOKENS = Tokens(bytes(32))
SENDER = Sender(
    from_name="Little Shop",
    from_address="hello@shop.example",
    public_url="https://t.shop.example",
    shop_url="https://shop.example",
    postal_address="1 Example Street, Example Town",
)
SOURCE = files("tidings.workspaces").joinpath("retail/templates/abandoned_cart.mjml").read_text("utf-8")


def decision(number: int) -> SendIntent:
    """A person with a name and four things in the cart, unlike every other."""
    cart = [
        {
            "item_id": f"{number}-{k}",
            "name": f"Café Mug No. {number + k} “Blue”",
            "price": 2.5 + k,
            "quantity": 1 + number % 3,
            "url": f"https://shop.example/product/{number + k}?from=cart&n={k}",
            "image": f"https://shop.example/image/{number + k}.png",
        }
        for k in range(4)
    ]
    return SendIntent(
        message_id=digest("benchmark", str(number), size=16).hex(),
        profile_id=f"p{number}",
        address=f"person{number}@x.example",
        journey="abandoned_cart",
        journey_version="1",
        run_id="r",
        step="send",
        template="abandoned_cart",
        category="marketing",
        mode="at_most_once",
        occurred_us=0,
        decided_us=1_764_000_000_000_000 + number,
        values={"person": {"first_name": f"Ann{number}", "orders": number % 4}, "cart": cart, "event": {}},
    )


def items(number: int) -> list[Recommendation]:
    return [
        Recommendation(
            item_id=f"r{k}",
            name=f"Lamp {number % 50 + k}",
            price=9.5,
            url=f"https://shop.example/product/r{k}",
            image=f"https://shop.example/image/r{k}.png",
            reason="popular: 9 orders",
            score=1.0,
        )
        for k in range(3)
    ]


def timed(work: Callable[[int], int], numbers: range) -> tuple[float, int]:
    """(messages per CPU second, bytes made)."""
    started_s = time.process_time()
    size = sum(work(number) for number in numbers)
    return len(numbers) / (time.process_time() - started_s), size


def naive(number: int) -> int:
    rendered = render_message(
        compile_template("abandoned_cart", SOURCE), decision(number), items(number), tokens=TOKENS, sender=SENDER
    )
    message = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=998))
    message["From"] = f"{SENDER.from_name} <{SENDER.from_address}>"
    message["To"] = rendered.recipient
    message["Subject"] = rendered.subject
    message["Date"] = rendered.date
    message["Message-ID"] = rendered.message_id_header
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return len(message.as_bytes())


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    template = compile_template("abandoned_cart", SOURCE)

    def ours(number: int) -> int:
        return len(render_message(template, decision(number), items(number), tokens=TOKENS, sender=SENDER).mime)

    timed(ours, range(50))
    fast, slow = [], []
    size = 0
    for part in range(ROUNDS):
        per_s, size = timed(ours, range(part * count, part * count + count))
        fast.append(per_s)
        slow.append(timed(naive, range(max(count // 50, 10)))[0])
    one, other = statistics.median(fast), statistics.median(slow)
    print(f"message: 4 items in the cart, 3 recommended, {size / count / 1000:.1f} kB")
    print(f"compiled once:        {one:8,.0f} messages/s per core  ({min(fast):,.0f} to {max(fast):,.0f})")
    print(f"compiled per person:  {other:8,.0f} messages/s per core  ({min(slow):,.0f} to {max(slow):,.0f})")
    print(f"ratio:                {one / other:8.1f}, limit {LEAST_RATIO}")
    if one / other < LEAST_RATIO:
        sys.exit("under the limit")


if __name__ == "__main__":
    main()
