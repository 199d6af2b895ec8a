"""Who was in a segment at an instant, and why: asked of the lake, with what was known by another instant.

*What was true at T* goes by when things occurred, *what we knew at K* by when the log took them and by whom was already known
to be one person. A segment's members come by its SQL; one person's state is folded from her own events by the production code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec

from tidings import workspace
from tidings.clock import SystemClock, iso, parse_duration, parse_instant
from tidings.config import Config
from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.names import nearest
from tidings.domain.profile import ProfileState
from tidings.domain.sql import LAKE, Query
from tidings.errors import InputError
from tidings.lake import query
from tidings.lake.duck import run, text
from tidings.process import profile
from tidings.process.segment import Segment
from tidings.rules.compile import walked
from tidings.versions.shelf import Versions
from tidings.workspace import Definitions

LATEST_US = parse_instant("9000-01-01")
"""Latest instant that can be asked about: rules look ahead from there, and the calendar ends."""
MAX_EVENTS = 1_000_000
"""Events of one person that are folded."""
_EVENTS = f"""SELECT kind, name, event_id, occurred_us, received_us, properties, traits, context
  FROM {LAKE} AS rows WHERE profile_id = {{person}} AND occurred_us <= {{at}} AND received_us <= {{known}}
  ORDER BY occurred_us, event_id LIMIT {MAX_EVENTS}"""
_SHOWN = "SELECT profile_id, COALESCE(user_id, ''), COALESCE(email, '') FROM people WHERE profile_id = ?"
_FIND = """SELECT profile_id FROM people WHERE profile_id = ?1 OR user_id = ?1 OR email = ?1
  UNION SELECT profile_id FROM identifiers WHERE value = ?1 LIMIT 2"""


class Asked(msgspec.Struct, frozen=True):
    """The two instants of a question."""

    at_us: int
    """What had occurred by then."""
    known_us: int
    """What was known by then."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person as she was."""

    profile_id: str
    as_of: str
    known_at: str
    events: int
    traits: dict[str, Any]
    """Given and computed."""
    consents: dict[str, bool]
    segments: list[str]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why she is in a segment, or is not."""

    segment: str
    profile_id: str
    member: bool
    changes: str
    """The next instant at which that can change by time alone; empty when it cannot."""
    because: str
    """The rule with her own values."""


def asked(as_of: str, known_at: str) -> Asked:
    """The question's instants from what was typed: ISO 8601, or a span back such as ``2d``; now when empty. Raises InputError."""
    now_us = SystemClock().now_us()
    return Asked(instant(as_of, now_us, "--as-of"), instant(known_at, now_us, "--known-at"))


def instant(typed: str, now_us: int, option: str) -> int:
    """An instant from what was typed for an option; `now_us` when nothing was. Raises InputError."""
    if not typed:
        return now_us
    try:
        return now_us - parse_duration(typed)
    except ValueError:
        pass
    try:
        at_us = parse_instant(typed)
    except ValueError:
        at_us = -1
    if not 0 <= at_us < LATEST_US:
        msg = (
            f"{option}: got {typed!r}, wanted an instant from 1970 to {iso(LATEST_US)[:4]} such as 2026-01-31T12:00Z, or a span "
            f"back such as 2d"
        )
        raise InputError(msg)
    return at_us


def running(config: Config) -> Definitions:
    """The definitions that run."""
    return workspace.load(Versions(config.data).current(config.workspace), kept=True)


def segment_of(definitions: Definitions, name: str) -> Segment:
    """A segment by name. Raises InputError."""
    found = definitions.segments.by_name.get(name)
    if found is None:
        names = definitions.segments.by_name
        near = nearest(name, names)
        do = f"did you mean {near}?" if near else f"wanted one of {', '.join(names) or 'none'}"
        msg = f"segment {name!r}: no such segment runs; {do}"
        raise InputError(msg)
    return found


def members(config: Config, segment: Segment, question: Asked) -> list[str]:
    """Profile ids of everybody who was in the segment, sorted."""
    question_sql = Query(question.at_us, question.known_us)
    with closing(query.connect(config.data, known_us=question.known_us)) as db:
        return sorted(row[0] for row in run(db, question_sql.statement(LAKE, segment.rule.sql(question_sql))))


