"""Paths inside a definition, such as ``vip.rule.all[1].did.within``, and where they stand in a text."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAMED = re.compile(r"`([^`]+)`")


def below(path: str, key: object) -> str:
    """The path of what stands under a name or at an index."""
    return f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}"


def nearest(places: Mapping[str, int], path: str, problem: str = "", got: object = None) -> int | None:
    """Where the path stands, or the nearest known one above it; None when there is none.

    Paths begin with a dot. A problem that names a setting right below the path is with that one: something unknown that was
    got, else what its sentence names first.
    """
    known = _known(places, path)
    named = _NAMED.search(problem)
    name = got if problem.startswith("unknown") else named[1] if named else None
    return places.get(f"{known}.{name}", places.get(known)) if known == path else places.get(known)


def _known(places: Mapping[str, int], path: str) -> str:
    """The longest known path that this one is, or goes on from."""
    for end in range(len(path), 0, -1):
        if path[:end] in places and (end == len(path) or path[end] in ".[:, "):
            return path[:end]
    return ""
