"""The map: a YAML file that says which event each row of a file is, or why it is none.

Second stage of an import, pure: rows in, events in Segment's wire form (or refusals) out. The map is compiled once
into functions; the order of its rules is the order of the file, the first that holds decides. Format and examples:
docs/how-to/import-a-file.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from tidings.clock import DAY_US, iso
from tidings.domain.wire import MAX_EVENT_BYTES, MAX_ID_CHARS, MAX_NAME_CHARS
from tidings.errors import DefinitionError, InputError
from tidings.ids import digest
from tidings.located import located
from tidings.sources.conditions import Condition, compile_condition
from tidings.sources.instants import Instant, compile_instant
from tidings.sources.reader import RowFile
from tidings.sources.row import Mapped, MappedEvent, RefusedRow, Row, Unmappable, Values
from tidings.sources.spec import Spec, read_as, read_list
from tidings.sources.values import Value, compile_value

MAX_MAP_BYTES = 256 * 1024
"""Longest map file."""
MAX_RULES = 200
"""Most reject rules, cases, or properties of one case."""

_EARLIEST_US = 3_652 * DAY_US  # 1980-01-01, as at the collector
_LATEST_US = 84_006 * DAY_US  # 2200-01-01: anything after it is a wrong format, not a time
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_iso = lru_cache(maxsize=8_192)(iso)


class _MapSpec(Spec, frozen=True, kw_only=True):
    """A whole map file."""

    name: str
    timestamp: Any
    event_id: Any
    cases: Any
    about: str = ""
    format: Literal["csv", "jsonl"] = "csv"
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    user_id: Any = None
    anonymous_id: Any = None
    reject: Any = []
    properties: Any = {}
    traits: Any = {}


class _EventIdSpec(Spec, frozen=True, kw_only=True):
    hash: str | list[str]


class _RejectSpec(Spec, frozen=True, kw_only=True):
    reason: str
    because: str
    when: Any


class _CaseSpec(Spec, frozen=True, kw_only=True):
    type: Literal["track", "identify"] = "track"
    event: str | None = None
    when: Any = None
    properties: Any = {}
    traits: Any = {}


class _Case(msgspec.Struct, frozen=True):
    """One kind of event that a row can be."""

    test: Condition | None
    head: dict[str, str]
    properties: list[tuple[str, Value]]
    traits: list[tuple[str, Value]]


class RowMap(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled map. Make it with `load_map` or `parse_map`."""

    name: str
    """The map's own name; part of every event id it makes."""
    version: str
    """Changes whenever the text of the map changes."""
    format: str
    """``csv`` or ``jsonl``."""
    encoding: str
    """Character encoding of the file."""
    delimiter: str
    """What stands between two values of a CSV line."""
    columns: frozenset[str]
    """The columns that it reads; a CSV file must have them all."""
    event_id: Callable[[Values], str]
    """Id of the row's event."""
    instant: Instant
    """Time of the row's event."""
    identifiers: list[tuple[str, Value]]
    """``userId`` and/or ``anonymousId``."""
    rejects: list[tuple[Condition, str]]
    """Tests and the ``word: sentence`` that they refuse with, in order."""
    cases: list[_Case]
    """What a row can be, in order."""

    def open(self, path: Path) -> RowFile:
        """The file at `path`, read as this map says. Raises InputError when it lacks a column that the map reads."""
        rows = RowFile(path, kind=self.format, encoding=self.encoding, delimiter=self.delimiter)
        missing = sorted(self.columns.difference(rows.columns))
        if self.format == "csv" and missing:
            rows.close()
            msg = f"{path}: line 1: lacks the columns {missing}, which the map {self.name!r} reads; got {list(rows.columns)}"
            raise InputError(msg)
        return rows

    def map_row(self, row: Row, shift_us: int = 0) -> Mapped:
        """The event that `row` is, `shift_us` later than it says; or why it is none."""
        values = row.values
        try:
            for test, reason in self.rejects:
                if test(values):
                    return RefusedRow(row.line, reason, row.raw)
            return self._event(row, shift_us)
        except Unmappable as problem:
            return RefusedRow(row.line, str(problem), row.raw)

    def _event(self, row: Row, shift_us: int) -> MappedEvent:
        values = row.values
        case = self._case(values)
        occurred_us = self.instant(values) + shift_us
        if not _EARLIEST_US <= occurred_us < _LATEST_US:
            raise Unmappable(
                word="bad_timestamp", sentence=f"got {occurred_us} us since 1970, wanted a time from 1980 to 2199"
            )
        body: dict[str, Any] = dict(case.head)
        body["messageId"] = self.event_id(values)
        for name, value in self.identifiers:
            if identifier := value(values):
                body[name] = _identifier(name, str(identifier))
        if "userId" not in body and "anonymousId" not in body:
            raise Unmappable(
                word="missing_identifier",
                sentence="the columns of user_id and anonymous_id are empty; one must be given",
            )
        body["timestamp"] = _iso(occurred_us)
        if case.properties:
            body["properties"] = {name: got for name, value in case.properties if (got := value(values)) is not None}
        if case.traits:
            body["traits"] = {name: got for name, value in case.traits if (got := value(values)) is not None}
        data = _ENCODE(body)
        if len(data) > MAX_EVENT_BYTES:
            raise Unmappable(
                word="too_large", sentence=f"event: got {len(data)} bytes, wanted at most {MAX_EVENT_BYTES}"
            )
        return MappedEvent(row.line, occurred_us, data)

    def _case(self, values: Values) -> _Case:
        for case in self.cases:
            if case.test is None or case.test(values):
                return case
        raise Unmappable(
            word="no_case", sentence=f"none of the {len(self.cases)} cases of the map {self.name!r} holds for this row"
        )


