"""How people stand with the segments: whether she is in each, why, and what changes next by time alone.

Asked of the live state, with the rules that run, at the instant of the look. So it is what `tidings segment explain` says, and
what the processor will do if nothing happens before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any

import msgspec

from tidings.console.definitions import Shown
from tidings.domain import profile as profiles
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.process.layout import Layout
from tidings.process.segment import Segment, Turn, turn
from tidings.rules import text as rule_text
from tidings.rules import write
from tidings.rules.explain import Reason, reasons
from tidings.state.snapshot import Snapshot
from tidings.workspace import Definitions

LOOKED_AT = 2_000
"""People whose time comes first, of whom the next turns of a segment are told."""
TURNS = 12
"""Turns that are told."""
_END_US = (1 << 63) - 1


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One person and one segment."""

    segment: str
    label: str
    member: bool
    since_us: int
    """When she entered; 0 when she is no member or that is not processed yet."""
    turn: Turn | None
    """What changes by time alone; None when only something that happens can change it."""
    reason: Reason


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """Who enters or leaves a segment next by time alone."""

    turns: list[tuple[Turn, str]] = []
    """With the profile id, the next one first."""
    cut: bool = False
    """Whether people whose time comes later were not looked at."""
    behind: int = 0
    """People who have not come over to the definitions that run yet, and are left out."""


def standings(state: Snapshot, shown: Shown, profile_id: str, now_us: int) -> list[Standing]:
    """One person and every segment: those she is in, the newest first, then those she enters by time, then the others.

    Empty when her state is not there, or not in the memories of the definitions that run, as just after a change.
    """
    found = people(state, shown.definitions, [profile_id])
    if shown.definitions is None or not found:
        return []
    rows = [_standing(found[0], one, shown, now_us) for one in shown.definitions.segments.all()]
    return sorted(rows, key=_order)


def _standing(person: ProfileState, segment: Segment, shown: Shown, now_us: int) -> Standing:
    reason = reasons(segment.rule, person, now_us)
    return Standing(
        segment=segment.name,
        label=shown.label(segment.name),
        member=reason.holds,
        since_us=person.segments.get(segment.name, 0) if reason.holds else 0,
        turn=turn(person, segment, now_us),
        reason=reason,
    )


def _order(one: Standing) -> tuple[bool, int]:
    if one.member:
        return False, -one.since_us
    return True, one.turn.at_us if one.turn is not None and one.turn.enters else _END_US


def coming(state: Snapshot, shown: Shown, name: str, now_us: int) -> Coming | None:
    """Who enters or leaves a segment next if nothing happens, as far as it is told by those whose time comes first.

    None for a segment that does not run.
    """
    segment = shown.definitions.segments.by_name.get(name) if shown.definitions else None
    if segment is None:
        return None
    wakes = state.wakes(_END_US, LOOKED_AT + 1)
    cut = len(wakes) > LOOKED_AT
    ids = [one.profile_id for one in wakes[:LOOKED_AT]]
    read = people(state, shown.definitions, ids)
    turns = [(found, one.profile_id) for one in read if name in one.alarms and (found := turn(one, segment, now_us))]
    until_us = wakes[LOOKED_AT].due_us if cut else _END_US  # of those not looked at, nobody turns before
    told = [one for one in turns if one[0].enters is not None and one[0].at_us <= until_us]
    behind = len(set(state.living(ids).values())) - len(read)
    return Coming(turns=nsmallest(TURNS, told, key=lambda one: (one[0].at_us, one[1])), cut=cut, behind=behind)


def people(state: Snapshot, definitions: Definitions | None, profile_ids: Sequence[str]) -> list[ProfileState]:
    """Those whose memories are those of the definitions that run, in their layout."""
    if definitions is None:
        return []
    layouts: dict[str, Sequence[str]] = msgspec.json.decode(state.meta("layouts") or b"{}")
    decoded = {one.profile_id: one for one in map(profiles.decode, state.living(profile_ids).values())}
    return list(_read(decoded.values(), definitions.layout, layouts))


def _read(
    people: Iterable[ProfileState], layout: Layout, layouts: Mapping[str, Sequence[str]]
) -> Iterable[ProfileState]:
    """People in the layout that is read here. Runs of earlier versions of journeys may remember more, which nobody asks for;
    who remembers less has not come over to the definitions yet, and would be judged wrongly.
    """
    wanted = layout.keys()
    for one in people:
        keys = wanted if one.layout == layout.layout_id else layouts.get(one.layout, ())
        kept = dict(zip(keys, one.values, strict=False))
        if all(key in kept for key in wanted):
            one.values = [kept[key] for key in wanted]
            yield one


def text_of(shown: Shown, name: str) -> str:
    """A segment's rule as a line of text; empty when it has none."""
    written: Any = shown.definitions.layout.rules.get(name) if shown.definitions else None
    if written is None:
        return ""
    try:
        return write.write(rule_text.tree(written, name))
    except DefinitionError:
        return ""  # longer than a text may be
