"""One message on the wire: what goes out, byte for byte, and what no value can make it do."""

from __future__ import annotations

import email
import email.policy
import html as entities
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.deliver.messages import NOW_US, message_id
from tests.unit.render.samples import SENDER, TOKENS, decision, item, render, template
from tidings.feedback.tokens import Token
from tidings.render.headers import one_line
from tidings.render.mail import CannotRender, Sender, render_message

NAMES = [
    "From", "To", "Subject", "Date", "Message-ID", "Feedback-ID", "X-Auto-Response-Suppress",
    "Auto-Submitted", "Precedence", "List-ID", "List-Unsubscribe",
    "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
]  # fmt: skip
MADE = template(
    '<mj-text>Dear {{ person.first_name }} <a href="{{ person.link }}">x</a></mj-text>'
    '<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>',
    'subject: "Hi {{ person.first_name }}"\npreheader: "{{ person.first_name }}"\nfrom_name: ""',
)
EVIL = [
    "Ann\r\nBcc: evil@x.example",
    "Ann\nBcc: evil@x.example",
    "Ann\rBcc: evil@x.example",
    "Ann\r\n\r\n<script>body</script>",
    "Ann\x00Bcc: evil@x.example",
    "Ann\x0bBcc:\x0cevil\x85Cc: x",
    "Ann\u2028Bcc: evil@x.example\u2029",
    "=?utf-8?q?Hello=0ABcc:_evil=40x.example?=",
    "=?utf-8?b?SGVsbG8KQmNjOiBldmlsQHguZXhhbXBsZQ==?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3D0ABcc=3A?=",
    "=?utf-8?q?" + "x" * 300 + "?=",
    "é" * 500,
    "x" * 5_000,
    "\u202eevil\u202c \ufeff",
    '"quoted" \\back <a@b>',
    "😀" * 100,
    " " * 300,
    "",
]


def head_of(mime: bytes) -> bytes:
    return mime.partition(b"\r\n\r\n")[0]


def names_of(mime: bytes) -> list[str]:
    return [line.partition(b":")[0].decode() for line in head_of(mime).split(b"\r\n") if line[:1] not in (b" ", b"\t")]


def header(mime: bytes, name: str) -> str:
    found = re.search(rb"(?:^|\r\n)" + name.encode() + rb": (.*?)(?=\r\n[^ \t]|$)", head_of(mime), re.DOTALL)
    assert found is not None
    return found[1].decode()


