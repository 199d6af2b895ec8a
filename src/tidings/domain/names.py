"""Names that definitions use: one that is not there is refused, with the nearest that is."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from tidings.errors import DefinitionError

MAX_SHOWN = 10
"""Known names that an error lists when none is near."""


def nearest(name: str, names: Iterable[str], likeness: float = 0.6) -> str:
    """The known name that looks most like this one, whatever its capitals; empty when none is so much like it (0 to 1)."""
    lower = {one.lower(): one for one in names}
    return next((lower[one] for one in get_close_matches(name.lower(), lower, 1, likeness)), "")


def known(name: str, names: Iterable[str], kind: str, where: str, remedy: str) -> None:
    """Refuse a name that is not one of `names`; `remedy` says how to make it one. Raises DefinitionError."""
    listed = list(names)
    if name in listed:
        return
    near = nearest(name, listed)
    few = ", ".join(listed) if len(listed) <= MAX_SHOWN else ""
    do = f"did you mean {near}? If not, {remedy}" if near else remedy
    raise DefinitionError(where, f"unknown {kind}", got=name, wanted="" if near else few, do=do)
