"""Mail readers come back: opens, clicks, unsubscribes, and those who only pretend."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.collect.collector import Answer, Collector
from tidings.clock import SystemClock
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Frozen
from tidings.domain.event import Event
from tidings.domain.message import SendIntent
from tidings.domain.record import LogRecord
from tidings.domain.wire import normalise
from tidings.feedback.tokens import Tokens, load_tokens

PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
MESSAGE = "0" * 31 + "7"
LINKS = ["https://shop.example/p?a=1&b=ü x", "javascript:alert(1)", "https://x.example/\r\nSet-Cookie: a=b"]
PROPERTIES = {"message_id": MESSAGE, "journey": "abandoned_cart", "template": "cart", "category": "marketing"}


@pytest.fixture(scope="module")
def tokens(collector: Collector) -> Iterator[Tokens]:
    ledger = Ledger(collector.data / "ledger.db")
    intent = SendIntent(
        message_id=MESSAGE,
        profile_id="p7",
        address="ann@x.example",
        journey="abandoned_cart",
        journey_version="v1",
        run_id="r7",
        step="send",
        template="cart",
        category="marketing",
        mode="at_most_once",
        occurred_us=1,
        decided_us=2,
    )
    ledger.add([intent], [])
    frozen = Frozen(template_version="t", sender_version="s", subject="Hi", items=[], links=LINKS, digest="d")
    assert ledger.begin_attempt(MESSAGE, SystemClock().now_us(), frozen) is None
    yield load_tokens(collector.data / "secrets")
    ledger.close()


def come(
    collector: Collector, method: str, path: str, body: bytes | None = None, agent: str = PERSON, **headers: str
) -> tuple[Answer, list[tuple[str, Event]]]:
    """The answer, and (event id, event) of what was added to the log by then."""
    before = collector.head()
    given = {**({"User-Agent": agent} if agent else {}), **{k.replace("_", "-"): v for k, v in headers.items()}}
    answer = collector.ask(method, path, body, given)
    return answer, [_event(record) for record in collector.records(before)]


def _event(record: LogRecord) -> tuple[str, Event]:
    assert record.source == "tidings"
    event = normalise(record, 0, SystemClock().now_us())
    assert isinstance(event, Event), "what the collector itself makes must be a good event"
    return event.event_id, event


def test_a_fetched_pixel_is_an_open(collector: Collector, tokens: Tokens) -> None:
    answer, [(event_id, event)] = come(collector, "GET", f"/o/{tokens.make('o', MESSAGE)}.gif")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.headers["cache-control"] == "no-store"
    assert (event.name, event.profile_id, event.properties) == ("Email Opened", "p7", {**PROPERTIES, "machine": False})
    assert event_id.startswith(f"open-{MESSAGE}-")


def test_a_followed_link_leads_to_its_stored_destination(collector: Collector, tokens: Tokens) -> None:
    answer, [(event_id, event)] = come(collector, "GET", f"/l/{tokens.make('l', MESSAGE, 0)}")
    assert answer.status == 302
    assert answer.headers["location"] == "https://shop.example/p?a=1&b=%C3%BC%20x"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert event.name == "Email Link Clicked"
    assert event.properties == {**PROPERTIES, "url": LINKS[0], "link": 0, "machine": False}
    assert event_id.startswith(f"click-{MESSAGE}-0-")


def test_within_a_minute_the_same_open_or_click_has_the_same_id(collector: Collector, tokens: Tokens) -> None:
    if time.time() % 60 > 55:
        time.sleep(6)
    for path in (f"/o/{tokens.make('o', MESSAGE)}.gif", f"/l/{tokens.make('l', MESSAGE, 0)}"):
        ids = {come(collector, "GET", path)[1][0][0] for _ in range(3)}
        assert len(ids) == 1


@pytest.mark.parametrize(
    ("method", "agent"),
    [
        ("HEAD", PERSON),
        ("GET", ""),
        ("GET", "Mozilla/5.0"),
        ("GET", "python-requests/2.32"),
        ("GET", "Mozilla/5.0 (compatible; Barracuda Sentinel)"),
        ("GET", "Mozilla/5.0 (compatible; bingbot/2.0)"),
    ],
)
def test_machines_are_marked_and_not_dropped(collector: Collector, tokens: Tokens, method: str, agent: str) -> None:
    for path in (f"/o/{tokens.make('o', MESSAGE)}.gif", f"/l/{tokens.make('l', MESSAGE, 0)}"):
        _, [(_, event)] = come(collector, method, path, agent=agent)
        assert event.properties["machine"] is True


def test_gmails_image_proxy_fetches_for_a_person(collector: Collector, tokens: Tokens) -> None:
    agent = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    _, [(_, event)] = come(collector, "GET", f"/o/{tokens.make('o', MESSAGE)}.gif", agent=agent)
    assert event.properties["machine"] is False


@pytest.mark.parametrize("index", [1, 2, 3, 65_535])
def test_only_stored_web_addresses_are_followed(collector: Collector, tokens: Tokens, index: int) -> None:
    answer, events = come(collector, "GET", f"/l/{tokens.make('l', MESSAGE, index)}")
    assert (answer.status, events) == (404, [])
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


# Unsubscribing.

ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("body", "kind", "method"),
    [
        (ONE_CLICK, "application/x-www-form-urlencoded", "one_click"),
        (MULTIPART, "multipart/form-data; boundary=x", "one_click"),
        (None, "", "one_click"),
        (b"from=page", "application/x-www-form-urlencoded", "page"),
    ],
)
def test_one_post_unsubscribes_at_once(
    collector: Collector, tokens: Tokens, body: bytes | None, kind: str, method: str
) -> None:
    answer, [(event_id, event)] = come(collector, "POST", f"/u/{tokens.make('u', MESSAGE)}", body, Content_Type=kind)
    assert answer.status == 200, "never a redirect"
    assert "set-cookie" not in answer.headers
    assert (event.name, event.profile_id) == ("Unsubscribed", "p7")
    assert event.properties == {**PROPERTIES, "method": method}
    assert event_id.startswith(f"unsub-{MESSAGE}-marketing-")  # and the minute: it can be done again after an opt-in


def test_looking_at_the_page_does_not_unsubscribe(collector: Collector, tokens: Tokens) -> None:
    path = f"/u/{tokens.make('u', MESSAGE)}"
    for method in ("GET", "HEAD") * 50:
        answer, events = come(collector, method, path, agent="some scanner")
        assert (answer.status, events) == (200, [])
    page = come(collector, "GET", path)[0]
    assert b'<form method="post">' in page.body
    assert b"marketing" in page.body
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"


# Forgers.


def test_forged_truncated_and_foreign_tokens_get_one_answer_and_change_nothing(
    collector: Collector, tokens: Tokens
) -> None:
    forged: list[str] = []
    for kind in "olu":
        good = tokens.make(kind, MESSAGE)
        other = Tokens(b"k" * 32).make(kind, MESSAGE)
        unknown = tokens.make(kind, "f" * 32)
        wrong_kind = tokens.make({"o": "l", "l": "u", "u": "o"}[kind], MESSAGE)
        flipped = good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:]
        tails = [good[:-1], good + "A", flipped, other, unknown, wrong_kind, "", "..%2f..", "%00", "x" * 5_000]
        forged += [f"/{kind}/{tail}" for tail in tails]
    seen: set[Any] = set()
    for path in forged:
        for method in ("GET", "POST"):
            answer, events = come(collector, method, path, ONE_CLICK if method == "POST" else None)
            assert events == []
            seen.add((answer.status, answer.body, tuple(name for name in sorted(answer.headers) if name != "date")))
    assert len(seen) == 1
    assert next(iter(seen))[0] == 404


def test_other_methods_are_declined(collector: Collector, tokens: Tokens) -> None:
    for kind, method in (("o", "POST"), ("l", "POST"), ("u", "DELETE")):
        answer, events = come(collector, method, f"/{kind}/{tokens.make(kind, MESSAGE)}")
        assert (answer.status, answer.json["code"], events) == (405, "method", [])


def test_an_unsubscription_is_on_disk_when_it_is_answered(collector: Collector, tokens: Tokens) -> None:
    before = collector.head()
    collector.ask("POST", f"/u/{tokens.make('u', MESSAGE)}", ONE_CLICK)
    collector.process.kill()
    collector.process.wait()
    assert collector.process.stdout is not None
    collector.process.stdout.close()
    collector.start()
    assert json.loads(collector.records(before)[0].body)["event"] == "Unsubscribed"
