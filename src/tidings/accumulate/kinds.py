"""From the YAML of computed traits to what remembers and reads them: a kind is a module of this package, found by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Protocol

from tidings.accumulate.base import Accumulator
from tidings.accumulate.entries import Entries
from tidings.accumulate.reading import Reading
from tidings.accumulate.recent import Recent
from tidings.clock import parse_duration
from tidings.domain import filter as event_filter
from tidings.domain import mention, schema
from tidings.domain.mention import Mention
from tidings.domain.names import known
from tidings.domain.schema import Schema
from tidings.errors import DefinitionError

REMEMBERED = (
    "count", "sum", "average", "minimum", "maximum", "first", "last", "distinct", "top", "decayed_sum", "cart",
)  # fmt: skip
"""Kinds that remember events."""
DERIVED = ("ratio", "days_between")
"""Kinds that are made of two others."""
KINDS = (*REMEMBERED, *DERIVED)
"""Kinds that a definition may name."""


class Book(Protocol):
    """Where computed traits are noted by name: the layout."""

    def name(self, trait: str, accumulator: Accumulator) -> None:
        """Note one that remembers."""
        ...

    def derive(self, trait: str, reading: Reading) -> None:
        """Note one that is made of others."""
        ...

    def computed(self, name: str) -> Reading | None:
        """One that was noted."""
        ...


def define(raw: Mapping[str, Any], book: Book, file: str) -> None:
    """Note all computed traits of a file. Those made of others may stand before them. Raises DefinitionError."""
    derived = {}
    for name, one in raw.items():
        if _kind(one, f"{file}: {name}") in DERIVED:
            derived[name] = one
        else:
            book.name(name, parse(one, f"{file}: {name}"))
    for name, one in derived.items():
        kind = _kind(one, f"{file}: {name}")
        module = import_module(f"tidings.accumulate.{kind}")
        _check_named(one[kind], module.SCHEMA, raw, f"{file}: {name}.{kind}")
        book.derive(name, module.parse(one[kind], book, f"{file}: {name}.{kind}"))


def _check_named(held: Any, form: Schema, traits: Mapping[str, Any], where: str) -> None:
    """Refuse a trait that is made of one which is not in the file."""
    for setting, one in form["properties"].items():
        named = held.get(setting) if isinstance(held, Mapping) else None
        if one is schema.TRAIT and isinstance(named, str):
            known(named, traits, "trait", f"{where}.{setting}", "define it in traits.yml")


def parse(raw: Any, where: str) -> Accumulator:
    """The accumulator of ``{count: {event: …}}``. Raises DefinitionError."""
    kind = _kind(raw, where)
    settings = raw[kind]
    if not isinstance(settings, Mapping):
        raise DefinitionError(f"{where}.{kind}", "needs settings", got=settings, wanted="at least `event`")
    events = None
    if kind != "cart":
        events = event_filter.parse(settings.get("event"), settings.get("where"), f"{where}.{kind}")
    accumulator: Accumulator = import_module(f"tidings.accumulate.{kind}").parse(settings, events, f"{where}.{kind}")
    if "within" in settings and isinstance(accumulator, Entries):
        return within(accumulator, settings["within"], f"{where}.{kind}.within")
    return accumulator


def within(whole: Entries, span: Any, where: str) -> Accumulator:
    """The same of a sliding window."""
    try:
        return Recent(whole, parse_duration(span))
    except ValueError as error:
        raise DefinitionError(where, str(error)) from error


def schema_of_one() -> Schema:
    """A computed trait, as JSON Schema."""
    found = {kind: import_module(f"tidings.accumulate.{kind}").SCHEMA for kind in KINDS}
    return {"anyOf": schema.kinds(found, {"description": schema.SENTENCE})}


def mentions(raw: Mapping[str, Any], file: str) -> Iterator[Mention]:
    """Every event that computed traits which parse name."""
    for name, one in raw.items():
        kind = _kind(one, f"{file}: {name}")
        form = import_module(f"tidings.accumulate.{kind}").SCHEMA
        yield from mention.in_settings(form, one[kind], f"{file}: {name}.{kind}")


def _kind(raw: Any, where: str) -> str:
    if not isinstance(raw, Mapping):
        raise DefinitionError(where, "a computed trait needs a kind", got=raw, wanted="one of " + ", ".join(KINDS))
    kinds = [str(name) for name in raw if name != "description"]
    if len(kinds) != 1 or kinds[0] not in KINDS:
        raise DefinitionError(where, "needs exactly one kind", got=kinds, wanted="one of " + ", ".join(KINDS))
    return kinds[0]