def shown(config: Config, profile_ids: list[str]) -> Iterator[tuple[str, str, str]]:
    """(profile id, user id, address) as they are known now."""
    with closing(serving(config)) as db:
        for profile_id in profile_ids:
            yield db.execute(_SHOWN, (profile_id,)).fetchone() or (profile_id, "", "")


def complete_to(config: Config) -> int:
    """All records of the log below this offset are in the lake."""
    with closing(serving(config)) as db:
        return int(db.execute("SELECT upto_offset FROM lake_cursor").fetchone()[0])


def find(config: Config, who: str) -> str:
    """The profile id that a profile id, user id, anonymous id or address means. Raises InputError."""
    with closing(serving(config)) as db:
        found = [row[0] for row in db.execute(_FIND, (who,))]
    if len(found) == 1:
        return str(found[0])
    problem = "several people have it; use the profile id" if found else "nobody is known by it"
    msg = f"person {who!r}: {problem}; wanted a profile id, a user id, an anonymous id or an address"
    raise InputError(msg)


def state_of(config: Config, definitions: Definitions, profile_id: str, question: Asked) -> ProfileState:
    """Her state as it was, folded by the production code from her own events. Raises InputError when there were none."""
    layout = definitions.layout
    state = profiles.new(profile_id, layout.layout_id, len(layout.accumulators))
    for event in _events(config, profile_id, question):
        profile.apply(state, event, layout)
        consent = profile.consent_of(event)
        if consent is not None:
            profile.note_consent(state, *consent, definitions.policies)
    if not state.events:
        msg = f"person {profile_id}: no event of hers occurred by {iso(question.at_us)} and was known by {iso(question.known_us)}"
        raise InputError(msg)
    return state


def person(config: Config, definitions: Definitions, profile_id: str, question: Asked) -> Person:
    """Everything about one person as it was."""
    state = state_of(config, definitions, profile_id, question)
    inside = [one.name for one in definitions.segments.all() if one.rule.judge(state, question.at_us).holds]
    return Person(
        profile_id=profile_id,
        as_of=iso(question.at_us),
        known_at=iso(question.known_us),
        events=state.events,
        traits=profile.values(state, definitions.layout, question.at_us),
        consents={purpose: entry.granted for purpose, entry in state.consents.items()},
        segments=inside,
    )


def explain(config: Config, definitions: Definitions, name: str, profile_id: str, question: Asked) -> Reason:
    """Why one person was in a segment or was not, and when that could change next."""
    segment = segment_of(definitions, name)
    state = state_of(config, definitions, profile_id, question)
    holds, next_us = walked(segment.rule)(state, question.at_us)
    return Reason(
        segment=name,
        profile_id=profile_id,
        member=holds,
        changes=iso(next_us) if next_us else "",
        because=segment.rule.explain(state, question.at_us),
    )


def _events(config: Config, profile_id: str, question: Asked) -> Iterator[Event]:
    statement = _EVENTS.format(person=text(profile_id), at=question.at_us, known=question.known_us)
    with closing(query.connect(config.data, known_us=question.known_us)) as db:
        for offset, row in enumerate(run(db, statement)):
            kind, name, event_id, occurred_us, received_us, *parts = row
            properties, traits, context = (msgspec.json.decode(part) for part in parts)
            yield Event(
                event_id=event_id,
                kind=kind,
                name=name,
                occurred_us=occurred_us,
                received_us=received_us,
                offset=offset,
                profile_id=context.get("profile_id", "") if "profile_id" in context else "",
                properties=properties,
                traits=traits,
                context=context,
            )


def serving(config: Config) -> sqlite3.Connection:
    """The serving copy, read-only. Raises InputError when there is none yet."""
    path = config.data / "serving.db"
    if not path.exists():
        msg = f"{path}: no serving copy yet; start `tidings serve` on this data directory first"
        raise InputError(msg)
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)
