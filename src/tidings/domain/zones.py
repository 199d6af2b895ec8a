"""Time zones by name, from the pinned `tzdata` package and not from the machine: the same rule means the same on every host.

Source: the IANA time zone database; names as in its `zone1970.tab` and `backward` files.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

UTC = "UTC"
"""The zone of a workspace that names none."""
_DATA = files("tzdata")
NAMES = frozenset(_DATA.joinpath("zones").read_text("utf-8").split())
"""Every zone there is."""


@lru_cache(maxsize=len(NAMES))
def zone(name: str) -> ZoneInfo:
    """The zone of one of `NAMES`. Raises KeyError for any other text, which may come from outside and is never a path."""
    if name not in NAMES:
        raise KeyError(name)
    with _DATA.joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def zone_of(value: object, default: str) -> str:
    """The name of a person's zone: what is known of her if it names one, else the default. Nobody is left out for it."""
    return value if isinstance(value, str) and value in NAMES else default
