"""How values look on a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidings.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from tidings.console import __file__ as console_file
from tidings.console import charts, journeys, show
from tidings.console.store import SQL

NOW_US = 1_795_000_000_000_000


@pytest.mark.parametrize(
    ("back_us", "text"),
    [
        (0, "just now"),
        (SECOND_US, "just now"),
        (12 * SECOND_US, "12 s ago"),
        (59 * SECOND_US, "59 s ago"),
        (MINUTE_US, "1 min ago"),
        (3 * HOUR_US + MINUTE_US, "3 h ago"),
        (5 * DAY_US, "5 d ago"),
        (90 * DAY_US, "20 Aug 2026"),
        (-3 * MINUTE_US, "in 3 min"),
    ],
)
def test_instants_are_told_relative_to_now(back_us: int, text: str) -> None:
    assert show.ago(NOW_US - back_us, NOW_US) == text


def test_numbers_and_money_are_grouped() -> None:
    assert show.number(397924) == "397,924"
    assert show.number(390.05) == "390.05"
    assert show.number(2.0) == "2"
    assert show.money(1234.5, "GBP") == "£1,234.50"
    assert show.money(3, "CHF") == "3.00 CHF"
    assert show.money(-2.5) == "\N{MINUS SIGN}2.50"


@pytest.mark.parametrize(
    ("span_us", "text"),
    [
        (38_000, "38 ms"),
        (1_500_000, "1.5 s"),
        (5 * MINUTE_US, "5 min"),
        (80 * MINUTE_US, "1 h 20 min"),
        (DAY_US, "1 d"),
    ],
)
def test_spans_have_at_most_two_units(span_us: int, text: str) -> None:
    assert show.span(span_us) == text


def test_an_event_is_told_by_its_most_telling_properties() -> None:
    bought = {"product_id": "1", "name": "Mug", "price": 2.5, "quantity": 2, "currency": "GBP"}
    assert show.headline(bought) == f"Mug · £2.50 {show.TIMES} 2"
    assert show.headline({"order_id": "M-1", "revenue": 25.5}) == "M-1 · 25.50"
    assert show.headline({"plan": "pro", "seats": 3, "none": None}) == "plan pro · seats 3"
    page = {"url": "http://shop.example/cart", "path": "/cart", "title": "Basket", "name": "Your basket"}
    assert show.headline(page) == "Your basket · /cart"
    assert show.headline({"message_id": "5f", "url": "http://shop.example/cart"}) == "http://shop.example/cart"
    assert show.headline({"message_id": "5f", "category": "marketing"}) == "category marketing"
    assert show.headline({"quantity": 3}) == f"{show.TIMES} 3"
    assert show.headline({}) == ""


def test_people_without_a_name_go_by_what_is_known() -> None:
    row = {"name": None, "email": None, "user_id": None, "profile_id": "2c65a4ffff"}
    assert show.who(row) == "Anonymous 2c65a4"
    assert show.who({**row, "user_id": "17850"}) == "17850"
    assert show.who({**row, "name": "Anna", "email": "a@b"}) == "Anna"
    assert [show.initials(name) for name in ("Anna Berger", "anna@x.example", "17850", "Anonymous 2c65a4", "")] == [
        "AB",
        "A",
        "50",
        "A",
        "#",
    ]


def test_json_is_coloured_and_escaped_whatever_it_holds() -> None:
    body = json.dumps({"a<b>": ["</pre><script>", 1.5e3, True, None, 'say "hi" & go', "caf\u00e9"]}).encode()
    markup = str(show.json_markup(body))

    assert "<script>" not in markup
    assert '<span class="j-k">&#34;a&lt;b&gt;&#34;</span>' in markup
    assert '<span class="j-b">null</span>' in markup
    assert (
        show.json_markup(body).striptags().split() == json.dumps(json.loads(body), indent=2, ensure_ascii=False).split()
    )


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe<b>", b"[" * 100_000, b"", b'"\\ud800"'])
def test_bytes_that_are_no_json_are_shown_as_text(body: bytes) -> None:
    assert "<b>" not in str(show.json_markup(body))


def test_totals_are_told_backwards_from_the_present() -> None:
    changes = [(10, 1), (20, 1), (35, -1), (39, 1)]

    assert charts.buckets(changes, 2, 0, 40, 4) == [0, 1, 2, 2]
    assert charts.buckets([], 5, 0, 40, 3) == [5, 5, 5]


def test_a_plot_spans_its_canvas() -> None:
    plot = charts.plot([0.0, 5.0, 10.0], 100, 50, from_zero=True)

    assert plot.line == "M0.0 48.0L50.0 25.0L100.0 2.0"
    assert plot.area.endswith("L100 50L0 50Z")
    assert charts.plot([3.0]).line == ""


def test_jumps_that_overlap_get_their_own_lanes() -> None:
    jumps, lanes = journeys._jumps([(0, 4, "a"), (1, 5, "b"), (0, 1, "c"), (4, 5, "d")])

    assert lanes == 3
    assert len({jump.path for jump in jumps}) == 4


def test_every_question_is_asked_somewhere_and_has_a_bound() -> None:
    code = "".join(path.read_text() for path in Path(console_file).parent.glob("*.py"))
    for name, text in SQL.items():
        assert f'"{name}"' in code, name
        one_row = "one" in name or name in {
            "cursor",
            "person",
            "survivor",
            "message",
            "kept",
            "mail",
            "mail_count",
            "people_count",
        }
        assert one_row or "LIMIT" in text or name in {"segment_counts", "change_instants"}, name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_the_contrast_that_reading_needs(theme: str) -> None:
    css = (Path(console_file).parent / "static" / "console.css").read_text()
    blocks = css.split(":root {")[1:3]
    colours = dict(
        pair.strip().split(": ")
        for block in blocks[: 1 if theme == "light" else 2]
        for pair in block.split("}")[0].split(";")
        if pair.strip().startswith("--") and "#" in pair
    )
    pairs = [(text, ground) for text in ("--ink", "--soft", "--accent") for ground in ("--bg", "--surface", "--sunken")]
    pairs += [(f"--{name}", f"--{name}-soft") for name in ("green", "red", "amber", "violet", "blue", "grey", "accent")]
    for text, ground in pairs:
        assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def _contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