def parsed(mime: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(mime, policy=email.policy.default)


def test_the_headers_of_a_marketing_mail_on_the_wire():
    rendered = render(template("<mj-text>x</mj-text>", 'subject: "Hello {{ person.first_name }}"'))
    unsubscribe = TOKENS.make("u", message_id(1))
    assert head_of(rendered.mime).decode().split("\r\n") == [
        'From: "Little Shop" <hello@shop.example>',
        "To: <p1@x.example>",
        "Subject: Hello Ann",
        "Date: Mon, 24 Nov 2025 16:00:00 +0000",
        f"Message-ID: <{message_id(1)}@shop.example>",
        "Feedback-ID: j-abandoned_cart:t-abandoned_cart:c-marketing:shopexample",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        "List-ID: <marketing.shop.example>",
        f"List-Unsubscribe: <https://t.shop.example/u/{unsubscribe}>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
        f' boundary="=_{message_id(1)}"',
    ]


def test_a_receipt_has_no_unsubscribe_header():
    mime = render(MADE, category="transactional").mime
    assert [name for name in names_of(mime) if name.startswith("List-")] == []
    assert "Auto-Submitted" in names_of(mime)


def test_both_parts_read_back_text_first():
    rendered = render(MADE, {"person": {"first_name": "Zoë, 猫"}})
    message = parsed(rendered.mime)
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "Zoë, 猫" in text.get_content()
    assert "Zoë, 猫" in entities.unescape(html.get_content())
    assert message["Subject"] == "Hi Zoë, 猫"
    assert message.defects == text.defects == html.defects == []


@pytest.mark.parametrize("value", EVIL)
def test_no_value_adds_a_header_or_a_line(value):
    mime = render(MADE, {"person": {"first_name": value}}).mime
    assert names_of(mime) == NAMES
    assert max(map(len, mime.split(b"\r\n"))) <= 998
    assert b"\r" not in mime.replace(b"\r\n", b"")
    assert b"\n" not in mime.replace(b"\r\n", b"")
    assert b"\x00" not in mime
    assert [part.get_content_type() for part in parsed(mime).walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


@pytest.mark.parametrize("value", EVIL)
def test_a_subject_shows_the_value_as_text_and_never_what_it_would_decode_to(value):
    shown = str(parsed(render(MADE, {"person": {"first_name": value}}).mime)["Subject"])
    assert "\n" not in shown
    if value.startswith("=?") and len(value) < 100:
        assert shown == f"Hi {value}"


@pytest.mark.parametrize("value", EVIL)
def test_a_senders_name_cannot_add_a_header_either(value):
    sender = Sender(from_name=value, from_address="hello@shop.example", public_url="https://t.shop.example")
    mime = render_message(MADE, decision(), [], tokens=TOKENS, sender=sender).mime
    assert names_of(mime) == NAMES
    (address,) = parsed(mime)["From"].addresses
    assert address.addr_spec == "hello@shop.example"
    # The address parser of Python 3.11 puts spaces between encoded words, which RFC 2047 says are not shown.
    assert address.display_name.replace(" ", "") == one_line(value).replace(" ", "")


@pytest.mark.parametrize("value", [value for value in EVIL if value])
def test_journey_category_and_template_names_stay_inside_their_headers(value):
    mime = render(MADE, journey=value, category=value, template=value).mime
    assert names_of(mime) == NAMES
    assert re.fullmatch(r"j-[\w.-]+:t-[\w.-]+:c-[\w.-]+:shopexample", header(mime, "Feedback-ID"))
    assert re.fullmatch(r"<[\w.-]+\.shop\.example>", header(mime, "List-ID"))


@pytest.mark.parametrize(
    "address",
    ["", "x", "@x.example", "a@", "a b@x.example", "a@x.example\r\nBcc: b@x.example", "a@x.example, b@x.example",
     "<a@x.example>", '"a b"@x.example', "a..b@x.example", ".a@x.example", "a@-x.example", "a@x..example",
     "e\u0301@x.example", "é\u200e@x.example", "é\u3000@x.example", "\ud800@x.example", "猫" * 22 + "@x.example", "a" * 65 + "@x.example", "a@" + "x" * 64 + ".example", "a@x.example\x00", "a@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_quoted(address):
    with pytest.raises(CannotRender, match="bad_address") as caught:
        render(MADE, address=address)
    assert not address or address not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        (" p1@x.example ", "p1@x.example"),
        ("o'brien+tag@x.example", "o'brien+tag@x.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("a@localhost", "a@localhost"),
        ("zoë.猫@bücher.example", "zoë.猫@xn--bcher-kva.example"),
    ],
)
def test_addresses_that_can_be_sent_to(address, sent):
    assert render(MADE, address=address).recipient == sent


def test_an_address_in_another_script_stands_in_its_header_as_it_is():
    mime = render(MADE, address="zoë@x.example").mime
    assert "\r\nTo: <zoë@x.example>\r\n".encode() in mime
    assert names_of(mime) == NAMES


def test_the_same_arguments_give_the_same_bytes_and_each_person_other_ones():
    one, again = render(MADE), render(MADE)
    assert one == again
    assert one.digest == again.digest
    other = render(MADE, message_id=message_id(2))
    assert other.message_id_header != one.message_id_header
    assert other.mime != one.mime


def test_rendering_does_not_change_what_it_was_given():
    before, values = decision(), decision()
    made = template("{% assign x = cart | reverse %}<mj-text>{% for i in x %}{% assign i = 1 %}{% endfor %}</mj-text>")
    render_message(made, values, [item(1)], tokens=TOKENS, sender=SENDER)
    assert values == before


class Addresses(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "a":
            self.links.append(values["href"])
        if tag == "img":
            self.pictures.append(values["src"])


LINKS = template(
    '<mj-button href="https://shop.example/a?x=1&amp;y={{ person.first_name }}">a</mj-button>'
    '<mj-text><a class="z" href=\'https://shop.example/b\'>b</a> <a href="https://shop.example/b">b again</a>'
    '<a href="{{ person.link }}">c</a> <a href="mailto:help@shop.example">mail</a> <a href="#top">top</a>'
    '<a href="{{ unsubscribe_url }}">out</a></mj-text>'
)


def test_each_web_link_is_tracked_by_index_with_one_list_for_both_parts():
    rendered = render(LINKS, {"person": {"first_name": "Ann", "link": "https://other.example/ä b"}})
    assert rendered.links == [
        "https://shop.example/a?x=1&y=Ann",
        "https://shop.example/b",
        "https://other.example/%C3%A4%20b",
    ]
    found = Addresses(rendered.html)
    tracked = [f"https://t.shop.example/l/{TOKENS.make('l', message_id(1), n)}" for n in range(3)]
    unsubscribe = f"https://t.shop.example/u/{TOKENS.make('u', message_id(1))}"
    assert found.links == [
        tracked[0], tracked[1], tracked[1], tracked[2], "mailto:help@shop.example", "#top", unsubscribe,
    ]  # fmt: skip
    assert re.findall(r"https?://\S+", rendered.text) == [
        tracked[0], tracked[1], tracked[1], tracked[2], unsubscribe,
    ]  # fmt: skip
    assert found.pictures == [f"https://t.shop.example/o/{TOKENS.make('o', message_id(1))}.gif"]
    assert TOKENS.read(tracked[2].rpartition("/")[2]) == Token("l", message_id(1), 2)


def test_without_tracking_there_is_no_pixel_and_links_are_direct_but_unsubscribing_works():
    rendered = render(LINKS, {"person": {"link": "https://other.example/"}}, track=False)
    assert rendered.links == []
    assert "/o/" not in rendered.html
    assert "/l/" not in rendered.html + rendered.text
    assert "https://shop.example/b" in rendered.text
    assert "https://t.shop.example/u/" in rendered.html
    assert b"List-Unsubscribe: <https://t.shop.example/u/" in rendered.mime


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:x", "data:text/html,x", "vbscript:x", "//evil.example",
     "/relative", "https://user@evil.example/", "https://shop.example@evil.example", "http://", "https:///x",
     "https://evil.example\\@shop.example", "ftp://x", "https://a b/", "", "\x03\x02javascript:x\x03",
     "https://" + "x" * 3_000, "https://[::1", "file:///etc/passwd"],
)  # fmt: skip
def test_a_link_from_an_event_that_is_no_web_address_leads_to_the_shop(address):
    rendered = render(LINKS, {"person": {"link": address}})
    assert all(link.startswith("https://shop.example") for link in rendered.links)
    assert len(rendered.links) == 3
    assert "javascript" not in " ".join(Addresses(rendered.html).links).lower()


@pytest.mark.parametrize(
    "address", ["https://a.example/\r\nSet-Cookie: x=1", "https://a.example/\u2028x", "https://a.example/ÿ\t"]
)
def test_a_destination_is_fit_for_a_location_header(address):
    rendered = render(LINKS, {"person": {"link": address}})
    assert all(re.fullmatch(r"[\x21-\x7e]+", link) for link in rendered.links)


@pytest.mark.parametrize("track", [True, False])
@pytest.mark.parametrize(
    "address", ['mailto:x" onclick="y', 'tel:1" onclick="y', '#" onclick="y', 'https://a.example/" onclick="y']
)
def test_an_address_cannot_leave_its_attribute(address, track):
    html = render(LINKS, {"person": {"link": address}}, track=track).html
    assert 'onclick="y' not in html
    assert len(Addresses(html).links) == 7


def test_a_value_cannot_forge_an_unsubscribe_address_that_escapes_tracking_elsewhere():
    rendered = render(LINKS, {"person": {"link": "https://t.shop.example/u/../l/x"}})
    assert "https://t.shop.example/u/../l/x" not in rendered.links


@pytest.mark.parametrize(
    "value",
    [
        "<script>alert(1)</script>",
        '" onload="x',
        "</title><img src=x onerror=y>",
        "<!-- <b>",
        "{{ 7 | times: 7 }}",
        "{% if %}",
    ],
)
def test_a_value_is_shown_and_not_run(value):
    rendered = render(MADE, {"person": {"first_name": value}})
    assert f"Dear {value}" in " ".join(rendered.text.split())
    assert "<script>alert" not in rendered.html
    assert "onerror=y>" not in rendered.html.replace("&gt;", "")
    assert entities.escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in rendered.html


def test_a_template_that_fails_for_one_person_says_so_without_quoting_values():
    made = template("<mj-text>{{ person.list | slice: person.secret }}</mj-text>")
    with pytest.raises(CannotRender, match="render_failed: HTML part: FilterArgumentError") as caught:
        render(made, {"person": {"list": [1], "secret": "canary"}})
    assert "canary" not in str(caught.value)


def test_half_a_character_cannot_be_rendered_and_says_so():
    with pytest.raises(CannotRender, match="render_failed"):
        render(MADE, {"person": {"first_name": "\ud800"}})


def test_long_lines_go_out_encoded_and_short_ascii_as_it_is():
    plain = render(MADE).mime
    assert plain.count(b"Content-Transfer-Encoding: 7bit") == 2
    long = render(template("<mj-text>{{ person.x }}</mj-text>"), {"person": {"x": "y" * 2_000}}).mime
    assert b"Content-Transfer-Encoding: base64" in long
    assert b"Content-Transfer-Encoding: quoted-printable" in long or max(map(len, long.split(b"\r\n"))) <= 998


words = st.text(max_size=60)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({"first_name": words, "link": words}),
    st.text(min_size=1, max_size=30),
    st.sampled_from(["marketing", "newsletter"]),
    st.integers(0, 2**40),
    st.binary(min_size=16, max_size=16),
)
def test_whatever_the_values_the_wire_holds_each_header_once_and_both_parts(person, journey, category, at_us, number):
    rendered = render(
        MADE, {"person": person}, journey=journey, category=category, decided_us=at_us, message_id=number.hex()
    )
    mime = rendered.mime
    assert names_of(mime) == NAMES
    assert max(map(len, mime.split(b"\r\n"))) <= 998
    assert mime.isascii()
    unsubscribe = header(mime, "List-Unsubscribe")
    assert re.fullmatch(r"<https://t\.shop\.example/u/[\w-]{42}>", unsubscribe)
    assert header(mime, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    message = parsed(mime)
    assert message.defects == []
    text, html = message.iter_parts()
    assert text.get_content().replace("\r\n", "\n").rstrip("\n") == rendered.text.rstrip("\n").replace("\r", "\n")
    assert "Unsubscribe" in html.get_content()
    assert (
        render(
            MADE, {"person": person}, journey=journey, category=category, decided_us=at_us, message_id=number.hex()
        ).mime
        == mime
    )


def test_the_date_is_the_instant_of_the_decision():
    assert header(render(MADE, decided_us=NOW_US + 999_999).mime, "Date") == "Mon, 24 Nov 2025 16:00:00 +0000"


def test_a_mail_may_say_what_a_webhook_answered():
    made = template("<mj-text>Level {{ answers.ask.level | default: 'none' }}</mj-text>")
    assert b"Level none" in render(made).mime
    assert b"Level 7" in render(made, {"answers": {"ask": {"level": 7}}}).mime
