"""segment: entering or leaving a segment begins a run. ``entry: {segment: lapsing}``, ``entry: {segment: trial, when: leave}``."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.process.entries.base import TAKEN_BACK, Entry, EntryBase
from tidings.process.segment import Change
from tidings.rules.base import Traits

TURNS = ("enter", "leave")
SCHEMA = schema.settings({"segment": schema.NAME, "when": schema.one_of(TURNS)}, ["segment"])


class SegmentEntry(EntryBase, frozen=True):
    """Settings: segment, when."""

    segment: str
    entering: bool
    """Whether entering it begins a run; else leaving it."""

    def watches(self) -> str:
        return self.segment

    def turned(self, change: Change) -> bool:
        return change.entered is self.entering

    def denied(self, state: ProfileState) -> str:
        if (self.segment in state.segments) is self.entering:
            return ""
        return f"{'not ' if self.entering else ''}in {self.segment} {TAKEN_BACK}"

    def words(self) -> str:
        return f"{'enters' if self.entering else 'leaves'} segment {self.segment}"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Entry:
    only(raw, {"segment", "when"}, where)
    turn = raw.get("when", TURNS[0])
    if turn not in TURNS:
        raise DefinitionError(f"{where}.when", "unknown turn", got=turn, wanted=" or ".join(TURNS))
    name = str(raw["segment"])
    with traits.inside(name, f"{where}.segment"):  # it must be there
        return SegmentEntry(name, turn == TURNS[0])
