"""Reads the parts of a map file into typed records, saying exactly which part is wrong."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tidings.errors import DefinitionError

T = TypeVar("T", bound=msgspec.Struct)


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a map file. Nested parts stay raw here; whoever compiles them reads them with their own path."""


def read_as(kind: type[T], raw: object, where: str) -> T:
    """`raw` (from YAML) as a `kind`. Raises DefinitionError naming `where`, what was got and what was wanted."""
    wanted = "a mapping with " + ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
    if not isinstance(raw, dict):
        raise DefinitionError(where, "is not a mapping", got=str(raw)[:80], wanted=wanted)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise DefinitionError(where, str(error), got=sorted(map(str, raw))[:20], wanted=wanted) from error


def read_list(raw: object, where: str, *, most: int) -> list[Any]:
    """`raw` as a list of at most `most` parts. Raises DefinitionError."""
    if not isinstance(raw, list) or len(raw) > most:
        raise DefinitionError(
            where, "is not a list that may stand here", got=str(raw)[:80], wanted=f"a list of at most {most}"
        )
    return raw


def one_of(given: dict[str, Any], where: str) -> str:
    """The one name of `given` whose value is there (not None). Raises DefinitionError for none or several."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        wanted = "exactly one of " + ", ".join(given)
        raise DefinitionError(where, "does not say one thing", got=", ".join(names) or "none", wanted=wanted)
    return names[0]
