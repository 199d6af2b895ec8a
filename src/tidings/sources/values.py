"""Values that a map computes from a row: a column, a constant, a product of two columns, columns joined.

A value is compiled once into a function of the row; nothing from the file is ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec

from tidings.errors import DefinitionError
from tidings.sources.row import Unmappable, Values
from tidings.sources.spec import Spec, one_of, read_as
from tidings.sources.words import title

Value: TypeAlias = Callable[[Values], Any]
"""A row's value; None means "leave the property out". Raises Unmappable."""

_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_EXACT = Context(prec=60)
"""Two factors of at most 21 digits each: the product is never rounded."""


class ValueSpec(Spec, frozen=True, kw_only=True):
    """How one value is made; exactly one of `column`, `constant`, `product`, `join`."""

    column: str | None = None
    constant: str | int | float | bool | None = None
    product: tuple[str, str] | None = None
    join: list[str] | None = None
    as_: Literal["text", "title", "integer", "decimal"] = msgspec.field(default="text", name="as")
    strip: bool = False
    optional: bool = False
    with_: str = msgspec.field(default="", name="with")


@lru_cache(maxsize=8_192)
def decimal_of(text: str) -> Decimal | None:
    """The exact number that `text` writes (up to 15 digits, a point, 6 digits); None for anything else."""
    text = text.strip()
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


@lru_cache(maxsize=8_192)
def integer_of(text: str) -> int | None:
    """The whole number that `text` writes (up to 15 digits); None for anything else."""
    text = text.strip()
    return int(text) if _INTEGER.fullmatch(text) else None


def decimal_in(values: Values, column: str) -> Decimal:
    """The exact number in a row's `column`. Raises Unmappable."""
    text = values.get(column, "")
    number = decimal_of(text)
    if number is None:
        raise Unmappable(word="not_a_number", sentence=f"{column}: got {text[:40]!r}, wanted a number such as -12.95")
    return number


def integer_in(values: Values, column: str) -> int:
    """The whole number in a row's `column`. Raises Unmappable."""
    text = values.get(column, "")
    number = integer_of(text)
    if number is None:
        raise Unmappable(
            word="not_a_number", sentence=f"{column}: got {text[:40]!r}, wanted a whole number such as -12"
        )
    return number


def compile_value(raw: object, where: str, needed: set[str]) -> Value:
    """The function that `raw` describes; the columns it reads are added to `needed`. Raises DefinitionError."""
    spec = read_as(ValueSpec, raw, where)
    kinds = {"column": spec.column, "constant": spec.constant, "product": spec.product, "join": spec.join}
    kind = one_of(kinds, where)
    if kind != "column" and (spec.as_ != "text" or spec.strip or spec.optional):
        raise DefinitionError(where, "`as`, `strip` and `optional` go with `column` only", got=str(raw)[:80])
    if kind != "join" and spec.with_:
        raise DefinitionError(where, "`with` goes with `join` only", got=str(raw)[:80])
    if spec.column is not None:
        needed.add(spec.column)
        return _column(spec, spec.column)
    if spec.product is not None:
        needed.update(spec.product)
        return _product(*spec.product)
    if spec.join is not None:
        needed.update(spec.join)
        return _join(spec.join, spec.with_)
    return lambda _values: spec.constant


def _column(spec: ValueSpec, column: str) -> Value:
    plain = _cast(spec, column)
    if not spec.optional:
        return plain
    return lambda values: plain(values) if values.get(column, "").strip() else None


def _cast(spec: ValueSpec, column: str) -> Value:
    if spec.as_ == "integer":
        return lambda values: integer_in(values, column)
    if spec.as_ == "decimal":
        return lambda values: decimal_in(values, column)
    if spec.as_ == "title":
        return lambda values: title(values.get(column, ""))
    if spec.strip:
        return lambda values: values.get(column, "").strip()
    return lambda values: values.get(column, "")


def _product(one: str, other: str) -> Value:
    multiply = _EXACT.multiply
    return lambda values: multiply(decimal_in(values, one), decimal_in(values, other))


def _join(columns: list[str], between: str) -> Value:
    return lambda values: between.join(values.get(column, "") for column in columns)
