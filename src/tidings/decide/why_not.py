"""Why a journey sent somebody nothing: what might have begun a run and did not, where a run stands, how it ended. Pure.

Given is what is on record of one person and one journey; out comes one verdict in a sentence. Re-entry is asked of the core's
own `admission.refusal`, with the runs that were going on at that instant, and entry conditions of the journey's own filter, so that
the explanation cannot say otherwise than what was done.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidings.clock import format_duration, iso
from tidings.decide import reasons
from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.message import DeliveryState
from tidings.domain.profile import ProfileState, Run
from tidings.process import admission
from tidings.process.entries.base import TAKEN_BACK
from tidings.process.journey import Journey, entry_words
from tidings.process.segment import Change

UNKNOWN = "unknown"
"""The kind of what nothing on record explains: a chance that the core took otherwise than is kept, or a fault of ours."""


class Chance(msgspec.Struct, frozen=True, kw_only=True):
    """Something that might have begun a run: an event that an entry hears, or a change of a segment that one watches."""

    occurred_us: int
    known_us: int
    offset: int = -1
    """Of the event in the log; -1 when time alone did it."""
    event: Event | None = None
    change: Change | None = None
    barred: str = ""
    """Why it begins no run whatever the journey says: ``loaded``, ``definitions``, ``joined``; empty when it may."""

    @property
    def name(self) -> str:
        """For people."""
        if self.change is not None:
            return f"{'entering' if self.change.entered else 'leaving'} the segment {self.change.segment}"
        return self.event.name if self.event is not None else "nothing"


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run, as it is on record."""

    run_id: str
    journey: str
    version: str
    step: str
    """Where it is or was."""
    known_us: int
    """When we knew of the entry."""
    offset: int = -1
    """Of the event that began it; -1 when a timer did."""
    ended_us: int = 0
    """When we knew of its end; 0 while it goes on."""
    ended_offset: int = -1
    """Of the event that ended it; -1 when a timer did."""
    outcome: str = ""
    """How it ended."""
    until_us: int = 0
    """While it goes on: when its wait is over; 0 when that is not known."""
    waits_for: str = ""
    """While it goes on: what its step said when it began to wait."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A message of this journey for this person, as the ledger has it."""

    message_id: str
    run_id: str
    template: str
    state: str
    """A `DeliveryState`."""
    reason: str
    decided_us: int


class Miss(msgspec.Struct, frozen=True):
    """A chance that began no run, and why."""

    chance: Chance
    kind: str
    """``filter``, one of `admission.REFUSALS` or of `Chance.barred`, or `UNKNOWN`."""
    words: str


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that is on record of one person and one journey, oldest first."""

    journey: Journey
    runs: Sequence[PastRun]
    """Of all journeys."""
    messages: Sequence[Decided]
    """Of this one."""
    misses: Sequence[Miss]
    """The latest chances that began no run."""
    came: int
    """How often an entering event or an entering of the segment is on record, all in all."""
    coming: str = ""
    """For entry by segment: what time alone will do, ``enters the segment lapsed 2026-02-05T19:12:42Z``."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer."""

    kind: str
    """``never_entered``, ``not_again``, ``running``, ``ended``, ``not_sent``, or the state of the message: ``queued``,
    ``attempting``, ``accepted``, ``refused``, ``in_doubt``."""
    because: str
    """The reason in a word: ``never_came``, ``not_in_segment``, ``not_due``, ``not_meant``, a `Miss.kind`, or why a message was not sent."""
    sentence: str


