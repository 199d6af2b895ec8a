"""Why a journey sent somebody nothing, gathered from what is on record: serving copy, ledger, log, definitions.

`decide/why_not.py` gives the verdict; here is what it is asked with, and the chain behind its answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from tidings import workspace
from tidings.clock import iso
from tidings.console import grounds, people, why
from tidings.console.store import Store
from tidings.console.why import Link
from tidings.decide.why_not import Case, Chance, Decided, Miss, PastRun, Verdict, miss, verdict
from tidings.domain.event import Event
from tidings.domain.output import cause_offset
from tidings.domain.profile import ProfileState
from tidings.errors import TidingsError
from tidings.process.journey import Journey, entry_words
from tidings.process.segment import Change, Segment, turn
from tidings.rules.explain import Reason, reasons
from tidings.serving.facts import LANE
from tidings.versions.shelf import Versions
from tidings.workspace import Definitions

CHANCES = 50
"""Latest chances that are looked at."""
SHOWN = 5
"""Latest of those that began no run, in the chain."""
RUNS = 500
"""Latest runs of a person that are looked at."""
MESSAGES = 200
"""Latest messages of one journey for a person that are looked at."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Why not, for one person and one journey."""

    profile_id: str
    journey: str
    version: str
    """Of the journey as it runs now."""
    as_of: str
    verdict: Verdict
    chain: list[Link]
    """What it rests on, oldest first; instants in microseconds."""

    def lines(self) -> list[str]:
        """For people: the verdict, then the chain."""
        head = f"{self.verdict.sentence}"
        lines = [head, f"  {self.profile_id} and journey {self.journey} {self.version}, as of {self.as_of}"]
        for link in self.chain:
            lines += why.lines(link)
        return lines


def why_not(
    store: Store, definitions: Definitions, name: str, profile_id: str, at_us: int, state: ProfileState | None
) -> Answer:
    """The answer about a journey or broadcast as of an instant. `state` is hers as it was then, in the layout of these definitions; None when it is not
    to be had: then the rule of an entry segment is not explained."""
    journey = definitions.named(name)
    assert journey is not None, "the caller has looked"
    past = _runs(store, profile_id, at_us, state)
    chances, came = _chances(store, journey, profile_id, at_us)
    missed = [one for chance in chances if (one := miss(_then(store, journey, chance), chance, past)) is not None]
    rows = _messages(store, name, profile_id, at_us)
    case = Case(
        journey=journey,
        runs=past,
        messages=[_decided(row, at_us, _run_of(row, name, past)) for row in rows],
        misses=missed,
        came=came,
        coming=_coming(definitions, journey, state, at_us),
    )
    return Answer(
        profile_id=profile_id,
        journey=name,
        version=journey.version,
        as_of=iso(at_us),
        verdict=verdict(case),
        chain=[_entry(journey), *_stands(definitions, journey, state, at_us), *_chain(store, case, rows, at_us)],
    )


# What is on record


def _runs(store: Store, profile_id: str, at_us: int, state: ProfileState | None) -> list[PastRun]:
    rows = store.serving.rows("runs_of", profile_id=profile_id, known_us=at_us, limit=RUNS)
    return [_run(store, row, at_us, state) for row in reversed(rows)]


def _run(store: Store, row: sqlite3.Row, at_us: int, state: ProfileState | None) -> PastRun:
    ended = row["state"] == "ended" and row["updated_us"] <= at_us
    taken = store.serving.rows("run_steps", row["run_id"])
    steps = [step for step in taken if step["known_us"] <= at_us]
    own = [step for step in steps if not str(step["outcome"]).startswith(LANE)]
    later = taken[len(steps)]["occurred_us"] if len(taken) > len(steps) else 0  # as it turned out
    live = next((one for one in state.runs if one.run_id == row["run_id"]), None) if state is not None else None
    return PastRun(
        run_id=row["run_id"],
        journey=row["journey"],
        version=row["version"],
        step=row["step"] if ended or not own else own[-1]["step"],
        known_us=row["known_us"],
        offset=_offset(row["cause"]),
        ended_us=row["updated_us"] if ended else 0,
        ended_offset=_offset(row["ended_by"]) if ended else -1,
        outcome=row["outcome"] if ended else "",
        until_us=later or (live.timer_us if live is not None else 0),
        waits_for=str(own[-1]["outcome"]) if own and not ended else "",
    )