def map_rows(row_map: RowMap, rows: Iterable[Row | RefusedRow], shift_us: int = 0) -> Iterator[Mapped]:
    """Each row's event or refusal, in order; rows that could not even be read pass through as their refusals."""
    map_row = row_map.map_row
    for row in rows:
        yield row if isinstance(row, RefusedRow) else map_row(row, shift_us)


def load_map(path: Path) -> RowMap:
    """The map in a YAML file. Raises DefinitionError naming file, path, what was got and what was wanted."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MAP_BYTES + 1)
    except OSError as error:
        raise DefinitionError(
            str(path), f"cannot be read: {error.strerror}", do="give the path of a map file"
        ) from error
    if len(data) > MAX_MAP_BYTES:
        raise DefinitionError(str(path), "is too long", wanted=f"at most {MAX_MAP_BYTES} bytes")
    text = data.decode("utf-8", "replace")
    with located({path.name: text}):
        return parse_map(text, path.name)


def parse_map(text: str, where: str) -> RowMap:
    """The map that YAML `text` writes; `where` names it in errors. Raises DefinitionError."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DefinitionError(where, f"is not YAML: {error}") from error
    spec = read_as(_MapSpec, raw, where)
    if not _NAME.fullmatch(spec.name):
        here, wanted = f"{where}: name", "lower-case letters, digits, - and _"
        raise DefinitionError(here, "is no name", got=spec.name, wanted=wanted)
    needed: set[str] = set()
    return RowMap(
        name=spec.name,
        version=digest("source map", text, size=8).hex(),
        format=spec.format,
        encoding=spec.encoding,
        delimiter=spec.delimiter,
        event_id=_compile_event_id(spec.event_id, f"{where}: event_id", spec.name, needed),
        instant=compile_instant(spec.timestamp, f"{where}: timestamp", needed),
        identifiers=_compile_identifiers(spec, where, needed),
        rejects=_compile_rejects(spec.reject, f"{where}: reject", needed),
        cases=_compile_cases(spec, where, needed),
        columns=frozenset(needed),
    )


