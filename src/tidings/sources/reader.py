"""Reads CSV and JSON lines files, plain or packed (``.gz``, ``.xz``), row by row in bounded memory.

First stage of an import. A line that cannot be read (too long, wrong encoding, broken quoting, not JSON) does not stop
the file: it comes out as a `RefusedRow`. Only a file that is wrong as a whole raises.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, NoReturn, cast

from tidings.errors import CorruptData, InputError, TidingsError
from tidings.sources.row import RefusedRow, Row, Values

MAX_LINE_BYTES = 32 * 1024
"""Longest line; the same as the longest event."""
MAX_RECORD_LINES = 100
"""Most lines that one CSV record with line ends inside quotes may have."""
MAX_COLUMNS = 1_000
"""Most columns of a CSV file."""
MAX_NESTING = 8
"""Deepest nesting of one JSON line."""
FORMATS = ("csv", "jsonl")
"""What a file may be."""
ENCODINGS = ("utf-8", "latin-1", "cp1252")
"""Character encodings that a file may have; all keep the byte of a line end as it is."""

_BUFFER_BYTES = 1024 * 1024


class _Line(NamedTuple):
    number: int
    text: str


class RowFile:
    """An open file of rows: iterate over it once. Closes with `with`."""

    def __init__(self, path: Path, *, kind: str = "csv", encoding: str = "utf-8", delimiter: str = ",") -> None:
        """Opens `path` and reads a CSV's header. Raises InputError (no such file, no header) or CorruptData."""
        self._path = path
        self._encoding = encoding
        self._delimiter = delimiter
        try:
            self._file = path.open("rb")
        except OSError as error:
            msg = f"{path}: cannot be read: {error.strerror}; give the path of a readable file"
            raise InputError(msg) from error
        self.size_bytes = path.stat().st_size
        """Size on disk (packed)."""
        self._stream = io.BufferedReader(_unpacked(path, self._file), _BUFFER_BYTES)
        self._lines = _Lines(self._physical_lines())
        self.columns: tuple[str, ...] = ()
        """Columns of a CSV file; empty for JSON lines, where each line names its own."""
        if kind == "csv":
            self._read_header()
        self._rows = self._csv_rows() if kind == "csv" else self._json_rows()

    def __enter__(self) -> RowFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._stream.close()
        self._file.close()

    @property
    def position_bytes(self) -> int:
        """How far the file on disk has been read (up to some buffers), for showing progress."""
        return self._file.tell()

    def __iter__(self) -> Iterator[Row | RefusedRow]:
        return self._rows

    def _physical_lines(self) -> Iterator[_Line | RefusedRow]:
        number = 0
        while data := self._readline():
            number += 1
            if len(data) > MAX_LINE_BYTES and not data.endswith(b"\n"):
                yield self._too_long(number, data)
                continue
            try:
                yield _Line(number, data.decode(self._encoding))
            except UnicodeDecodeError as error:
                why = f"bad_encoding: byte {error.start + 1} of the line is not {self._encoding}; set `encoding` in the map"
                yield RefusedRow(number, why, data.decode(self._encoding, "backslashreplace").rstrip("\r\n"))

    def _readline(self) -> bytes:
        try:
            return self._stream.readline(MAX_LINE_BYTES + 1)
        except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
            msg = f"{self._path}: the packed file is broken: {error}; get it again from where it came from"
            raise CorruptData(msg) from error

    def _too_long(self, number: int, start: bytes) -> RefusedRow:
        size = len(start)
        while (more := self._readline()) and not more.endswith(b"\n"):
            size += len(more)
        size += len(more)
        why = f"line_too_long: got {size} bytes, wanted at most {MAX_LINE_BYTES}; only its start is kept"
        return RefusedRow(number, why, start[:MAX_LINE_BYTES].decode(self._encoding, "backslashreplace"))

    def _read_header(self) -> None:
        try:
            self.columns = self._header()
        except TidingsError:
            self.close()
            raise

    def _header(self) -> tuple[str, ...]:
        first = next(self._lines, None)
        if not isinstance(first, _Line):
            problem = "the file is empty" if first is None else first.reason
            self._bad_header(problem, "a first line with the names of the columns")
        try:
            cells = _split(first.text.removeprefix("\ufeff"), self._delimiter) or []
        except csv.Error as error:
            self._bad_header(str(error), "names and quotes as RFC 4180 has them")
        names = tuple(name.strip() for name in cells)
        if not all(names) or len(set(names)) != len(names) or not 0 < len(names) <= MAX_COLUMNS:
            self._bad_header(f"got the columns {names[:20]!r}", f"1 to {MAX_COLUMNS} different, non-empty names")
        return names

    def _bad_header(self, problem: str, wanted: str) -> NoReturn:
        msg = f"{self._path}: line 1: {problem}; wanted {wanted}"
        raise InputError(msg)

    def _csv_rows(self) -> Iterator[Row | RefusedRow]:
        columns, width = self.columns, len(self.columns)
        for line in self._lines:
            if isinstance(line, RefusedRow):
                yield line
            elif line.text.strip():
                raw, cells = self._record(line)
                if isinstance(cells, str):
                    yield RefusedRow(line.number, cells, raw)
                elif len(cells) != width:
                    why = f"wrong_columns: got {len(cells)} values, wanted {width} as in the header"
                    yield RefusedRow(line.number, why, raw)
                else:
                    yield Row(line.number, raw, dict(zip(columns, cells, strict=True)))

    def _record(self, first: _Line) -> tuple[str, list[str] | str]:
        """Raw text and cells (or the refusal) of the record that starts at `first`: further lines while a quote is open."""
        text, more = first.text, list[_Line]()
        while True:
            try:
                cells = _split(text, self._delimiter)
            except csv.Error as error:
                cells, problem = None, f"bad_csv: {error}; wanted values and quotes as RFC 4180 has them"
                break
            if cells is not None:
                return text.rstrip("\r\n"), cells
            line = next(self._lines, None)
            if isinstance(line, _Line):
                more.append(line)
                text += line.text
            elif line is not None:
                self._lines.give_back([line])
            if not isinstance(line, _Line) or len(more) >= MAX_RECORD_LINES or len(text) > MAX_LINE_BYTES:
                problem = "bad_csv: a quote is opened and not closed; write a quote inside a quoted value twice"
                break
        # Only the first line is lost: those after it may be sound.
        self._lines.give_back(more)
        return first.text.rstrip("\r\n"), problem

    def _json_rows(self) -> Iterator[Row | RefusedRow]:
        for line in self._lines:
            if isinstance(line, RefusedRow):
                yield line
            elif text := line.text.strip("\ufeff \t\r\n"):
                try:
                    yield Row(line.number, text, _json_values(text))
                except (ValueError, RecursionError) as error:
                    yield RefusedRow(line.number, f"bad_json: {error}; wanted one JSON object a line", text)


