"""What runs want done outside the core: an event in the log, a webhook called. It all comes back as events like any other.

The id depends on the run, the step and the instant at which the run arrived there, so a replay makes the same one, and a
run that goes round in a circle without time passing asks once.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from tidings.domain.message import CallIntent, EventIntent, Intent
from tidings.domain.profile import ProfileState, Run
from tidings.ids import ask_id
from tidings.process.steps.base import Ask

CALL = "call"
MAX_ANSWERS_BYTES = 8_000
"""Answers of webhooks that a run keeps, as JSON; the oldest go first."""
_ENCODE = msgspec.json.encode


class Trigger(Protocol):
    """What asking needs to know of the moment; a `Walk` is one."""

    known_us: int
    intents: list[Intent]


def until(run: Run, wanted: Ask, known_us: int) -> int:
    """Until when the run waits for what it asks; 0 when it does not."""
    # From when we knew: what a phone tells hours later would be over before anybody was asked.
    return max(run.since_us, known_us) + wanted.timeout_us if wanted.timeout_us else 0


def ask(state: ProfileState, run: Run, wanted: Ask, trigger: Trigger) -> int:
    """Leave the intent; the instant until which the run waits for its event (0 when it does not)."""
    until_us = until(run, wanted, trigger.known_us)
    made = _call if wanted.kind == CALL else _event
    trigger.intents.append(made(state, run, wanted, trigger.known_us, until_us))
    return until_us


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
    )


def keep_answer(run: Run, answer: dict[str, Any]) -> None:
    """Keep what came back to the present step, within the bound."""
    run.answers.pop(run.step, None)
    run.answers[run.step] = answer
    while len(_ENCODE(run.answers)) > MAX_ANSWERS_BYTES:
        del run.answers[next(iter(run.answers))]
