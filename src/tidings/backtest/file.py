"""History from a file and its map: lines become events, sorted by instant on disk, and are taken one by one at that instant.

A file may be of any length and in any order: sorted pieces of it are spooled to a temporary file and merged as they are read.
"""

from __future__ import annotations

import heapq
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import IO

import msgspec

from tidings.backtest.history import History, Moment, Passing, Span, Wanted, Window
from tidings.backtest.shares import key, whose
from tidings.domain import feedback, wire
from tidings.domain.event import Event
from tidings.domain.record import LogRecord
from tidings.sources.mapping import RowMap, map_rows
from tidings.sources.row import MappedEvent
from tidings.state.base import Generation

PIECE = 200_000
"""Events that are sorted in memory at a time."""
WINDOW = 8_000
"""Events of one window."""
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


class SortedHistory:
    """A file that was sorted already; see `History`."""

    def __init__(self, words: str, source: str, span: Span, spool: Path, pieces: list[list[tuple[int, int]]]) -> None:
        """`pieces` says where the sorted pieces lie in the `spool`: (place, size) of each of their parts."""
        self.words = words
        self._source = source
        self._span = span
        self._path = spool
        self._spool = spool.open("rb")
        self._pieces = pieces

    def span(self) -> Span:
        """See `History.span`."""
        return self._span

    def windows(self, wanted: Wanted) -> Iterator[Window]:
        """See `History.windows`. What the log would call a copy is left out."""
        copies, last_us, gone = _Copies(), 0, 0
        moments: list[Moment] = []
        for occurred_us, _, body in self._lines():
            offset, gone = gone, gone + 1
            last_us = max(occurred_us, last_us + 1)  # as a log takes one after the other
            if offset and offset % WINDOW == 0 and wanted.from_us < last_us < wanted.until_us:
                yield Window(last_us, offset, [moments])
                moments = []
            head = _HEAD(body)
            if copies.has(head.messageId, last_us):
                continue
            if last_us >= wanted.until_us:
                break
            if last_us >= wanted.from_us:
                moments += self._moment((occurred_us, offset, body), head, last_us, wanted)
        yield Window(wanted.until_us, gone, [moments])

    def ties(self) -> Iterator[Sequence[str]]:
        """See `History.ties`."""
        for _, _, body in self._lines():
            head = _HEAD(body)
            user_id, anonymous_id = wire.account(head.userId), wire.identifier(head.anonymousId)
            if user_id and anonymous_id:
                yield key("user_id", user_id), key("anonymous_id", anonymous_id)

    def elsewhere(self) -> Callable[[], History]:
        """See `History.elsewhere`."""
        return partial(SortedHistory, self.words, self._source, self._span, self._path, self._pieces)

    def close(self) -> None:
        """See `History.close`."""
        self._spool.close()

    def _moment(self, taken: Line, head: _Head, at_us: int, wanted: Wanted) -> list[Moment]:
        """The moment of an event (when it happened, its offset, its body); none when nothing asks for it."""
        occurred_us, offset, body = taken
        user_id, anonymous_id = wire.account(head.userId), wire.identifier(head.anonymousId)
        if wanted.share.of > 1 and not wanted.share.has(whose(user_id, anonymous_id)):
            return []
        if head.type == "identify" or head.event in wanted.names:
            event = wire.normalise(LogRecord(self._source, "", 0, body), offset, at_us, context=False)
            return [event] if isinstance(event, Event) else []
        if not wanted.clocks and not (user_id and anonymous_id):
            return []
        return [Passing(at_us, offset, occurred_us, user_id, anonymous_id, "")]

    def _lines(self) -> Iterator[Line]:
        return heapq.merge(*map(self._piece, self._pieces), key=itemgetter(0, 1))

    def _piece(self, parts: Iterable[tuple[int, int]]) -> Iterator[Line]:
        for place, size in parts:
            self._spool.seek(place)
            yield from _UNPACK(self._spool.read(size))


class FileHistory:
    """See `History`. Raises InputError when the file lacks a column that the map reads."""

    def __init__(self, path: Path, row_map: RowMap) -> None:
        self._path = path
        self._map = row_map
        self._spool: IO[bytes] = tempfile.NamedTemporaryFile(prefix="tidings-backtest-")  # noqa: SIM115 - `close` does
        self._pieces: list[list[tuple[int, int]]] = []
        self._sorted: SortedHistory | None = None
        self.refused: Counter[str] = Counter()
        """Lines that are no event, by reason."""

    @property
    def words(self) -> str:
        """See `History.words`."""
        return f"{self._path.name} as the map {self._map.name} reads it"

    def span(self) -> Span:
        """See `History.span`. Reads the whole file, the first time."""
        return self._read().span()

    def windows(self, wanted: Wanted) -> Iterator[Window]:
        """See `History.windows`."""
        return self._read().windows(wanted)

    def ties(self) -> Iterator[Sequence[str]]:
        """See `History.ties`."""
        return self._read().ties()

    def elsewhere(self) -> Callable[[], History]:
        """See `History.elsewhere`."""
        return self._read().elsewhere()

    def close(self) -> None:
        """See `History.close`."""
        if self._sorted is not None:
            self._sorted.close()
        self._spool.close()

    def _read(self) -> SortedHistory:
        if self._sorted is None:
            span = self._sort()
            self._spool.flush()
            self._sorted = SortedHistory(self.words, self._map.name, span, Path(self._spool.name), self._pieces)
        return self._sorted

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
