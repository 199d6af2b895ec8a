"""History in shares that never meet: people turn out to be one only by what identifies them, so what is tied by an event goes together.

Two identifiers are tied when any event of the whole history names both, whether or not identity makes one person of them; rather
too much is joined than too little. What is tied is one share's, so each share can be rehearsed alone, and what they count is
added up.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec


def key(kind: str, value: str) -> str:
    """An identifier as it is tied: ``user_id:17850``, ``anonymous_id:…``, ``profile:…``."""
    return f"{kind}:{value}"


def whose(user_id: str, anonymous_id: str, profile_id: str = "") -> str:
    """One identifier of an event that says whose it is; all others of the event are tied to it."""
    if profile_id:
        return f"profile:{profile_id}"
    return f"user_id:{user_id}" if user_id else f"anonymous_id:{anonymous_id}"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One share of several."""

    number: int = 0
    """Which, from 0."""
    of: int = 1
    """How many there are."""
    tied: Mapping[str, int] = {}
    """Of identifiers that are tied to others: the number of their share."""

    def has(self, identifier: str) -> bool:
        """Whether an identifier is of this share."""
        if self.of == 1:
            return True
        found = self.tied.get(identifier)
        return (
            zlib.crc32(identifier.encode("utf-8", "surrogatepass")) % self.of if found is None else found
        ) == self.number


ALL = Share()
"""The only share: everybody."""


def tied(ties: Iterable[Sequence[str]], of: int) -> dict[str, int]:
    """The share, of so many, of each identifier that one of these ties joins to another."""
    above: dict[str, str] = {}

    def root(one: str) -> str:
        path = []
        while above[one] != one:
            path.append(one)
            one = above[one]
        for below in path:
            above[below] = one
        return one

    for joined in ties:
        for one in joined:
            above.setdefault(one, one)
        roots = sorted({root(one) for one in joined})
        for other in roots[1:]:
            above[other] = roots[0]
    return {one: zlib.crc32(root(one).encode("utf-8", "surrogatepass")) % of for one in above}