def _compile_event_id(raw: object, where: str, name: str, needed: set[str]) -> Callable[[Values], str]:
    """Ids are hashes of what the row says, so the same line is the same event however often it is imported."""
    columns = read_as(_EventIdSpec, raw, where).hash
    if columns == "all":
        return lambda values: digest("source row", name, _ENCODE(values).decode()).hex()
    if isinstance(columns, str) or not columns:
        here, wanted = f"{where}.hash", "all, or a list of columns"
        raise DefinitionError(here, "does not say what to hash", got=columns, wanted=wanted)
    needed.update(columns)
    return lambda values: digest("source row", name, *[values.get(column, "") for column in columns]).hex()


def _compile_identifiers(spec: _MapSpec, where: str, needed: set[str]) -> list[tuple[str, Value]]:
    given = {"user_id": ("userId", spec.user_id), "anonymous_id": ("anonymousId", spec.anonymous_id)}
    found = [
        (wire, compile_value(raw, f"{where}: {name}", needed)) for name, (wire, raw) in given.items() if raw is not None
    ]
    if not found:
        raise DefinitionError(where, "does not say whose event a row is", wanted="user_id or anonymous_id")
    return found


def _compile_rejects(raw: object, where: str, needed: set[str]) -> list[tuple[Condition, str]]:
    rules = []
    for index, part in enumerate(read_list(raw, where, most=MAX_RULES)):
        here = f"{where}[{index}]"
        spec = read_as(_RejectSpec, part, here)
        if not _WORD.fullmatch(spec.reason) or not spec.because.strip():
            wanted = "reason: one_word, because: a sentence"
            raise DefinitionError(here, "does not say why", got=f"{spec.reason}: {spec.because}", wanted=wanted)
        reason = f"{spec.reason}: {' '.join(spec.because.split())}"
        rules.append((compile_condition(spec.when, f"{here}.when", needed), reason))
    return rules


def _compile_cases(spec: _MapSpec, where: str, needed: set[str]) -> list[_Case]:
    here = f"{where}: cases"
    parts = read_list(spec.cases, here, most=MAX_RULES)
    if not parts:
        raise DefinitionError(here, "is empty", wanted="at least one case")
    shared = _compile_values(spec.properties, f"{where}: properties", needed)
    shared_traits = _compile_values(spec.traits, f"{where}: traits", needed)
    cases = [_compile_case(part, f"{here}[{i}]", shared, shared_traits, needed) for i, part in enumerate(parts)]
    for index, case in enumerate(cases[:-1]):
        if case.test is None:
            here = f"{here}[{index}]"
            raise DefinitionError(here, "holds for every row, so the cases after it never do", wanted="when: …")
    return cases


def _compile_case(
    raw: object, where: str, shared: dict[str, Value], shared_traits: dict[str, Value], needed: set[str]
) -> _Case:
    spec = read_as(_CaseSpec, raw, where)
    name = spec.event or ""
    if (spec.type == "track") != bool(name) or len(name) > MAX_NAME_CHARS:
        here, wanted = f"{where}.event", f"a name of 1 to {MAX_NAME_CHARS} characters for a track call, none for others"
        raise DefinitionError(here, "is not an event name", got=spec.event, wanted=wanted)
    properties = shared | _compile_values(spec.properties, f"{where}.properties", needed)
    traits = shared_traits | _compile_values(spec.traits, f"{where}.traits", needed)
    return _Case(
        test=None if spec.when is None else compile_condition(spec.when, f"{where}.when", needed),
        head={"type": spec.type, "event": name} if name else {"type": spec.type},
        properties=list(properties.items()) if spec.type == "track" else [],
        traits=list(traits.items()) if spec.type == "identify" else [],
    )


def _compile_values(raw: object, where: str, needed: set[str]) -> dict[str, Value]:
    if not isinstance(raw, dict) or len(raw) > MAX_RULES or not all(isinstance(name, str) for name in raw):
        raise DefinitionError(
            where, "is not a mapping of names to values", got=raw, wanted=f"at most {MAX_RULES} names"
        )
    return {name: compile_value(part, f"{where}.{name}", needed) for name, part in raw.items()}


def _identifier(name: str, text: str) -> str:
    if len(text) > MAX_ID_CHARS:
        raise Unmappable(
            word="id_too_long", sentence=f"{name}: got {len(text)} characters, wanted at most {MAX_ID_CHARS}"
        )
    return text
