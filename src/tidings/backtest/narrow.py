"""Definitions cut down to what some journeys need: their own steps, the segments and traits that these name, the policies.

What is not needed remembers nothing and judges nobody; nothing else differs. A rehearsal of one journey then costs what
that journey costs. What it needs is found in the compiled definitions themselves: whatever reads a slot says so, and
whatever is named (a segment, a trait) is kept, whether it is asked for by that name or only spelt like it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tidings.domain.event import Event
from tidings.pipeline import Pipeline, Step
from tidings.process.journey import Journey
from tidings.process.segment import Change, Segment, Segments
from tidings.process.steps.start import Start
from tidings.process.walk import Walk
from tidings.rules.base import Condition
from tidings.workspace import Definitions


class Needs:
    """Slots and names that things ask for, gathered."""

    def __init__(self) -> None:
        self.slots: set[int] = set()
        self.names: set[str] = set()

    def of(self, one: Any) -> None:
        """Gather what a compiled definition, or anything in it, asks for."""
        if isinstance(one, str):
            self.names.add(one)
            return
        for read in _reads(one):
            kind, _, name = read.partition(":")
            self.slots.update([int(name)] if kind == "slot" else [])
        slots, slot = getattr(one, "slots", ()), getattr(one, "slot", None)
        self.slots.update(slots if isinstance(slots, tuple) else ())
        self.slots.update([slot] if isinstance(slot, int) else [])
        for part in _parts(one):
            self.of(part)


def narrowed(definitions: Definitions, journeys: Iterable[str], *, late: bool) -> Definitions:
    """The same definitions with these journeys (and those that they start) only, and only what they need.

    `late`: events may be known later than they happened. Then what goes by a person's clock needs all segments: one that turns
    by time alone moves that clock, and others are judged by it when something comes late.
    """
    current = {name: definitions.journeys[name] for name in _with_started(definitions, journeys)}
    needs = Needs()
    needs.of([*current.values(), *definitions.policies.values()])
    needed = [one for one in definitions.segments.all() if one.name in needs.names]
    narrow = _only(definitions, current, needed, needs)
    if late and Pipeline(narrow).goes_by_clock:
        narrow = _only(definitions, current, list(definitions.segments.all()), needs)
    return narrow


def _with_started(definitions: Definitions, journeys: Iterable[str]) -> list[str]:
    """These, and those that a step of one of them starts."""
    found = list(dict.fromkeys(journeys))
    for name in found:  # grows by those that are started
        steps = definitions.journeys[name].steps.values()
        started = [step.journey for step in steps if isinstance(step, Start)]
        found += [one for one in dict.fromkeys(started) if one in definitions.journeys and one not in found]
    return found


def _only(
    definitions: Definitions, current: Mapping[str, Journey], segments: Sequence[Segment], needs: Needs
) -> Definitions:
    needs.of([one.rule for one in segments])
    named = [one for name, one in definitions.layout.traits() if name in needs.names]
    return msgspec.structs.replace(
        definitions,
        layout=definitions.layout.only({*needs.slots, *(slot for one in named for slot in one.slots)}),
        segments=Segments(segments),
        journeys=dict(current),
        versions={(one.name, one.version): one for one in current.values()},
        sources={},
        outdated={},
    )


class Warming(Pipeline):
    """Remembers, judges and arranges as ever, and begins nothing: for history before a rehearsal begins."""

    def _enter(self, walk: Walk, event: Event, changed: list[Change]) -> None:
        """Nobody enters by an event."""

    def _enter_by_segment(self, walk: Walk, changed: list[Change]) -> None:
        """Nor by a segment."""

    def _fire(self, step: Step, until_us: int, *, late: bool = False, entering: bool = True, cause: str = "") -> None:  # noqa: ARG002
        """Nor by time."""
        super()._fire(step, until_us, late=late, entering=False, cause=cause)


def _reads(one: Condition | Any) -> Iterator[str]:
    reads = getattr(one, "reads", None)
    if callable(reads):
        yield from reads()


def _parts(one: Any) -> Iterator[Any]:
    if isinstance(one, msgspec.Struct):
        yield from (getattr(one, name) for name in one.__struct_fields__)
    elif isinstance(one, Mapping):
        yield from one.keys()
        yield from one.values()
    elif isinstance(one, list | tuple | set | frozenset):
        yield from one
