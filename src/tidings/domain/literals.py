"""Values and names as DuckDB's SQL writes them. A value of an event or a trait is JSON there, as the lake keeps it."""

from __future__ import annotations

from typing import Any

import msgspec


def text(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


def json(value: Any) -> str:
    """A literal of type JSON; NULL for None."""
    return "NULL::JSON" if value is None else f"{text(msgspec.json.encode(value).decode())}::JSON"


def double(value: float) -> str:
    """A literal of type DOUBLE, exact."""
    return f"{text(repr(float(value)))}::DOUBLE"


def member(column: str, name: str) -> str:
    """The value of one name of a column that holds a JSON object."""
    return f"json_extract({column}, {text(pointer(name))})"


def pointer(name: str) -> str:
    """One name of a JSON object, as `json_extract` takes it."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def as_text(value: str) -> str:
    """The text that a JSON expression holds, which must be one."""
    return f"json_extract_string({value}, '$')"
