"""History from a file and its map: lines become events, sorted by instant on disk, and are taken one by one at that instant.

A file may be of any length and in any order: sorted pieces of it are spooled to a temporary file and merged as they are read.
"""

from __future__ import annotations

import heapq
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import IO

import msgspec

from tidings.backtest.history import CHUNK, Moment, Passing, Span, Wanted
from tidings.domain import feedback, wire
from tidings.domain.event import Event
from tidings.domain.record import LogRecord
from tidings.sources.mapping import RowMap, map_rows
from tidings.sources.row import MappedEvent
from tidings.state.base import Generation

PIECE = 200_000
"""Events that are sorted in memory at a time."""
_READ_AHEAD = 1_000
_WINDOW_US = 7 * 86_400_000_000

Line = tuple[int, int, bytes]
"""(occurred_us, line, body)."""


class _Head(msgspec.Struct, gc=False):
    """What is looked at in every event."""

    type: str = ""
    event: str = ""
    messageId: str = ""
    userId: str | int | None = None
    anonymousId: str | int | None = None


_HEAD = msgspec.json.Decoder(_Head).decode
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(list[Line]).decode


class FileHistory:
    """See `History`. Raises InputError when the file lacks a column that the map reads."""

    def __init__(self, path: Path, row_map: RowMap) -> None:
        self._path = path
        self._map = row_map
        self._spool: IO[bytes] = tempfile.TemporaryFile(prefix="tidings-backtest-")  # noqa: SIM115 - `close` does
        self._pieces: list[list[tuple[int, int]]] = []
        self._span: Span | None = None
        self.refused: Counter[str] = Counter()
        """Lines that are no event, by reason."""

    @property
    def words(self) -> str:
        """See `History.words`."""
        return f"{self._path.name} as the map {self._map.name} reads it"

    def span(self) -> Span:
        """See `History.span`. Reads the whole file, the first time."""
        if self._span is None:
            self._span = self._sort()
        return self._span

    def chunks(self, wanted: Wanted) -> Iterator[tuple[int, list[Moment]]]:
        """See `History.chunks`. What the log would call a copy is left out."""
        self.span()
        copies, last_us, gone = _Copies(), 0, 0
        chunk: list[Moment] = []
        for occurred_us, _, body in heapq.merge(*map(self._piece, self._pieces), key=itemgetter(0, 1)):
            offset, gone = gone, gone + 1
            last_us = max(occurred_us, last_us + 1)  # as a log takes one after the other
            head = _HEAD(body)
            if copies.has(head.messageId, last_us):
                continue
            if last_us >= wanted.until_us:
                break
            if last_us < wanted.from_us or (last_us == wanted.from_us and offset <= wanted.after_offset):
                continue
            chunk += self._moment((occurred_us, offset, body), head, last_us, wanted)
            if len(chunk) >= CHUNK:
                yield gone, chunk
                chunk = []
        yield gone, chunk

    def close(self) -> None:
        """See `History.close`."""
        self._spool.close()

    def _moment(self, taken: Line, head: _Head, at_us: int, wanted: Wanted) -> list[Moment]:
        """The moment of an event (when it happened, its offset, its body); none when nothing asks for it."""
        occurred_us, offset, body = taken
        if head.type == "identify" or head.event in wanted.names:
            event = wire.normalise(LogRecord(self._map.name, "", 0, body), offset, at_us, context=False)
            return [event] if isinstance(event, Event) else []
        user_id, anonymous_id = wire.account(head.userId), wire.identifier(head.anonymousId)
        if not wanted.clocks and not (user_id and anonymous_id):
            return []
        return [Passing(at_us, offset, occurred_us, user_id, anonymous_id, "")]

    # Sorting

    def _sort(self) -> Span:
        first_us, last_us, events, consents = 0, 0, 0, 0
        piece: list[Line] = []
        with self._map.open(self._path) as rows:
            for one in map_rows(self._map, rows):
                if isinstance(one, MappedEvent):
                    piece.append((one.occurred_us, one.line, one.body))
                    first_us = min(first_us or one.occurred_us, one.occurred_us)
                    last_us, events = max(last_us, one.occurred_us), events + 1
                    consents += feedback.CONSENT_GIVEN.encode() in one.body
                else:
                    self.refused[one.reason.partition(":")[0]] += 1
                if len(piece) >= PIECE:
                    self._put(piece)
                    piece = []
        self._put(piece)
        rejected = sum(self.refused.values())
        return Span(first_us=first_us, last_us=last_us, events=events, rejected=rejected, consents=consents, late=0)

    def _put(self, piece: list[Line]) -> None:
        """Spool a piece, sorted, in parts that are read one at a time."""
        piece.sort(key=itemgetter(0, 1))
        parts = []
        for start in range(0, len(piece), _READ_AHEAD):
            data = _PACK(piece[start : start + _READ_AHEAD])
            parts.append((self._spool.tell(), len(data)))
            self._spool.write(data)
        self._pieces.append(parts)

    def _piece(self, parts: Iterable[tuple[int, int]]) -> Iterator[Line]:
        for place, size in parts:
            self._spool.seek(place)
            yield from _UNPACK(self._spool.read(size))


class _Copies:
    """Event ids by generation of the log's dedup window, as the state store remembers them."""

    def __init__(self) -> None:
        self._ids: dict[Generation, set[str]] = {}

    def has(self, event_id: str, at_us: int) -> bool:
        """Whether it was seen before, and from now on it was."""
        now = Generation.of(at_us, _WINDOW_US)
        if now not in self._ids:
            self._ids = {one: ids for one, ids in self._ids.items() if now.remembers(one)}
            self._ids[now] = set()
        if any(event_id in ids for ids in self._ids.values()):
            return True
        self._ids[now].add(event_id)
        return False
