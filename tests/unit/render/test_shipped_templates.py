"""The templates that ship: sound, accessible, light, and right for every kind of person and cart."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import tidings
from tests.unit.render.samples import CART, item, render
from tidings.render.lint import GMAIL_CLIP_BYTES
from tidings.render.lint import findings as lint
from tidings.render.template import load_templates

FOLDER = Path(tidings.__file__).parent / "workspaces"
TEMPLATES = {
    f"{path.parent.name}/{name}": one
    for path in FOLDER.glob("*/templates")
    for name, one in load_templates(path).items()
}
BUSY = {
    "first_name": "Ann",
    "orders": 7,
    "first_order": "2025-01-03T10:00:00Z",
    "last_order": "2026-02-11T10:00:00Z",
    "trial_plan": "Business",
    "trial_ends": "2026-03-09",
    "features_used": 4,
    "people_invited": 2,
    "features_lately": ["reports", "boards"],
    "articles_lately": 14,
    "favourite_topics": ["politics", "science"],
}
PEOPLE = [{}, {"first_name": "Ann"}, {"first_name": "Ann", "orders": 1}, BUSY]
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta"}
cart = pytest.fixture(lambda: TEMPLATES["retail/abandoned_cart"])


def light(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour.lstrip("#")
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


class Page(HTMLParser):
    """Every text with the colours that it is shown in, every table, picture and link."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack = [("", "#000000", "#ffffff", False)]
        self.texts: list[tuple[str, str, str]] = []
        self.tables: list[dict[str, str]] = []
        self.pictures: list[dict[str, str]] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.root: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        _, ink, paper, hidden = self.stack[-1]
        style = dict(re.findall(r"([a-z-]+)\s*:\s*([^;]+)", values.get("style", "")))
        paper = values.get("bgcolor") or style.get("background-color") or style.get("background", paper)
        hidden |= style.get("display") == "none" or tag in ("style", "title", "head")
        paper = paper if paper.startswith("#") else self.stack[-1][2]
        self.tags.append(tag)
        if tag == "html":
            self.root = values
        elif tag == "table":
            self.tables.append(values)
        elif tag == "img":
            self.pictures.append(values)
        elif tag == "a":
            self.links.append(values.get("href", ""))
        if tag not in VOID:
            self.stack.append((tag, style.get("color", ink), paper, hidden))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.stack.pop()[0] == tag

    def handle_data(self, data):
        _, ink, paper, hidden = self.stack[-1]
        if data.strip() and not hidden:
            self.texts.append((data.strip(), ink, paper))


def page(made, person, lines=CART, items=3):
    return Page(render(made, {"person": person, "cart": lines}, [item(n, image="i.png") for n in range(items)]).html)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_there_is_nothing_to_find_and_it_is_light(name):
    assert lint(TEMPLATES[name]) == []
    heaviest = render(TEMPLATES[name], {"person": PEOPLE[-1], "cart": CART * 25}, [item(n) for n in range(3)])
    assert len(heaviest.html.encode()) < GMAIL_CLIP_BYTES / 2


@pytest.mark.parametrize("person", PEOPLE, ids=["nobody", "new", "one order", "busy"])
@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_it_can_be_read_by_everyone(name, person):
    shown = page(TEMPLATES[name], person)
    assert (shown.root["lang"], shown.root["dir"]) == ("en", "ltr")
    assert [table.get("role") for table in shown.tables] == ["presentation"] * len(shown.tables)
    assert all("alt" in picture for picture in shown.pictures)
    assert shown.tags.count("h1") == 1
    faint = [(text, ink, paper) for text, ink, paper in shown.texts if contrast(ink, paper) < 4.5]
    assert len(shown.texts) > 5
    assert faint == []
    assert "" not in shown.links
    assert "#" not in shown.links


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_title_is_the_subject_and_the_footer_says_who_why_and_how_to_leave(name):
    rendered = render(TEMPLATES[name])
    assert f"<title>{rendered.subject}</title>" in rendered.html
    for part in (rendered.html, rendered.text):
        assert "1 Example Street" in part
        assert "You get this mail because" in part
        assert "https://t.shop.example/u/" in part


def test_mails_say_what_is_known_and_nothing_odd_when_it_is_not():
    said = {name: render(one, {"person": BUSY}).text for name, one in TEMPLATES.items()}
    assert "You ordered from us 7 times, last on 11 February 2026." in said["retail/win_back"]
    assert "Your trial ends on 9 March" in said["saas/trial_ending"]
    assert "4 features so far and invited 2 people" in said["saas/trial_ending"]
    assert "mostly for reports, boards" in said["saas/quiet_lately"]
    assert "you opened 14 articles, most of them on politics" in said["publisher/subscribe"]
    assert "a good deal new on politics, science" in said["publisher/miss_you"]
    for one in TEMPLATES.values():
        unknown = render(one, {"person": {}})
        assert not re.search(r"  |,,| ,| \.|\.\.|None|\bon \.", re.sub(r"\s*\n\s*", "\n", unknown.text)), unknown.text


def test_the_cart_is_shown_with_names_quantities_prices_and_the_total(cart):
    text = render(cart).text
    assert re.search(r"Mug <blue>: \S+\n2 \xd7 £2\.50 £5\.00\n", text)
    assert re.search(r"Lamp: \S+\n1 \xd7 £10\.00 £10\.00\n", text)
    assert "Total £15.00" in text
    assert render(cart, {"cart": CART, "event": {"currency": "EUR"}}).text.count("€") == 5


def test_a_long_cart_is_cut_and_the_total_still_counts_everything(cart):
    text = render(cart, {"cart": CART * 10}).text
    assert "and 12 more" in text
    assert "Total £150.00" in text


def test_recommendations_are_shown_only_when_there_are_any(cart):
    assert "Others also bought" in render(cart, items=[item(1)]).html
    assert "Others also bought" not in render(cart, items=[]).html
    assert render(cart, items=[item(n) for n in range(3)]).html.count('class="label"') == 3


@pytest.mark.parametrize(
    ("person", "greeting", "line"),
    [
        ({}, "Your basket is still here", "First time with us?"),
        ({"first_name": ""}, "Your basket is still here", "First time with us?"),
        ({"first_name": "Ann", "orders": 0}, "Ann, your basket is still here", "First time with us?"),
        ({"first_name": "Ann", "orders": 1}, "Ann, your basket is still here", "thank you for your first order"),
        ({"first_name": "Ann", "orders": 7}, "Ann, your basket is still here", "your 7 orders so far"),
    ],
)
def test_it_speaks_to_each_kind_of_person(cart, person, greeting, line):
    rendered = render(cart, {"person": person, "cart": CART})
    assert rendered.subject == greeting
    assert greeting in rendered.text
    assert line in rendered.text


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [{}],
        [{"item_id": "1", "name": "", "price": 0.0, "quantity": 1, "url": "", "image": ""}],
        [{"name": None, "price": "abc", "quantity": None, "url": "javascript:x", "image": None}],
        [{"name": "x" * 300, "price": 1e9, "quantity": 9_999, "url": "https://shop.example/", "image": "x.png"}],
    ],
)
def test_no_cart_however_odd_stops_the_mail(cart, lines):
    rendered = render(cart, {"person": {}, "cart": lines})
    assert "Total" in rendered.text
    assert "javascript" not in rendered.html
