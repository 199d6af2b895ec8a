"""Whether a run begins: how often one gets in (`admission.py`), whether it would end at once, and what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tidings.domain.output import Fact, FactKind
from tidings.domain.profile import ProfileState
from tidings.process import admission
from tidings.process.journey import Journey

OVER = "over"
"""The word for what would end as soon as it began; others are `admission.REFUSALS`."""


class Moment(Protocol):
    """What entering goes by; a `Walk` is one."""

    state: ProfileState
    known_us: int
    cause: str
    facts: list[Fact]


def key_of(journey: Journey, item: dict[str, Any], event: str = "") -> str:
    """What the run is about beside the person, where its journey has runs per such."""
    return journey.admits.per.key(item, event) if journey.admits.per is not None else ""


def refusal(journey: Journey, moment: Moment, occurred_us: int, key: str = "") -> str:
    """Why this person is not let in now, in a word; empty when she is."""
    state = moment.state
    why = admission.refusal(journey.name, journey.admits, state, moment.known_us, key)
    if why or journey.reads is None:
        return why
    return OVER if over_already(journey, state, max(occurred_us, state.clock_us)) else ""


def over_already(journey: Journey, state: ProfileState, at_us: int) -> bool:
    """Whether a run would end as soon as it began."""
    goal = journey.goal is not None and journey.goal.holds(state, at_us)
    return goal or any(one.holds(state, at_us) for one in journey.exit_if)


def begun(journey: Journey, facts: Sequence[Fact], cause: str) -> bool:
    """Whether a run of this journey was begun by this very cause."""
    return any(
        fact.kind == FactKind.RUN_STARTED and fact.subject == journey.name and fact.cause == cause for fact in facts
    )
