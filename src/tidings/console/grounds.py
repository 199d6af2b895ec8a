"""What a decision rests on besides its events: the definitions as they were, the values that they read, the messages that a
cap counted.

Values are those that the decision carries (`SendIntent.values`); which of them mattered is said by the journey's rules and by
the template, as they were when it was decided.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from tidings import workspace
from tidings.console.store import Store
from tidings.domain import mention
from tidings.domain.message import SendIntent
from tidings.errors import TidingsError
from tidings.process import journey_form
from tidings.render.template import Template, compile_template
from tidings.versions.shelf import Entry, Versions

_PARTS = ("person", "event")
"""Of these a template reads one value at a time."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One value that the decision or the mail read."""

    name: str
    """``person.orders``, ``event.currency``, ``cart``."""
    value: Any
    """As it was at the decision; None when there was none."""
    by: list[str]
    """Who read it: ``journey`` and ``template``."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a cap counted, or that went before this one."""

    message_id: str
    template: str
    decided_us: int
    state: str


def template_of(store: Store, row: sqlite3.Row, intent: SendIntent) -> Template | None:
    """The template as the message was made with; before it was made, that of the definitions which decided. None when gone."""
    kept = store.ledger.row("kept", row["template_version"]) if row["template_version"] else None
    path = _folder(store, intent) / "templates" / f"{intent.template}.mjml"
    try:
        if kept is not None:
            return _compiled(intent.template, bytes(kept["body"]))
        return _compiled(intent.template, path.read_bytes())
    except (TidingsError, OSError, UnicodeDecodeError):
        return None  # the chain says which version it was; its bytes are not there, or nothing that compiles now


@lru_cache(maxsize=32)
def _compiled(name: str, source: bytes) -> Template:
    return compile_template(name, source.decode("utf-8", "surrogatepass"))


def values(store: Store, intent: SendIntent, template: Template | None) -> list[Value]:
    """What the journey's rules and the template read, sorted by name."""
    readers: dict[str, list[str]] = {}
    for name in sorted(set(_read_by_journey(store, intent))):
        readers.setdefault(name, []).append("journey")
    for name in sorted(set(_read_by_template(template))):
        readers.setdefault(name, []).append("template")
    return [Value(name=name, value=_value(intent, name), by=by) for name, by in sorted(readers.items())]


def _read_by_journey(store: Store, intent: SendIntent) -> Iterator[str]:
    raw = journey_as_it_was(store, intent.journey, intent.journey_version, intent.definitions)
    if raw is not None:
        named = journey_form.mentions(raw, intent.journey)
        traits = [one.name for one in named if one.kind == mention.TRAIT]
        yield from ("cart" if name == "cart" and name in intent.values else f"person.{name}" for name in traits)


def _read_by_template(template: Template | None) -> Iterator[str]:
    for part in (template.html, template.subject, template.preheader) if template is not None else ():
        for name, uses in part.analyze().globals.items():
            if name == "cart":
                yield name
            elif name in _PARTS:
                yield from (f"{name}.{use.segments[1]}" for use in uses if len(use.segments) > 1)


def _value(intent: SendIntent, name: str) -> Any:
    part, _, inner = name.partition(".")
    held = intent.values.get(part)
    return held.get(inner) if inner and isinstance(held, dict) else held


def journey_as_it_was(store: Store, name: str, version: str, definitions: str) -> dict[str, Any] | None:
    """A version of a journey, as written; None when no version of the definitions that is kept has it."""
    shelf = Versions(store.config.data)
    likely = [definitions, *(entry.version for entry in reversed(shelf.history()))]
    folders = [shelf.folder(one) for one in dict.fromkeys(likely) if one and _is_there(store, one)]
    return _written((*folders, shelf.current(store.config.workspace)), name, version)


@lru_cache(maxsize=64)
def _written(folders: tuple[Path, ...], name: str, version: str) -> dict[str, Any] | None:
    for folder in folders:
        for path in sorted(folder.glob("journeys/*.yml")):
            try:
                raw = workspace.read_yaml(path)
                tree = journey_form.tree(raw, path.name)
                if isinstance(raw, dict) and raw.get("journey") == name and workspace.version_of(tree) == version:
                    return raw
            except TidingsError:
                continue  # a file that does not parse cannot have decided
    return None


def _is_there(store: Store, version: str) -> bool:
    return (store.config.data / "definitions" / version).is_dir()


def _folder(store: Store, intent: SendIntent) -> Path:
    shelf = Versions(store.config.data)
    if intent.definitions and _is_there(store, intent.definitions):
        return shelf.folder(intent.definitions)
    return shelf.current(store.config.workspace)


def applied(store: Store, version: str) -> Entry | None:
    """Who made these definitions run, when and why: their line of `tidings history`; None when there is none."""
    return next((one for one in reversed(Versions(store.config.data).history()) if one.version == version), None)


def named(store: Store, message_ids: Sequence[str]) -> list[Named]:
    """The messages that evidence names, as the ledger has them; those that it does not know are left out."""
    found = [store.ledger.row("message", one) for one in message_ids]
    return [Named(**{name: row[name] for name in Named.__struct_fields__}) for row in found if row is not None]


def everyone(store: Store, profile_id: str) -> list[str]:
    """Ids under which things of this person were decided: her own, and of every profile that was joined to it."""
    found = [profile_id]
    for one in found:
        found += [row["absorbed"] for row in store.serving.rows("merges", one) if row["absorbed"] not in found]
    return found
