"""Where definitions name events and given traits: what they say is compared with the names that a workspace lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tidings.domain import places, schema
from tidings.domain.schema import Schema

EVENT, TRAIT = "event", "trait"


class Mention(msgspec.Struct, frozen=True):
    """One name in a definition."""

    kind: str
    """`EVENT` or `TRAIT`."""
    name: str
    where: str
    """File and path inside it."""


def events(raw: Any, where: str) -> Iterator[Mention]:
    """The names in a setting that takes an event or a list of them."""
    if isinstance(raw, str):
        yield Mention(EVENT, raw, where)
    elif isinstance(raw, list):
        yield from (Mention(EVENT, name, places.below(where, index)) for index, name in enumerate(raw))


def in_settings(form: Schema, held: Mapping[str, Any], where: str) -> Iterator[Mention]:
    """The events that settings name, by their JSON Schema: a setting that takes events says so there.

    Traits that computed traits are made of are not among them: the file itself has those."""
    for name, one in form.get("properties", {}).items():
        if one is schema.EVENT and name in held:
            yield from events(held[name], f"{where}.{name}")
