"""What became of items while history went by: from the log of a data directory, or from a file such as `tidings items` takes.

What changes is found beforehand, as it depends on no person, and is told to whom it concerns at its instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

import msgspec

from tidings.clock import SystemClock
from tidings.domain import item, wire
from tidings.domain.event import Rejected
from tidings.domain.everybody import ItemsChanged, Told
from tidings.domain.item import Item, ItemChange, ItemState
from tidings.domain.record import LogRecord
from tidings.errors import InputError
from tidings.hosts import feed
from tidings.log.sqlite import SqliteLog

_READ = 20_000
"""Records of the log that are looked at in one go."""
_BEHIND = 1 << 51
"""Of what a file says: after all events of the same instant."""

Said = tuple[int, int, LogRecord]
"""(known_us, offset, record)."""


def of_log(data: Path) -> Iterator[Said]:
    """What the log of a data directory says of items."""
    log = SqliteLog(data / "log.db", SystemClock())
    offset, head = 0, log.head()
    while offset < head:
        for block in log.read(offset, _READ):
            for place, record in enumerate(block.records, block.first_offset):
                if item.is_item(record):
                    yield block.taken_us, place, record
            offset = block.first_offset + len(block.records)
    log.close()


def of_file(path: Path) -> Iterator[Said]:
    """What a file says of items, known at the instants that it names. Raises InputError naming a line without one."""
    said = []
    for number, one in enumerate(feed.read(path), 1):
        try:
            at_us = wire.instant_us(one.get("timestamp"))
        except (ValueError, OverflowError) as error:
            raise InputError(f"{path}: item {number}: timestamp: {error}; wanted ISO 8601") from error
        if not at_us:
            msg = f"{path}: item {number}: has no timestamp; wanted one, or nobody knows when in history it was so"
            raise InputError(msg)
        said.append((at_us, _BEHIND + number, LogRecord(feed.SOURCE, item.KIND, 0, msgspec.json.encode(one))))
    yield from sorted(said, key=lambda one: one[:2])


def told(said: Iterable[Said], wanted: Callable[[ItemChange], bool]) -> Iterator[Told]:
    """Of what is said, in order: the changes that are wanted, those of one instant together."""
    states: dict[str, ItemState] = {}
    for known_us, found in groupby(said, key=lambda one: one[0]):
        changes = [
            msgspec.structs.replace(change, offset=offset)
            for offset, one in _readable(found)
            for change in item.on_item(states.setdefault(one.item_id, ItemState()), one)
            if wanted(change)
        ]
        if changes:
            what = ItemsChanged(changes=tuple(changes))
            yield Told(number=0, offset=changes[0].offset, known_us=known_us, what=what)


def _readable(said: Iterable[Said]) -> Iterator[tuple[int, Item]]:
    """What can be read; the rest is among the rejected events live."""
    for known_us, offset, record in said:
        verdict = item.normalise(record, known_us)
        if not isinstance(verdict, Rejected):
            yield offset, verdict
