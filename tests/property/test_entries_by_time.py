"""Dates and schedules: everybody is entered at the very instant, nobody twice, over years, in many zones, with crashes.

The oracle looks at the clock of a zone minute by minute and knows nothing of the code. Crashes fall on every commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.unit.core import definitions
from tidings.clock import DAY_US, MINUTE_US, SECOND_US, parse_instant
from tidings.domain.zones import zone
from tidings.testing.histories import POINTS, Advance, Crash, SetClock, Take, call, facts_by_person, intents, run
from tidings.workspace import Definitions

CASES = 30
START_US = parse_instant("2026-01-15T10:07:13Z")
DAYS = 500
ZONES = (
    "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago", "Pacific/Kiritimati",
    "Africa/Casablanca", "Mars/Olympus", "",
)  # fmt: skip
HOME = "America/Sao_Paulo"
STEPS = "steps: [{id: greet, send: {template: welcome, category: marketing}}]"
TIMES = {"nine": "09:00", "night": "02:30", "midnight": "00:00"}

Days = Callable[[date], bool]


class Entry(NamedTuple):
    """One journey and what the oracle knows of it."""

    at: str
    days: Days
    """Whether it is on a day; for a date it is asked of the day itself."""
    fixed: str = ""
    trait: str = ""


def journeys(rng: Random) -> tuple[dict[str, str], dict[str, Entry]]:
    """Some journeys as written, and as the oracle understands them."""
    at = rng.choice(list(TIMES.values()))
    week, month, step = rng.sample(range(7), 2), rng.choice([1, 15, 29, 31]), rng.choice([2, 3, 14])
    first = date(2026, 1, 20)
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    made = {
        "weekly": (f"weekdays: [{', '.join(names[one] for one in week)}]", Entry(at, lambda day: day.weekday() in week)),
        "monthly": (
            f"day_of_month: {month}, zone: Europe/London",
            Entry(at, lambda day: day.day == min(month, (day.replace(day=1) + timedelta(31)).replace(day=1).toordinal() - day.replace(day=1).toordinal()), "Europe/London"),
        ),
        "stepped": (
            f"every: {step}d, from: 2026-01-20",
            Entry(at, lambda day: day >= first and (day - first).days % step == 0),
        ),
    }  # fmt: skip
    texts = {
        name: f'entry: {{schedule: {{at: "{one.at}", {days}, rule: {{trait: wants, equals: true}}}}}}\n{STEPS}'
        for name, (days, one) in made.items()
    }
    ahead = rng.choice([0, 3])
    shift = f", before: {ahead}d" if ahead else ""
    texts["birthday"] = f'entry: {{date: {{trait: birthday, every: year, at: "{at}"{shift}}}}}\n{STEPS}'
    entries = {name: one for name, (_, one) in made.items()}
    entries["birthday"] = Entry(at, lambda _: True, trait=str(ahead))
    return texts, entries


@cache
def shows(day: date, at: str, name: str) -> int:
    """The first instant at which the clock of a zone shows it, found by looking at it; if it never does, as much later."""
    wanted = datetime.combine(day, time.fromisoformat(at))
    about_s = int(wanted.replace(tzinfo=UTC).timestamp())
    for at_s in range(about_s - 15 * 3_600, about_s + 15 * 3_600, 60):
        if datetime.fromtimestamp(at_s, zone(name)).replace(tzinfo=None) == wanted:
            return at_s * SECOND_US
    before = datetime.fromtimestamp(about_s - 15 * 3_600, zone(name)).utcoffset()
    assert before is not None
    return (about_s - int(before.total_seconds())) * SECOND_US


def yearly(birthday: date, ahead: int) -> Iterator[date]:
    for year in range(birthday.year + 1, 2031):
        try:
            yield birthday.replace(year=year) - timedelta(ahead)
        except ValueError:
            yield date(year, 2, 28) - timedelta(ahead)


class Said(NamedTuple):
    """What somebody says of herself at an instant."""

    at_us: int
    traits: dict[str, object]


def expected(entry: Entry, said: list[Said], end_us: int) -> list[int]:
    """Instants at which she is entered, in order, by looking at day after day."""
    found: list[int] = []
    had: date | None = None
    awaited: date | None = None
    known: dict[str, object] = {}
    for number, one in enumerate(said):
        known |= one.traits
        until_us = said[number + 1].at_us if number + 1 < len(said) else end_us
        own = known.get("timezone", "")
        name = entry.fixed or (str(own) if own in ZONES[:8] else HOME)
        now_us, over = one.at_us, False
        while not over:
            over, awaited = True, _next(entry, known, name, had, awaited, now_us)
            if awaited is not None:
                at_us = max(shows(awaited, entry.at, name), now_us + 1)
                if at_us <= until_us:
                    if entry.trait or known.get("wants") is True:
                        found.append(at_us)
                    had, now_us, over, awaited = awaited, at_us, False, None
    return found


def _next(
    entry: Entry, known: dict[str, object], name: str, had: date | None, awaited: date | None, now_us: int
) -> date | None:
    around = date(1970, 1, 1) + timedelta(days=now_us // DAY_US - 3)
    if entry.trait:
        if "birthday" not in known:
            return None
        days = yearly(date.fromisoformat(str(known["birthday"])), int(entry.trait))
    elif known.get("wants") is not True:
        return None
    else:
        days = (one for ahead in range(500) if entry.days(one := around + timedelta(ahead)))
    for day in days:
        if day >= around and (had is None or day > had) and (day == awaited or shows(day, entry.at, name) > now_us):
            return day
    return None


def person(rng: Random) -> list[Said]:
    """What she says over the years, in order."""
    said = []
    at_us = START_US + rng.randint(0, 30 * DAY_US)
    for _ in range(rng.randint(2, 9)):
        traits: dict[str, object] = {}
        if rng.random() < 0.6:
            traits["timezone"] = rng.choice(ZONES)
        if rng.random() < 0.5:
            traits["birthday"] = rng.choice(["1988-02-29", "1990-12-31", "2001-01-01", "1975-03-29", "1999-10-31"])
        if rng.random() < 0.5:
            traits["wants"] = rng.random() < 0.7
        said.append(Said(at_us, traits))
        at_us += rng.choice([rng.randint(1, 20 * 60) * MINUTE_US, rng.randint(1, 200) * DAY_US + 17])
    return said


Item = Take | Advance | Crash | SetClock


def history(people: dict[str, list[Said]], rng: Random) -> list[Item]:
    """What the log takes, with copies, crashes, a machine's clock that is set back, and outages that are long."""
    told = sorted((one.at_us, who, one.traits) for who, said in people.items() for one in said)
    items: list[Item] = []
    for number, (at_us, who, traits) in enumerate(told):
        record = call("identify", f"e{number}", at_us, user=who, traits=traits)
        items += [Crash(rng.choice(POINTS))] if rng.random() < 0.5 else []
        items += [Take(at_us, [record])] * rng.choice([1, 1, 2])
        items += [Advance(at_us)] if rng.random() < 0.3 else []
    end_us = max(START_US + DAYS * DAY_US, told[-1][0])
    pieces = rng.randint(1, 30)
    for number in range(1, pieces + 1):
        items += [Crash(rng.choice(POINTS)), SetClock(-rng.randint(0, 3_600) * SECOND_US)]
        items.append(Advance(told[-1][0] + (end_us - told[-1][0]) * number // pieces))
    return items


@pytest.mark.parametrize("case", range(CASES))
def test_everybody_is_entered_at_the_instant_and_nobody_twice(case: int, tmp_path: Path) -> None:
    rng = Random(f"times {case}")
    texts, entries = journeys(rng)
    what = _definitions(tmp_path, texts)
    people = {f"p{number}": person(rng) for number in range(4)}
    lived = history(people, rng)
    whole = run(what, [one for one in lived if isinstance(one, Take)] + lived[-1:])
    for who, said in people.items():
        own = whole.person("user_id", who)
        assert own is not None
        for name, entry in entries.items():
            end_us = max(START_US + DAYS * DAY_US, *(one.at_us for said in people.values() for one in said))
            begun = [
                f.occurred_us
                for f in whole.sink.facts
                if (f.kind, f.subject, f.profile_id) == ("run_started", name, own.profile_id)
            ]
            assert begun == expected(entry, said, end_us), (who, name, said)
    crashed = run(what, lived)
    assert facts_by_person(crashed.sink) == facts_by_person(whole.sink)
    assert intents(crashed.sink) == intents(whole.sink)


def _definitions(folder: Path, texts: dict[str, str]) -> Definitions:
    folder.mkdir(exist_ok=True)
    (folder / "settings.yml").write_text(f"timezone: {HOME}\n")
    return definitions(folder, **texts)