def _offset(cause: str) -> int:
    found = cause_offset(cause)
    return -1 if found is None else found


def _chances(store: Store, journey: Journey, profile_id: str, at_us: int) -> tuple[list[Chance], int]:
    """(the latest chances, oldest first; how many are on record)."""
    names = sorted({name for entry in journey.entries for name in entry.hears()})
    asked: dict[str, Any] = {"profile_id": profile_id, "names": msgspec.json.encode(names).decode(), "known_us": at_us}
    rows = store.serving.rows("came", **asked, limit=CHANCES) if names else []
    events = [people.read_event(store, row["offset"]) for row in rows]
    found = [_event_chance(event) for event in events if event is not None]
    counted = store.serving.row("came_count", **asked) if names else None
    watched = _watched(journey) if journey.broadcast is None else []
    turns = [one for segment in watched for one in _turns(store, journey, segment, profile_id, at_us)]
    latest = sorted([*found, *turns], key=lambda one: (one.known_us, one.offset))[-CHANCES:]
    return latest, (int(counted["n"]) if counted else 0) + len(turns)


def _event_chance(event: Event) -> Chance:
    return Chance(
        occurred_us=event.occurred_us,
        known_us=event.received_us,
        offset=event.offset,
        event=event,
        barred="loaded" if event.backfill else "",
    )


def _watched(journey: Journey) -> list[str]:
    """Segments whose changes begin runs; of a broadcast the one that it goes to."""
    if journey.broadcast is not None:
        return [journey.broadcast.segment] if journey.broadcast.segment else []
    return sorted({entry.watches() for entry in journey.entries} - {""})


def _turns(store: Store, journey: Journey, segment: str, profile_id: str, at_us: int) -> list[Chance]:
    """The latest changes of a segment that would begin a run."""
    watching = [entry for entry in journey.entries if entry.watches() == segment]
    rows = store.serving.rows("turned", profile_id=profile_id, segment=segment, known_us=at_us, limit=CHANCES)
    changes = [(row, Change(segment, bool(row["entered"]), row["occurred_us"])) for row in rows]
    return [_turn(store, row, change) for row, change in changes if any(entry.turned(change) for entry in watching)]


def _turn(store: Store, row: sqlite3.Row, change: Change) -> Chance:
    cause = str(row["cause"])
    event = people.read_event(store, _offset(cause))
    barred = "definitions" if cause.startswith("definitions:") else "joined" if row["joined"] else ""
    return Chance(
        occurred_us=row["occurred_us"],
        known_us=row["known_us"],
        offset=_offset(cause),
        change=change,
        barred="loaded" if event is not None and event.backfill else barred,
    )


def _messages(store: Store, journey: str, profile_id: str, at_us: int) -> list[sqlite3.Row]:
    rows = [
        row
        for one in grounds.everyone(store, profile_id)
        for row in store.ledger.rows("decided_for", profile_id=one, journey=journey, known_us=at_us, limit=MESSAGES)
    ]
    return sorted(rows, key=lambda row: (row["decided_us"], row["message_id"]))


def _run_of(row: sqlite3.Row, journey: str, past: Sequence[PastRun]) -> str:
    """The whole run that decided on a message: a parallel path is a run of its own while it lasts, and forgotten after it."""
    mine = [one for one in past if one.journey == journey]
    if any(one.run_id == row["run_id"] for one in mine):
        return str(row["run_id"])
    return next((one.run_id for one in reversed(mine) if one.known_us <= row["decided_us"]), str(row["run_id"]))


def _decided(row: sqlite3.Row, at_us: int, run_id: str) -> Decided:
    """As it was at the instant: what had not ended by then was queued."""
    open_then = row["finished_us"] is not None and row["finished_us"] > at_us
    return Decided(
        message_id=row["message_id"],
        run_id=run_id,
        template=row["template"],
        state="queued" if open_then else row["state"],
        reason="" if open_then else row["reason"],
        decided_us=row["decided_us"],
    )


def _then(store: Store, journey: Journey, chance: Chance) -> Journey | None:
    """The version of the journey that ran when a chance came; None when there was none yet."""
    shelf = Versions(store.config.data)
    entries = [one for one in shelf.history() if one.state in ("running", "replaced")]
    if not entries:
        return journey
    then = [
        one
        for one in entries
        if one.switch_offset < chance.offset or (chance.offset < 0 and one.at_us <= chance.known_us)
    ]
    return _in(shelf.folder((then or entries[:1])[-1].version), journey.name)


