"""Adopting definitions: how one person's state comes over to the present ones, after a change or while one is prepared.

What the new definitions remember of her has two parts: the past, folded from her events below the prepare record, and what
her state has counted since. Memories are commutative merges, so the two together are what she would have, had the new
definitions been there from the beginning: no gap, no double count. It goes by the instant of the record that changes
them, so it does not matter when a person is reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from tidings.domain.profile import ProfileState
from tidings.errors import CorruptData
from tidings.process import lanes, moves
from tidings.process import run as runs
from tidings.process.journey import Journey
from tidings.process.layout import Layout
from tidings.process.walk import Walk


class Past(Protocol):
    """What new memories hold of the events below the prepare record."""

    def of(self, profile_ids: Sequence[str]) -> list[list[Any]]:
        """One list of values, a value per fresh key, for each of these profiles that had such events."""
        ...


class NoPast:
    """Nothing is known of the past."""

    def of(self, profile_ids: Sequence[str]) -> list[list[Any]]:  # noqa: ARG002 - the port's argument
        """See `Past.of`."""
        return []


class Adoption(msgspec.Struct, frozen=True):
    """A change of definitions, as it concerns each person."""

    version: str
    """The definitions that she comes to."""
    offset: int
    """Where the record that changes them is in the log."""
    known_us: int
    """When the log took it."""
    fresh: tuple[str, ...] = ()
    """Keys of the memories that the earlier definitions did not have."""
    counting: str = ""
    """The layout in which fresh memories were counted since the prepare record; in others they count from elsewhere."""
    past: Past = NoPast()
    judged: bool = True
    """Whether segments are judged anew; while a change is only prepared they are not."""
    entering: bool = False
    """Whether entering a segment by it starts journeys."""
    moving: tuple[str, ...] = ()
    """Journeys that it gives a version which says where runs of earlier ones go on."""

    @property
    def cause(self) -> str:
        """What its facts say. With the offset, as a version may come back, and a run that begins by it is another one."""
        return f"definitions:{self.version}@{self.offset}"


def bring_over(state: ProfileState, layout: Layout, adoption: Adoption) -> None:
    """Move the values into the layout, with the past of those that are fresh. Raises CorruptData as `Layout.adopt` does."""
    counted = state.layout == adoption.counting
    layout.adopt(state)
    if not adoption.fresh:
        return
    where = {accumulator.key: slot for slot, accumulator in enumerate(layout.accumulators)}
    slots = [where[key] for key in adoption.fresh]
    if not counted:
        for slot in slots:
            state.values[slot] = None
    for values in adoption.past.of(everyone(state)):
        if len(values) != len(slots):
            msg = (
                f"backfill of {adoption.version}: profile {state.profile_id} has {len(values)} values, wanted {len(slots)}; "
                f"delete the file in definitions/backfill and start again"
            )
            raise CorruptData(msg)
        for slot, value in zip(slots, values, strict=True):
            own = state.values[slot]
            if value is not None:
                state.values[slot] = value if own is None else layout.accumulators[slot].merge(own, value)


def move_runs(
    walk: Walk, journeys: Mapping[str, Journey], versions: Mapping[tuple[str, str], Journey], adoption: Adoption
) -> None:
    """Runs of earlier versions go on where the present one says. Those with parallel paths stay, as each would have to fit."""
    state = walk.state
    for run in list(state.runs) if adoption.moving else ():
        journey = journeys.get(run.journey)
        apart = bool(run.parent or lanes.below(state, run))
        if journey is None or run.journey not in adoption.moving or run.version == journey.version or apart:
            continue
        target = moves.target(journey.moves, run.version, run.step)
        if target:
            runs.move(versions.get((run.journey, run.version)), journey, walk, run, target)


def everyone(state: ProfileState) -> list[str]:
    """Ids under which events of this person may lie: her own, and of every profile that she absorbed."""
    return [state.profile_id, *(value for kind, value in state.identifiers if kind == "profile")]
