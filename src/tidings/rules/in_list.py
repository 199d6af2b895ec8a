"""in_list: she is on a list, whose members are given from outside by the events `List Joined` and `List Left`.

Each has the property `list`; the later one counts, and at the same instant leaving does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.accumulate.latest import Latest
from tidings.clock import iso
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.rules import sql
from tidings.rules.base import NO, YES, Condition, Traits, Verdict
from tidings.rules.form import Form

JOINED = "List Joined"
LEFT = "List Left"


FORM = Form(value={"description": "The name of a list.", **schema.NAME})


class InList(msgspec.Struct, frozen=True):
    """The latest word on one list."""

    name: str
    joined: EventFilter
    left: EventFilter
    joined_slot: int
    left_slot: int

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        joined_us, left_us = self._latest(state)
        if joined_us > at_us:
            return Verdict(False, joined_us)
        return YES if joined_us > left_us else NO

    def _latest(self, state: ProfileState) -> tuple[int, int]:
        joined, left = state.values[self.joined_slot], state.values[self.left_slot]
        return (joined[-1] if joined else 0), (left[-1] if left else 0)

    def reads(self) -> Iterator[str]:
        yield f"slot:{self.joined_slot}"
        yield f"slot:{self.left_slot}"

    def words(self) -> str:
        return f"is on the list {self.name}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        joined_us, left_us = self._latest(state)
        last_us = max(joined_us, left_us)
        shown = f"{'joined' if joined_us > left_us else 'left'} {iso(last_us)}" if last_us else "never joined"
        return f"{self.words()}: {'yes' if self.judge(state, at_us).holds else 'no'} ({shown})"

    def sql(self, query: sql.Query) -> str:
        both = f"({sql.matches(self.joined)}) OR ({sql.matches(self.left)})"
        return (
            f"SELECT profile_id FROM {query.EVENTS} WHERE {both} GROUP BY profile_id"
            f" HAVING max(occurred_us) FILTER (name = '{JOINED}')"
            f" > COALESCE(max(occurred_us) FILTER (name = '{LEFT}'), 0)"
        )


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    name = raw["in_list"]
    if not isinstance(name, str) or not name:
        raise DefinitionError(f"{where}.in_list", "needs the name of a list", got=name)
    joined, left = (event_filter.parse(event, {"list": name}, where) for event in (JOINED, LEFT))
    return InList(name, joined, left, traits.slot(Latest(joined, 1)), traits.slot(Latest(left, 1)))