class _Lines(Iterator[_Line | RefusedRow]):
    """Lines of which some can be given back."""

    def __init__(self, lines: Iterator[_Line | RefusedRow]) -> None:
        self._lines = lines
        self._returned: deque[_Line | RefusedRow] = deque()

    def __next__(self) -> _Line | RefusedRow:
        return self._returned.popleft() if self._returned else next(self._lines)

    def give_back(self, lines: list[_Line] | list[RefusedRow]) -> None:
        """They come next, in this order."""
        self._returned.extendleft(reversed(lines))


def _unpacked(path: Path, file: IO[bytes]) -> io.RawIOBase:
    if path.suffix == ".xz":
        return cast("io.RawIOBase", lzma.LZMAFile(file))
    if path.suffix == ".gz":
        return cast("io.RawIOBase", gzip.GzipFile(fileobj=file))
    return cast("io.RawIOBase", file)


def _split(text: str, delimiter: str) -> list[str] | None:
    """Cells of one CSV record; None when it goes on in the next line. Raises csv.Error."""
    try:
        return next(csv.reader((text,), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if "unexpected end of data" in str(error):  # the module's only word for an open quote
            return None
        raise


def _json_values(text: str) -> Values:
    """A JSON object's values as text, numbers exactly as written; ``{"a": {"b": 1}}`` gives ``{"a.b": "1"}``."""
    value = json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant)
    if not isinstance(value, dict):
        msg = f"got a {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 it is the text that is wrong, not our types
    values: Values = {}
    _flatten("", value, values, MAX_NESTING)
    json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair is no text; raises a ValueError
    return dict(sorted(values.items()))


def _flatten(prefix: str, value: dict[str, object], into: Values, depth: int) -> None:
    if depth == 0:
        msg = f"nested deeper than {MAX_NESTING} levels"
        raise ValueError(msg)
    for name, inner in value.items():
        if isinstance(inner, dict):
            _flatten(f"{prefix}{name}.", inner, into, depth - 1)
        elif isinstance(inner, list):
            into[prefix + name] = json.dumps(inner, ensure_ascii=False)
        else:
            into[prefix + name] = inner if isinstance(inner, str) else _word(inner)


def _word(value: object) -> str:
    return {None: "", True: "true", False: "false"}[cast("bool | None", value)]


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