_WORDS = {
    "loaded": "it came as loaded history, which begins no journey",
    "early": "the journey did not run yet",
    "definitions": "a change of definitions made it so, which begins no journey unless it is applied with --enter",
    "joined": "two profiles were joined, one of which was in it already",
    "running": "a run was going on, and there is one at a time",
    "once": "the journey takes everybody once only",
    "full": f"{admission.MAX_RUNS} runs were going on, and there are no more at a time",
    "limit": "she had entered it as often as its limit lets one",
    "no_key": "the event does not say what it is about, of which the journey has one run at a time",
    "key": "there was a run about the same already, or she had entered as often as one may",
    "over": "the goal was reached already, or a rule held that ends the journey",
    UNKNOWN: "nothing on record says why; please report it",
}
_AGAIN = ("once", "too_soon", "full", "limit", "over", "key", "definitions", "joined", UNKNOWN)
"""Of those that came after a run had ended, these say why there was no other; of the rest it was not asked."""
_NEAREST = (UNKNOWN, "over", "key", *admission.REFUSALS, "definitions", "joined", "early", "loaded", "filter")
"""Which miss says most to somebody who never entered: the one that came nearest."""


def miss(journey: Journey | None, chance: Chance, past: Sequence[PastRun]) -> Miss | None:
    """Why a chance began no run; None when it did. `journey` is the version that ran then, None when none did."""
    if journey is None:
        return Miss(chance, "early", _WORDS["early"])
    if any(one.journey == journey.name and _began(one, chance) for one in past):
        return None
    if chance.barred:
        return Miss(chance, chance.barred, _WORDS[chance.barred])
    wrong = _wrong(journey, chance)
    if wrong:
        return Miss(chance, "filter", wrong)
    kind = _refusal(journey, chance, past)
    return Miss(chance, kind, _too_soon(journey, past, chance) if kind == "too_soon" else _WORDS.get(kind, kind))


def _refusal(journey: Journey, chance: Chance, past: Sequence[PastRun]) -> str:
    """Why she was not let in. What a past run was about is not on record, nor what rules said then."""
    rules, otherwise = journey.admits, UNKNOWN if journey.reads is None else "over"
    if rules.per is None:
        return admission.refusal(journey.name, rules, _then(past, chance), chance.known_us, "") or otherwise
    event = chance.event
    key = rules.per.key(event.properties, event.name) if event is not None else ""
    return "key" if key else "no_key"


def _wrong(journey: Journey, chance: Chance) -> str:
    """Why no entry takes it; empty when one does."""
    if chance.event is None:
        return ""
    hearing = [entry for entry in journey.entries if chance.event.name in entry.hears()]
    if any(entry.begins(chance.event, journey.name) is not None for entry in hearing):
        return ""
    found = [" and ".join(entry.misses(chance.event)) for entry in hearing]
    return "; ".join(filter(None, found)) or "no entry of that version takes it"


def _began(one: PastRun, chance: Chance) -> bool:
    return one.offset == chance.offset if chance.offset >= 0 else one.offset < 0 and one.known_us == chance.known_us


def _then(past: Sequence[PastRun], chance: Chance) -> ProfileState:
    """As much of the state as re-entry goes by, as it was when the chance came."""
    state = profiles.new("", "", 0)
    for one in past:
        if (one.known_us, one.offset) >= _at(chance):
            continue
        if not one.outcome.endswith(TAKEN_BACK):
            admission.note_entry(one.journey, state, one.known_us)
        if not one.ended_us or (one.ended_us, one.ended_offset) > _at(chance):
            state.runs.append(_going(one))
        elif not one.outcome.endswith(TAKEN_BACK):
            state.ended[one.journey] = max(one.ended_us, state.ended.get(one.journey, 0))
    return state


def _at(chance: Chance) -> tuple[int, int]:
    """What orders things: when we knew, then the place in the log; timers that are due fire before an event."""
    return chance.known_us, chance.offset


def _going(one: PastRun) -> Run:
    return Run(
        run_id=one.run_id, journey=one.journey, version=one.version, step=one.step, entered_us=one.known_us,
        known_us=one.known_us, since_us=one.known_us, timer_us=0, due_us=0, ref="", item={}, path=[],
    )  # fmt: skip


