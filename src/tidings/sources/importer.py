"""Imports a file: rows through the map to the collector's internal door, as backfill (history starts no journey).

Last stage of an import. Memory is bounded by one batch. After each acknowledged batch the line reached is written
to a state file, so that an import that was stopped in any way goes on from there; lines sent twice are duplicates by
their ids and change nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tidings.errors import InputError
from tidings.sources.door import Door
from tidings.sources.mapping import RowMap, map_rows
from tidings.sources.row import Mapped, RefusedRow, Row

MAX_BATCH_RECORDS = 500
"""Most records in one request."""
MAX_BATCH_BYTES = 1024 * 1024
"""A request is sent when it holds this much; one record adds at most 200 kB more, so it stays under the door's 4 MB."""

_ENCODE = msgspec.json.Encoder().encode


class ImportProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is."""

    line: int
    """Everything up to this line of the file is acknowledged."""
    events: int
    """Events acknowledged in this run."""
    refused: dict[str, int]
    """Refused lines acknowledged in this run, by the word of their reason."""
    position_bytes: int
    """How far the file on disk has been read."""
    size_bytes: int
    """Its size on disk; with `position_bytes`, what a progress bar needs."""
    elapsed_s: float
    """Time since this run began."""

    @property
    def lines(self) -> int:
        """Lines acknowledged in this run: events and refused ones."""
        return self.events + sum(self.refused.values())

    @property
    def lines_per_s(self) -> float:
        """Speed of this run so far."""
        return self.lines / self.elapsed_s if self.elapsed_s else 0.0


class ImportResult(msgspec.Struct, frozen=True, kw_only=True):
    """How an import ended."""

    progress: ImportProgress
    """Counts of this run."""
    complete: bool
    """True when the whole file is acknowledged; False when it was interrupted."""
    resumed_from: int
    """The line after which this run began; 0 for the beginning."""

    @property
    def advice(self) -> str:
        """What to tell the person who started it."""
        if not self.complete:
            return f"stopped at line {self.progress.line}; run the same command again to go on from there"
        if self.resumed_from and not self.progress.lines:
            return f"all {self.resumed_from} lines were imported before; delete the state file to send them again"
        return f"imported up to line {self.progress.line}, the last one"


class _State(msgspec.Struct):
    """The state file: which import it is of, and how far that is."""

    file: str
    size_bytes: int
    map: str
    source: str
    shift_us: int
    line: int = 0


def import_file(
    path: Path,
    mapping: RowMap,
    *,
    collector_url: str,
    internal_key: str,
    source: str,
    state_path: Path,
    shift_us: int = 0,
    progress: Callable[[ImportProgress], None] | None = None,
    patience_s: float = 120.0,
) -> ImportResult:
    """Send what `mapping` makes of the file at `path`, from where `state_path` says that an earlier run stopped.

    Ctrl-C ends it in order: the result says where. `progress` is called after each acknowledged batch. Raises
    InputError (file, key or address wrong; state of another import), CorruptData, Permanent (the door refuses the
    requests) and Retryable (the collector was away or full for longer than `patience_s`); progress is kept then too.
    """
    with mapping.open(path) as rows:
        state = _load_state(state_path, _State(path.name, rows.size_bytes, mapping.version, source, shift_us))
        resumed_from, count = state.line, _Count()
        door = Door(collector_url, internal_key, patience_s=patience_s)
        complete = False
        try:
            for batch, records in _batches(map_rows(mapping, _after(state.line, rows), shift_us)):
                door.send(_ENCODE({"source": source, "backfill": True, "records": records}))
                state.line = batch[-1].line
                _save_state(state_path, state)
                count.add(batch)
                if progress is not None:
                    progress(count.progress(state.line, rows.position_bytes, rows.size_bytes))
            complete = True
        except KeyboardInterrupt:
            complete = False  # not an error: what is acknowledged is saved, and the result says how to go on
        finally:
            door.close()
        return ImportResult(
            progress=count.progress(state.line, rows.position_bytes, rows.size_bytes),
            complete=complete,
            resumed_from=resumed_from,
        )


class _Count:
    """What this run has had acknowledged."""

    def __init__(self) -> None:
        self._events = 0
        self._refused: Counter[str] = Counter()
        self._began_s = time.monotonic()

    def add(self, batch: list[Mapped]) -> None:
        words = [row.reason.partition(":")[0] for row in batch if isinstance(row, RefusedRow)]
        self._refused.update(words)
        self._events += len(batch) - len(words)

    def progress(self, line: int, position_bytes: int, size_bytes: int) -> ImportProgress:
        return ImportProgress(
            line=line,
            events=self._events,
            refused=dict(self._refused),
            position_bytes=position_bytes,
            size_bytes=size_bytes,
            elapsed_s=time.monotonic() - self._began_s,
        )


def _after(line: int, rows: Iterable[Row | RefusedRow]) -> Iterator[Row | RefusedRow]:
    return (row for row in rows if row.line > line)


def _batches(mapped: Iterable[Mapped]) -> Iterator[tuple[list[Mapped], list[msgspec.Raw]]]:
    """Rows, and the same rows as records for the door, in groups that fit one request."""
    rows: list[Mapped] = []
    records: list[msgspec.Raw] = []
    size_bytes = 0
    for row in mapped:
        record = _record(row)
        rows.append(row)
        records.append(msgspec.Raw(record))
        size_bytes += len(record)
        if len(rows) >= MAX_BATCH_RECORDS or size_bytes >= MAX_BATCH_BYTES:
            yield rows, records
            rows, records, size_bytes = [], [], 0
    if rows:
        yield rows, records


def _record(row: Mapped) -> bytes:
    if isinstance(row, RefusedRow):
        return _ENCODE({"refused": row.reason, "raw": row.raw})
    return b'{"body":' + row.body + b"}"


def _load_state(path: Path, fresh: _State) -> _State:
    """The state of an earlier run of the same import, else `fresh`. Raises InputError when it is of another import."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_State)
    except FileNotFoundError:
        return fresh
    except msgspec.DecodeError as error:
        msg = f"{path}: is not the state of an import: {error}; delete it to begin from the first line"
        raise InputError(msg) from error
    same = msgspec.structs.replace(found, line=0)
    if same != fresh:
        changed = [name for name, value in msgspec.structs.asdict(fresh).items() if getattr(same, name) != value]
        msg = (
            f"{path}: is the state of another import (different: {', '.join(changed)}); "
            "delete it to begin from the first line, or choose another state file"
        )
        raise InputError(msg)
    return found


def _save_state(path: Path, state: _State) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(_ENCODE(state))
    beside.replace(path)
