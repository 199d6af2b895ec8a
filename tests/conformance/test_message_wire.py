"""The bytes of 500 messages as others read them: fast-mail-parser, Python's own parser, and dkimpy for the signatures.

Values of people are hostile on purpose: header injection in every header that a value of a person, a name or a
setting reaches. The seconds go to RSA; TIDINGS_WIRE_MESSAGES says how many messages (500).
"""

from __future__ import annotations

import email
import email.policy
import html as entities
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from fast_mail_parser import parse_email_tree

from tests.unit.deliver.dkim_judge import verdicts
from tests.unit.render.samples import TOKENS, decision, item, template
from tidings.deliver import dkim_keys
from tidings.feedback import verp
from tidings.ids import message_id
from tidings.render import headers
from tidings.render.mail import Rendered, Sender, render_message

MESSAGES = int(os.environ.get("TIDINGS_WIRE_MESSAGES", "500"))
INJECTIONS = [
    f"{before}Bcc:{after}evil@x.example"
    for before in ("\r\n", "\n", "\r", "\x00\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\\r\\n",
                   "%0d%0a", "\r\n ", "\n\t", "\r\n\r\n", "\x7f\n", "\ufeff\n")
    for after in (" ", "")
] + [
    f"=?{charset}?{form}?{text}?="
    for charset in ("utf-8", "us-ascii", "utf-7", "iso-2022-jp", "UTF-8*en")
    for form, text in (("q", "Hello=0ABcc:_evil=40x.example"), ("Q", "=0D=0ABcc:_e=40x.example"),
                       ("b", "SGVsbG8KQmNjOiBldmlsQHguZXhhbXBsZQ=="), ("q", "=3D=3Futf-8=3Fq=3F=0ABcc:=3F="))
] + [
    "=?utf-8?q?=0A" + "x" * 5_000 + "?=", "x" * 20_000, "é" * 5_000, "=?utf-8?q?a", "?=", "=?=?=?", "(\n)", '"', '"\r\nBcc: x', "\\",
    "<evil@x.example>", "a@b, evil@x.example", ";\n Bcc: x", "\u202e\u2066evil", "😀" * 400, "猫" * 400, " " * 4_000, "\t",
]  # fmt: skip
NAMES = ["Ann", "Zoë", "Łukasz Żółć", "李雷", "Мария", "O'Brien", "Anne-Marie", "😀 Sam", 'Bob "B" Ross', "", "x" * 90]
MADE = [
    template(
        '<mj-text>Dear {{ person.first_name }}, {{ person.note }}</mj-text><mj-text>{% for i in cart %}<a href="{{ i.url }}">'
        '{{ i.name }}</a> {% endfor %}</mj-text><mj-text>{{ shop.postal_address }} <a href="{{ unsubscribe_url }}">out</a></mj-text>',
        f'subject: "{subject}"\npreheader: "{{{{ person.first_name }}}}"\nfrom_name: "{name}"',
    )
    for subject, name in (
        ("Hi {{ person.first_name }}", ""),
        ("{{ person.first_name }}: Schöne Grüße, {{ person.note }}", "Bücher & Tee"),
        ("Sale", "Shop, Inc."),
    )
]
ONCE = ["From", "To", "Subject", "Date", "Message-ID", "Feedback-ID", "List-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
        "Precedence", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type"]  # fmt: skip


def drawn(number: int) -> tuple[Rendered, Sender]:
    """Message `number`: everything about it hangs on the number only."""
    draw = random.Random(number)
    value = draw.choice(INJECTIONS) if draw.random() < 0.5 else draw.choice(NAMES)
    person = {"first_name": value, "note": draw.choice(INJECTIONS + NAMES)}
    cart = [{"name": draw.choice(NAMES), "url": f"https://shop.example/p/{n}?q={n}"} for n in range(draw.randrange(4))]
    sender = Sender(
        from_name=draw.choice(["Little Shop", "Zażółć", draw.choice(INJECTIONS)]),
        from_address="news@mail.shop.example",
        public_url="https://t.shop.example",
        shop_url="https://shop.example",
        postal_address=draw.choice(["1 Example Street", "Straße 1\nKöln"]),
        bounce_domain="bounce.shop.example",
    )
    changes: dict[str, Any] = {
        "message_id": f"{draw.getrandbits(128):032x}",
        "category": draw.choice(["marketing", "weekly offers", draw.choice(INJECTIONS)]),
        "journey": draw.choice(["cart", draw.choice(INJECTIONS)]),
        "decided_us": draw.randrange(1_700_000_000) * 1_000_000,
        "bulk": draw.random() < 0.3,
    }
    intent = decision({"person": person, "cart": cart, "event": {}}, **changes)
    made = draw.choice(MADE)
    return render_message(made, intent, [item(1)], tokens=TOKENS, sender=sender), sender


def field_names(data: bytes) -> list[str]:
    head = data.partition(b"\r\n\r\n")[0]
    return [line.partition(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]


def field(data: bytes, name: str) -> str:
    (found,) = re.findall(rf"(?m)^{name}: (.*)\r$", data.partition(b"\r\n\r\n")[0].decode("ascii") + "\r")
    return str(found)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    dkim_keys.make(folder, "shop.example", "t1")
    return folder


def check_bytes(data: bytes) -> None:
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\x00" not in data
    long = [line for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n") if len(line) > 78]
    assert [line for line in long if not line.startswith((b"List-ID", b"List-Unsubscribe", b"Feedback-ID"))] == []


def check_headers(data: bytes, rendered: Rendered) -> None:
    names = field_names(data)
    assert [name for name in names if name != "Auto-Submitted"] == ["DKIM-Signature"] * 2 + [
        "From", "To", "Subject", "Date", "Message-ID", "Feedback-ID", "X-Auto-Response-Suppress", "Precedence", "List-ID",
        "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert re.fullmatch(r"<https://t\.shop\.example/u/[\w-]{42}>", field(data, "List-Unsubscribe"))
    assert field(data, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    ids = field(data, "Feedback-ID").split(":")
    assert len(ids) == len(set(ids)) == 4
    assert re.fullmatch(r"[a-z0-9]{5,15}", ids[3])
    assert rendered.message_id not in "".join(ids)
    assert field(data, "Message-ID") == f"<{rendered.message_id}@mail.shop.example>"
    for signed in re.findall(rb"\r\n h=([\w:\r\n -]+);", data):
        assert {"list-unsubscribe", "list-unsubscribe-post", "from"} <= set(re.split(r"[:\s]+", signed.decode()))


def check_as_others_read_it(data: bytes, rendered: Rendered) -> None:
    root = parse_email_tree(data)
    assert {name: len(values) for name, values in root.headers.items() if name in ONCE} == dict.fromkeys(ONCE, 1)
    text, html = root.children
    assert (text.content_type, html.content_type) == ("text/plain", "text/html")
    theirs = email.message_from_bytes(data, policy=email.policy.default)
    parts = list(theirs.walk())
    assert [part.get_content_type() for part in parts] == ["multipart/alternative", "text/plain", "text/html"]
    assert [part.defects for part in parts] == [[], [], []]
    assert "".join(str(theirs["Subject"]).split()) == "".join(rendered.subject.split())
    for content in (text.content, parts[1].get_payload(decode=True)):
        assert isinstance(content, bytes)
        assert content.decode().replace("\r\n", "\n").rstrip("\n") == rendered.text.rstrip("\n")
    for content in (html.content, parts[2].get_payload(decode=True)):
        assert isinstance(content, bytes)
        assert (
            entities.unescape(content.decode().replace("\r\n", "\n")).rstrip()
            == entities.unescape(rendered.html).rstrip()
        )


@pytest.mark.parametrize("part", range(4))
def test_hundreds_of_messages_are_right_byte_for_byte(secrets: Path, part: int) -> None:
    signer = dkim_keys.load_signer(secrets, "t1", "mail.shop.example")
    records = dkim_keys.published(secrets, "shop.example", "t1")
    for number in range(part, MESSAGES, 4):
        rendered, _ = drawn(number)
        data = signer.headers(rendered.mime) + rendered.mime
        check_bytes(data)
        check_headers(data, rendered)
        check_as_others_read_it(data, rendered)
        assert verp.read(TOKENS, rendered.sender) == rendered.message_id
        assert verdicts(data, records) == [True, True]
        place = data.index(b"\r\nList-Unsubscribe") + random.Random(number).randrange(2, 40)
        assert verdicts(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], records) == [False, False]


@pytest.mark.parametrize("name", ["From", "To", "Subject", "List-ID", "Feedback-ID"])
def test_no_value_in_any_header_makes_another_line_of_it(name: str) -> None:
    for value in INJECTIONS:
        made = {
            "From": lambda: headers.mailbox_header("From", value, "a@x.example"),  # noqa: B023
            "To": lambda: headers.mailbox_header("To", value, "a@x.example"),  # noqa: B023
            "Subject": lambda: headers.text_header("Subject", value),  # noqa: B023
            "List-ID": lambda: f"List-ID: <{headers.atom(value)}.shop.example>",  # noqa: B023
            "Feedback-ID": lambda: f"Feedback-ID: {headers.atom(value)}:shopx",  # noqa: B023
        }[name]()
        assert all(line.startswith(" ") for line in made.split("\r\n")[1:])
        assert re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\uffff]", made) is None
        assert "\n" not in made.replace("\r\n", "")
        assert "\r" not in made.replace("\r\n", "")
        read = email.message_from_string(f"{made}\r\n\r\n", policy=email.policy.compat32)
        assert read.keys() == [name]


def test_message_ids_of_a_million_sends_are_all_different() -> None:
    """Each is the message's own id, which is a 128-bit hash of the decision: here of a million of them."""
    count = 1_000_000 if MESSAGES > 500 else 20_000
    assert len({message_id("run", "step", n) for n in range(count)}) == count