def _too_soon(journey: Journey, past: Sequence[PastRun], chance: Chance) -> str:
    ended_us = _then(past, chance).ended[journey.name]
    span = format_duration(journey.admits.reentry_us)
    return f"a new run may begin {span} after the last one ended, which was {iso(ended_us)}: from {iso(ended_us + journey.admits.reentry_us)} on"


def verdict(case: Case) -> Verdict:
    """The answer in one sentence."""
    mine = [one for one in case.runs if one.journey == case.journey.name]
    if not mine:
        return _never(case)
    last = mine[-1]
    again = [one for one in case.misses if _after(one.chance, last) and one.kind in _AGAIN]
    if again:
        miss = again[-1]
        return Verdict(
            kind="not_again",
            because=miss.kind,
            sentence=f"{miss.chance.name} came again {iso(miss.chance.occurred_us)} and began no other run: {miss.words}.",
        )
    decided = [one for one in case.messages if one.run_id == last.run_id]
    if decided:
        return _message(decided[-1], last)
    return _ended(last) if last.ended_us else _running(case.journey, last)


def _after(chance: Chance, last: PastRun) -> bool:
    return bool(last.ended_us) and _at(chance) >= (last.ended_us, last.ended_offset)


def _never(case: Case) -> Verdict:
    miss = next((one for kind in _NEAREST for one in reversed(case.misses) if one.kind == kind), None)
    if miss is not None:
        came = "once" if case.came == 1 else f"{case.came:,} times, the nearest"
        sentence = f"Never entered: {miss.chance.name} came {came} {iso(miss.chance.occurred_us)}, but {miss.words}."
        return Verdict(kind="never_entered", because=miss.kind, sentence=sentence)
    if case.journey.broadcast is not None:
        return Verdict(
            kind="never_entered",
            because="not_meant",
            sentence=f"Never meant: it has not begun, or this person was not among those it goes to when it did. {entry_words(case.journey)}.",
        )
    entries = case.journey.entries
    heard, watched = any(entry.hears() for entry in entries), any(entry.watches() for entry in entries)
    coming = f" If nothing happens, this person {case.coming}." if case.coming else ""
    return Verdict(
        kind="never_entered",
        because="never_came" if heard else "not_in_segment" if watched else "not_due",
        sentence=f"Never entered: a run begins when somebody {entry_words(case.journey)}; this person never did.{coming}",
    )


def _running(journey: Journey, last: PastRun) -> Verdict:
    step = journey.steps.get(last.step) if last.version == journey.version else None
    said = last.waits_for or (step.words() if step is not None else "waits")
    until = f", until {iso(last.until_us)} at the latest" if last.until_us and "until" not in said else ""
    return Verdict(
        kind="running", because=last.step, sentence=f"A run is going on: at step {last.step} it {said}{until}."
    )


def _ended(last: PastRun) -> Verdict:
    sentence = f"The run ended {iso(last.ended_us)} at step {last.step} without a message: {last.outcome}."
    return Verdict(kind="ended", because=last.outcome, sentence=sentence)


_STATES = {
    DeliveryState.ACCEPTED: "was sent",
    DeliveryState.QUEUED: "waits for hand-over",
    DeliveryState.ATTEMPTING: "is being handed over",
    DeliveryState.REFUSED: "was refused for good",
    DeliveryState.IN_DOUBT: "was handed over, and the answer is unknown",
}


def _message(one: Decided, last: PastRun) -> Verdict:
    when = iso(one.decided_us)
    goes_on = "" if last.ended_us else f" The run goes on at step {last.step}."
    if one.state == DeliveryState.SUPPRESSED:
        sentence = f"{one.template} was decided {when} and not sent ({one.reason}). {reasons.words(one.reason)}"
        return Verdict(kind="not_sent", because=one.reason, sentence=sentence + goes_on)
    more = f" ({one.reason})" if one.reason else ""
    sentence = f"{one.template} was decided {when} and {_STATES.get(one.state, one.state)}{more}."
    return Verdict(kind=one.state, because=one.reason, sentence=sentence + goes_on)
