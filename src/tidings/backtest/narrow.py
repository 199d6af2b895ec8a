"""Definitions cut down to what some journeys need: their own steps, the segments and traits that these name, the policies.

What is not needed remembers nothing and judges nobody; nothing else differs. A rehearsal of one journey then costs what
that journey costs. What it needs is found in the compiled definitions themselves: whatever reads a slot says so, and
whatever is named (a segment, a trait) is kept, whether it is asked for by that name or only spelt like it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tidings.process.segment import Segments
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
        slots = getattr(one, "slots", ())
        self.slots.update(slots if isinstance(slots, tuple) else ())
        for part in _parts(one):
            self.of(part)


def narrowed(definitions: Definitions, journeys: Iterable[str], *, late: bool) -> Definitions:
    """The same definitions with these journeys only, and only what they need.

    `late`: events may be known later than they happened. Then a journey that needs a segment needs all of them: a segment
    that turns by time alone moves its person's clock, by which the others are judged when something comes late.
    """
    current = {name: definitions.journeys[name] for name in journeys}
    needs = Needs()
    needs.of([*current.values(), *definitions.policies.values()])
    segments = [one for one in definitions.segments.all() if one.name in needs.names]
    if segments and late:
        segments = list(definitions.segments.all())
    needs.of([one.rule for one in segments])
    for name, reading in definitions.layout.traits():
        if name in needs.names:
            needs.slots.update(reading.slots)
    return msgspec.structs.replace(
        definitions,
        layout=definitions.layout.only(needs.slots),
        segments=Segments(segments),
        journeys=current,
        versions={(one.name, one.version): one for one in current.values()},
        sources={},
        outdated={},
    )


def without_journeys(definitions: Definitions) -> Definitions:
    """The same memories and segments, and nothing that anybody could enter: for history before a rehearsal begins."""
    return msgspec.structs.replace(definitions, journeys={}, versions={}, sources={}, outdated={})


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
