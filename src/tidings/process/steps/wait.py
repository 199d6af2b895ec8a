"""wait: a span of time, from the instant the run arrived."""

from __future__ import annotations

from typing import Any

from tidings.clock import format_duration, parse_duration
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.steps.base import Move, Step, StepBase
from tidings.rules.base import Traits

SCHEMA = schema.SPAN


class Wait(StepBase, frozen=True):
    """Settings: the span, as in ``wait: 1d``."""

    span_us: int

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        return Move(f"waits {format_duration(self.span_us)}", until_us=run.since_us + self.span_us)

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002
        return Move(f"waited {format_duration(self.span_us)}", goto=self.next)

    def words(self) -> str:
        return f"Wait {format_duration(self.span_us)}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:  # noqa: ARG001
    try:
        return Wait(step_id, following, parse_duration(raw["wait"]))
    except ValueError as error:
        raise DefinitionError(f"{where}.wait", str(error)) from error
