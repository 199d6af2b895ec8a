"""What is known of items, from a file: JSON lines, or CSV with a header of the same names."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from tidings.errors import InputError

PORTION = 1_000
"""Items of one request."""
SOURCE = "items"
_NUMBERS, _FLAGS = ("price", "stock"), {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Put = Callable[[str, list[dict[str, Any]]], int]
"""(source, items) puts them into the log."""


def send(path: Path, put: Put) -> int:
    """Put all items of a file into the log; how many. Bad ones end up among the rejected events, with their reason. Raises InputError."""
    items, sent = read(path), 0
    while portion := list(islice(items, PORTION)):
        put(SOURCE, portion)
        sent += len(portion)
    return sent


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The items of a file. Raises InputError when a line cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from _rows(path, file) if path.suffix == ".csv" else _lines(path, file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _lines(path: Path, file: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise InputError(f'{path}:{number}: {error}; wanted {{"product_id": "…", "price": 9.5}}') from error


def _rows(path: Path, file: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(csv.DictReader(file), 2):
        try:
            yield {name: _value(name, text) for name, text in row.items() if name and text}
        except ValueError as error:
            raise InputError(f"{path}:{number}: {error}") from error


def _value(name: str, text: str) -> Any:
    if name in _NUMBERS:
        return float(text)
    if name == "available":
        if text.strip().lower() not in _FLAGS:
            raise ValueError(f"available: got {text!r}, wanted true or false")
        return _FLAGS[text.strip().lower()]
    return text
