"""Laws 3 and 4 for conditions about permission, lists, engagement, other segments and the clock on her wall.

Each history is told to the simulator; an oracle that only knows the definitions' words and the whole history says what must hold
at each instant, and SQL over the lake must find the same members.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.property.test_streaming_equals_sql import found_by_sql, lake
from tests.unit.core import definitions
from tidings.clock import SECOND_US
from tidings.domain import profile as profiles
from tidings.domain.profile import TraitValue
from tidings.domain.record import LogRecord
from tidings.hosts.simulator import Simulator
from tidings.lake.duck import open_duck
from tidings.testing.histories import call

HOUR_S = 3_600
SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)  # clocks go forward in London on the 29th, in New York they already have
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)
LEAP = datetime(2028, 2, 28, 12, tzinfo=UTC)
ZONES = (
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Mars/Olympus",
    "",
    None,
    7,
    "../etc/passwd",
)
DEFAULT_ZONE = "Europe/Berlin"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

SEGMENTS = """
office: {rule: {local_time: {from: "09:00", to: "17:00", weekdays: [mon, tue, wed, thu, fri]}}}
night: {rule: {local_time: {from: "22:30", to: "02:30"}}}
small_hours: {rule: {local_time: {from: "01:15", to: "02:15", weekdays: [sun]}}}
sundays: {rule: {local_time: {weekdays: [sun]}}}
news: {rule: {consent: news}}
marketing: {rule: {consent: marketing}}
topic: {rule: {subscribed: news}}
beta: {rule: {in_list: beta}}
opener: {rule: {engaged: {with: opened, within: 20h}}}
any_opener: {rule: {engaged: {with: opened, machine: true, at_least: 2}}}
cart_clicker: {rule: {engaged: {with: clicked, journey: cart}}}
reachable: {rule: {all: [{in_segment: news}, {not: {in_segment: night}}]}}
friends: {rule: {any: [{in_segment: reachable}, {in_segment: beta}]}}
birthday: {rule: {anniversary: {of: born}}}
birthday_soon: {rule: {anniversary: {of: born, in_next: 30h}}}
a_year_since_we_met: {rule: {anniversary: {of: met, in_next: 2d}}}
"""
TRAITS = """
met: {first: {event: Email Opened, property: met}}
"""
BORN = (
    "2000-02-29",
    "1990-03-29",
    "1990-03-31",
    "2026-03-30",
    "1999-10-25T23:59Z",
    "2000-10-26",
    "9998-03-29",
    "0001-02-28",
    "soon",
    7,
    None,
)
"""Days around the instants that are looked at, and what is no day at all."""


def event(rng: Random, number: int, user: str, at_us: int) -> LogRecord:
    """One call of those that matter here."""
    kind = rng.randrange(7)
    if kind == 0:
        traits = {} if rng.random() < 0.4 else {"timezone": rng.choice(ZONES)}
        if rng.random() < 0.7:
            traits["born"] = rng.choice(BORN)
        context = {"timezone": rng.choice(ZONES)} if rng.random() < 0.5 else {}
        return call("identify", f"e{number}", at_us, user=user, traits=traits, context=context)
    properties: dict[str, Any] = {}
    if kind in (1, 2):
        name = rng.choice(["Consent Given", "Consent Given", "Consent Withdrawn", "Unsubscribed"])
        key = "category" if name == "Unsubscribed" else "purpose"
        properties = rng.choice(
            [{key: "news"}, {key: "news"}, {key: "marketing"}, {}, {key: None}, {key: 7}, {key: ""}]
        )
    elif kind == 3:
        name, properties = (
            rng.choice(["List Joined", "List Joined", "List Left"]),
            {"list": rng.choice(["beta", "beta", "x"])},
        )
    elif kind == 4:
        name, properties = "Email Opened", {"machine": rng.choice([True, False, None])}
        properties["met"] = rng.choice(BORN)
    else:
        name, properties = (
            "Email Link Clicked",
            {"journey": rng.choice(["cart", "other"]), "machine": rng.random() < 0.3},
        )
    return call("track", f"e{number}", at_us, user=user, event=name, properties=properties)


class Oracle:
    """What holds of one person, from all her events that had occurred, in the plainest words."""

    def __init__(self, events: list[dict[str, Any]], at_us: int) -> None:
        self.events = sorted(
            (one for one in events if one["at_us"] <= at_us), key=lambda one: (one["at_us"], one["messageId"])
        )
        self.at_us = at_us

    def zone(self) -> str:
        found: Any = None
        for one in self.events:
            if one["type"] == "identify":
                around = one["context"].get("timezone")
                if "timezone" in one["traits"]:
                    found = one["traits"]["timezone"]
                elif isinstance(around, str):
                    found = around
        return found if found in ZONES[:4] else DEFAULT_ZONE

    def clock(self, from_: str, to: str, days: tuple[str, ...] = WEEKDAYS) -> bool:
        local = datetime.fromtimestamp(self.at_us // SECOND_US, ZoneInfo(self.zone()))
        shown, today = f"{local:%H:%M}", WEEKDAYS[local.weekday()]
        yesterday = WEEKDAYS[local.weekday() - 1]
        if from_ < to:
            return today in days and from_ <= shown < to
        return (today in days and shown >= from_) or (yesterday in days and shown < to)

    def anniversary(self, value: Any, hours: int) -> bool:
        """Whether a day from today to the one that it is in so many hours is one, by looking at each."""
        if not isinstance(value, str) or value[:1] not in ("0", "1", "2"):
            return False  # what is no day, and the end of the calendar
        born, zone = date.fromisoformat(value[:10]), ZoneInfo(self.zone())
        at_s = self.at_us // SECOND_US
        day, last = (datetime.fromtimestamp(at_s + more, zone).date() for more in (0, hours * HOUR_S))
        while day <= last:
            same = (day.month, day.day) == (born.month, born.day)
            moved = (born.month, born.day) == (2, 29) == (day.month, day.day + 1) and (day + timedelta(1)).month == 3
            if (same or moved) and day.year > born.year:
                return True
            day += timedelta(1)
        return False

    def given(self, name: str) -> Any:
        said = [one["traits"][name] for one in self.events if one["type"] == "identify" and name in one["traits"]]
        return said[-1] if said else None

    def met(self) -> Any:
        said = [one["properties"]["met"] for one in self.events if one.get("event") == "Email Opened"]
        return next((one for one in said if one is not None), None)

    def consent(self, purpose: str) -> bool:
        words = []
        for one in self.events:
            key = {"Consent Given": "purpose", "Consent Withdrawn": "purpose", "Unsubscribed": "category"}.get(
                one.get("event", "")
            )
            if key and one["properties"].get(key, "marketing") == purpose:
                words.append((one["at_us"], one["event"] != "Consent Given"))
        return bool(words) and not max(words)[1]

    def on_list(self) -> bool:
        words = [
            (one["at_us"], one["event"] == "List Left")
            for one in self.events
            if one.get("event", "").startswith("List ") and one["properties"]["list"] == "beta"
        ]
        return bool(words) and not max(words)[1]

    def count(self, name: str, *, machine: bool, since_us: int = 0, **wanted: str) -> int:
        return sum(
            one.get("event") == name
            and one["at_us"] > since_us
            and (machine or one["properties"]["machine"] is not True)
            and all(one["properties"].get(key) == value for key, value in wanted.items())
            for one in self.events
        )

    def members(self) -> set[str]:
        found = {
            "office": self.clock("09:00", "17:00", WEEKDAYS[:5]),
            "night": self.clock("22:30", "02:30"),
            "small_hours": self.clock("01:15", "02:15", ("sun",)),
            "sundays": self.clock("00:00", "24:00", ("sun",)),
            "news": self.consent("news"),
            "marketing": self.consent("marketing"),
            "topic": self.consent("news"),
            "beta": self.on_list(),
            "opener": self.count("Email Opened", machine=False, since_us=self.at_us - 20 * HOUR_S * SECOND_US) > 0,
            "any_opener": self.count("Email Opened", machine=True) >= 2,
            "cart_clicker": self.count("Email Link Clicked", machine=False, journey="cart") > 0,
        }
        found["birthday"] = self.anniversary(self.given("born"), 0)
        found["birthday_soon"] = self.anniversary(self.given("born"), 30)
        found["a_year_since_we_met"] = self.anniversary(self.met(), 48)
        found["reachable"] = found["news"] and not found["night"]
        found["friends"] = found["reachable"] or found["beta"]
        return {name for name, holds in found.items() if holds}


def moments(rng: Random, start: datetime) -> Iterator[int]:
    """Instants of five days: whole quarters of an hour, a microsecond before them, and any."""
    for _ in range(25):
        at = start + timedelta(minutes=15 * rng.randrange(5 * 96))
        at_us = int(at.timestamp()) * SECOND_US
        yield rng.choice([at_us, at_us - 1, at_us + rng.randrange(900 * SECOND_US)])


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_duck()
    yield connection
    connection.close()


@pytest.mark.parametrize("start", [SPRING, AUTUMN, LEAP], ids=["spring", "autumn", "leap"])
@pytest.mark.parametrize("seed", range(12))
def test_members_are_right_at_every_instant_and_in_sql(
    seed: int, start: datetime, db: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rng = Random(seed)
    (tmp_path / "settings.yml").write_text(f"timezone: {DEFAULT_ZONE}\n")
    what = definitions(tmp_path, segments=SEGMENTS, traits=TRAITS, policy="marketing: {}")
    simulator = Simulator(what, start_us=int(start.timestamp()) * SECOND_US)
    told: dict[str, list[dict[str, Any]]] = {f"u{n}": [] for n in range(6)}
    changed = 0
    for number, at_us in enumerate(sorted(moments(rng, start))):
        for user in rng.sample(sorted(told), 3):
            record = event(rng, number * 10 + int(user[1]), user, at_us)
            body = json.loads(record.body)
            taken_us = max(at_us, simulator.clock.now_us() + 1)
            simulator.take([record], taken_us)
            told[user].append({**body, "at_us": at_us, "context": body.get("context", {})})
        look_us = max(at_us + 10, simulator.clock.now_us() + 10)
        simulator.advance_to(look_us)
        for user, events in told.items():
            state = simulator.person("user_id", user)
            live = set(state.segments) if state is not None else set()
            wanted = Oracle(events, look_us).members() if events else set()
            assert live == wanted, (user, look_us)
            changed += len(live)
    assert changed > 100
    lake(db, simulator)
    by_sql = found_by_sql(db, what, simulator.clock.now_us())
    for name in by_sql:
        assert by_sql[name] == simulator.members(name), name


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns"])
def test_a_segment_of_the_clock_turns_at_the_second(zone: str, tmp_path: Path) -> None:
    """Entered and left at exactly the instants at which a look each minute sees it turn, over a change of the clocks."""
    what = definitions(tmp_path, segments=SEGMENTS, traits=TRAITS)
    start_us = int(AUTUMN.timestamp()) * SECOND_US
    simulator = Simulator(what, start_us=start_us)
    simulator.take([call("identify", "e", start_us, user="ann", traits={"timezone": zone})], start_us)
    simulator.advance_to(start_us + 3 * 86_400 * SECOND_US)
    for name, hours in {"night": ("22:30", "02:30", WEEKDAYS), "small_hours": ("01:15", "02:15", ("sun",))}.items():
        seen, inside = [], None
        for minute in range(3 * 24 * 60):
            at_us = start_us + minute * 60 * SECOND_US
            local = datetime.fromtimestamp(at_us // SECOND_US, ZoneInfo(zone))
            shown, day = f"{local:%H:%M}", WEEKDAYS[local.weekday()]
            from_, to, days = hours
            holds = day in days and from_ <= shown < to if from_ < to else shown >= from_ or shown < to
            if holds != bool(inside):
                seen.append((at_us, holds))
            inside = holds
        facts = [
            (fact.occurred_us, fact.kind == "segment_entered") for fact in simulator.sink.facts if fact.subject == name
        ]
        assert facts == seen, name
        assert len(facts) >= 2


@pytest.mark.parametrize("ahead", ["", ", in_next: 1d"])
@pytest.mark.parametrize("born", ["2000-11-06", "2000-11-07"])
def test_a_day_that_is_left_again_as_clocks_are_put_back_over_midnight(born: str, ahead: str, tmp_path: Path) -> None:
    """In St. John's the 7th of November 2010 began, lasted a minute, and then it was the 6th once more."""
    what = definitions(tmp_path, segments=f"birthday: {{rule: {{anniversary: {{of: born{ahead}}}}}}}")
    (segment,) = what.segments.all()
    state = profiles.new("ann", "", 0)
    state.traits |= {"born": TraitValue(born, 1, "a"), "timezone": TraitValue("America/St_Johns", 1, "b")}
    at_s = int(datetime(2010, 11, 4, tzinfo=UTC).timestamp())
    holds, next_us = segment.judge(state, at_s * SECOND_US)
    for minute in range(1, 6 * 24 * 60):
        at_us = (at_s + minute * 60) * SECOND_US
        now, following_us = segment.judge(state, at_us)
        assert now == holds or at_us == next_us, f"turned unannounced at {datetime.fromtimestamp(at_us / 1e6, UTC)}"
        holds, next_us = now, following_us
