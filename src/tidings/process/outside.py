"""What runs want done outside the core: an event in the log, a webhook called. It all comes back as events like any other.

The id depends on the run, the step and the instant at which the run arrived there, so a replay makes the same one, and a
run that goes round in a circle without time passing asks once.

Journeys may set each other off through the log for ever: one begins by what the other did, and the other by what the one did. So
each event says how deep in such a chain it lies, and beyond `MAX_CHAIN` a run does nothing more outside.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from tidings.clock import MINUTE_US
from tidings.domain.event import Event
from tidings.domain.message import CallIntent, EventIntent, Intent
from tidings.domain.profile import ProfileState, Run
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.ids import ask_id
from tidings.process.steps.base import Ask

CALL = "call"
MAX_ANSWERS_BYTES = 8_000
"""Answers of webhooks that a run keeps, as JSON; the oldest go first."""
MAX_CHAIN = 20
"""Runs that begin one right after the other, each by what the one before did; the last one's steps do nothing outside."""
QUICK_US = MINUTE_US
"""A run that acts outside later than this after it began continues no chain: time has passed."""
CHAINED = f"not done: {MAX_CHAIN} runs have set each other off already, journeys go round in a circle"
NOT_ASKED = "timeout"
"""Result of a step that does not ask for that reason."""
_ENCODE = msgspec.json.encode


class Trigger(Protocol):
    """What asking needs to know of the moment; a `Walk` is one."""

    known_us: int
    intents: list[Intent]


def ask(state: ProfileState, run: Run, wanted: Ask, trigger: Trigger, shadow: bool) -> int:
    """Leave the intent; the instant until which the run waits for its event (0 when it does not).

    In shadow mode nobody is asked, and the run goes on as without an answer.
    """
    # From when we knew: what a phone tells hours later would be over before anybody was asked.
    until_us = max(run.since_us, trigger.known_us) + wanted.timeout_us if wanted.timeout_us else 0
    if shadow:
        return until_us
    made = _call if wanted.kind == CALL else _event
    trigger.intents.append(made(state, run, wanted, trigger.known_us, until_us))
    return until_us


def depth_of(event: Event) -> int:
    """How deep an event of ours lies in a chain of runs; 0 for others."""
    by = event.context.get("asked_by")
    found = by.get("depth") if isinstance(by, dict) and event.source == INTERNAL_SOURCE else 0
    return found if isinstance(found, int) else 0


def chained(run: Run, known_us: int) -> bool:
    """Whether the chain that a run ends is too long for it to act outside."""
    return run.depth >= MAX_CHAIN and known_us - run.known_us < QUICK_US


def _depth(run: Run, known_us: int) -> int:
    return run.depth + 1 if known_us - run.known_us < QUICK_US else 1


def _event(state: ProfileState, run: Run, wanted: Ask, known_us: int, until_us: int) -> EventIntent:  # noqa: ARG001
    return EventIntent(
        event_id=ask_id(run.run_id, run.step, run.since_us),
        profile_id=state.profile_id,
        kind=wanted.kind,
        name=wanted.name,
        properties=wanted.values,
        journey=run.journey,
        run_id=run.run_id,
        step=run.step,
        occurred_us=run.since_us + 1,  # after its cause: what she did at this instant herself must not win over it
        known_us=known_us,
        depth=_depth(run, known_us),
    )


def _call(state: ProfileState, run: Run, wanted: Ask, known_us: int, until_us: int) -> CallIntent:
    return CallIntent(
        call_id=ask_id(run.run_id, run.step, run.since_us),
        profile_id=state.profile_id,
        webhook=wanted.name,
        journey=run.journey,
        journey_version=run.version,
        run_id=run.run_id,
        step=run.step,
        values=wanted.values,
        occurred_us=run.since_us,
        known_us=known_us,
        until_us=until_us,
        depth=_depth(run, known_us),
    )


def keep_answer(run: Run, answer: dict[str, Any]) -> None:
    """Keep what came back to the present step, within the bound."""
    run.answers.pop(run.step, None)
    run.answers[run.step] = answer
    bound_answers(run)


def bound_answers(run: Run) -> None:
    """Keep the latest answers that fit."""
    while len(_ENCODE(run.answers)) > MAX_ANSWERS_BYTES:
        del run.answers[next(iter(run.answers))]
