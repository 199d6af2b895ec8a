"""The lake port: applied events as rows, each exactly once, with the number of the output block that they reach to.

Training, backtests, the command line and outside tools read it; nothing in the life of an event waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from tidings.domain.event import Event


class LakeCursor(NamedTuple):
    """How far the lake has come."""

    seq: int
    """Number of the last output block taken; 0 for none."""
    upto_offset: int
    """All records of the log below it have been looked at."""


class LakeRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One applied event."""

    offset: int
    """Its place in the log."""
    event_id: str
    """Client-made unique id."""
    kind: str
    """Call type."""
    name: str
    """Event name."""
    profile_id: str
    """The profile it was applied to then; `lake.query` tells who that is now."""
    user_id: str
    """The shop's own id of the person, or empty."""
    anonymous_id: str
    """Device-made id, or empty."""
    source: str
    """Which source it came from."""
    occurred_us: int
    """When it happened."""
    received_us: int
    """When the log took it."""
    backfill: bool
    """Whether it was loaded as history."""
    properties: str
    """JSON text."""
    traits: str
    """JSON text."""
    context: str
    """JSON text."""


class Lake(Protocol):
    """Where rows go. One writer; readers see whole appends or nothing of them."""

    def cursor(self) -> LakeCursor:
        """How far it has come; moves only together with the rows of those blocks."""
        ...

    def append(self, rows: Iterable[LakeRow], upto: LakeCursor) -> int:
        """Add the rows of the blocks after `cursor()` up to `upto`, all or none; how many rows."""
        ...

    def rows(self) -> Iterator[LakeRow]:
        """All rows in log order, for tests and small exports."""
        ...

    def compact(self, now_us: int) -> int:
        """Make reading cheaper without changing what is read; how many pieces were joined. Call it when idle."""
        ...

    def close(self) -> None:
        """Release files."""
        ...


def row_of(event: Event, profile_id: str) -> LakeRow:
    """The row of an event that was applied to `profile_id`."""
    return LakeRow(
        offset=event.offset,
        event_id=event.event_id,
        kind=event.kind,
        name=event.name,
        profile_id=profile_id,
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        source=event.source,
        occurred_us=event.occurred_us,
        received_us=event.received_us,
        backfill=event.backfill,
        properties=_json(event.properties),
        traits=_json(event.traits),
        context=_json(event.context),
    )


def _json(value: dict[str, object]) -> str:
    return msgspec.json.encode(value).decode() if value else "{}"