@lru_cache(maxsize=16)
def _in(folder: Path, name: str) -> Journey | None:
    try:
        return workspace.load(folder, kept=True).named(name)
    except TidingsError:
        return None  # a version that this release cannot read any more


def _segments(definitions: Definitions, journey: Journey) -> list[Segment]:
    """Those whose changes begin runs."""
    found = [definitions.segments.by_name.get(name) for name in _watched(journey)]
    return [one for one in found if one is not None]


def _coming(definitions: Definitions, journey: Journey, state: ProfileState | None, at_us: int) -> str:
    """What time alone will change in them."""
    turns = [(one, turn(state, one, at_us)) for one in _segments(definitions, journey)] if state is not None else []
    said = [
        f"{'enters' if found.enters else 'leaves'} the segment {one.name} {iso(found.at_us)}"
        for one, found in turns
        if found is not None and found.enters is not None
    ]
    return " and ".join(said)


# The chain


def _chain(store: Store, case: Case, rows: Sequence[sqlite3.Row], at_us: int) -> list[Link]:
    mine = [one for one in case.runs if one.journey == case.journey.name]
    links: list[Link] = []
    told = [(one.chance.known_us, one.chance.offset, _missed(one)) for one in case.misses[-SHOWN:]]
    told += [(one.known_us, one.offset, _began(one)) for one in mine[-SHOWN:]]
    links += [link for _, _, link in sorted(told, key=lambda one: one[:2])]
    if mine:
        links += _walked(store, mine[-1], case.runs, rows, at_us)
    return links


def _entry(journey: Journey) -> Link:
    words = entry_words(journey)
    title = words if journey.broadcast is not None else f"A run begins when somebody {words}"
    return Link(kind="step", title=title, note=f"version {journey.version}")


def _stands(definitions: Definitions, journey: Journey, state: ProfileState | None, at_us: int) -> list[Link]:
    """Each segment that begins runs, with her own values."""
    found = _segments(definitions, journey) if state is not None else []
    rule = journey.broadcast.rule if journey.broadcast is not None else None
    if rule is not None and state is not None:
        return [_stand("whom it goes to", reasons(rule, state, at_us))]
    return [_stand(f"the segment {one.name}", reasons(one.rule, state, at_us)) for one in found if state is not None]


def _stand(name: str, reason: Reason) -> Link:
    return Link(
        kind="yes" if reason.holds else "no",
        title=f"{'In' if reason.holds else 'Not in'} {name}",
        detail="" if reason.parts else reason.own,
        facts=[(part.words, _said(part)) for part in reason.parts],
    )


def _said(reason: Reason) -> str:
    """A part of a rule in one line."""
    inner = "; ".join(f"{part.words}: {_said(part)}" for part in reason.parts)
    return f"{'yes' if reason.holds else 'no'}{f' ({reason.own or inner})' if reason.own or inner else ''}"


def _missed(miss: Miss) -> Link:
    chance = miss.chance
    return Link(
        kind="no",
        title=f"{chance.name} began no run",
        detail=f"{miss.words}.",
        occurred_us=chance.occurred_us,
        known_us=chance.known_us,
        offset=chance.offset if chance.offset >= 0 else None,
    )


def _began(run: PastRun) -> Link:
    end = f"Ended {iso(run.ended_us)}: {run.outcome}." if run.ended_us else "It goes on."
    return Link(
        kind="event",
        title="A run began",
        detail=end,
        note=f"run {run.run_id}",
        occurred_us=run.known_us,
        offset=run.offset if run.offset >= 0 else None,
    )


def _walked(store: Store, run: PastRun, past: Sequence[PastRun], rows: Sequence[sqlite3.Row], at_us: int) -> list[Link]:
    """The steps of a run, with the decisions that it took."""
    taken = store.serving.rows("run_steps", run.run_id)
    path = [[step[name] for name in ("step", "occurred_us", "known_us", "outcome", "cause")] for step in taken]
    links = why.steps(store, [entry for entry in path if entry[2] <= at_us])
    for row in rows:
        if _run_of(row, run.journey, past) == run.run_id:
            links += why.decision(store, row, why.unpack(row))
    return links
