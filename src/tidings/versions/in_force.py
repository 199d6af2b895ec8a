"""What is in force at a place of the log, and how far a change is, as the process role says it to commands and pages."""

from __future__ import annotations

from pathlib import Path

import msgspec

META = "definitions"
"""Name under which the state keeps what is in force."""
STATUS = "definitions.json"
"""In ``run/``: what is in force, for those who wait for it."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """The next definitions, remembered beside the running ones."""

    version: str
    offset: int
    """Of the prepare record."""
    known_us: int
    """When the log took it."""
    fresh: tuple[str, ...]
    """Keys of the memories that the running ones do not have."""


class Switched(msgspec.Struct, frozen=True, kw_only=True):
    """A switch that not everybody has come over by yet."""

    offset: int
    """Of the switch record."""
    known_us: int
    """When the log took it."""
    prepared_offset: int
    fresh: tuple[str, ...]
    counting: str
    entering: bool
    moving: tuple[str, ...] = ()
    """Journeys whose runs may go over to the version that begins with it."""
    swept: str = ""
    """Everybody up to this profile id has come over."""


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force at an offset."""

    running: str
    """Version that decides."""
    since_offset: int = -1
    """Of the switch record that made it so; -1 for the first version."""
    prepared: Prepared | None = None
    switched: Switched | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the process role says of itself."""

    in_force: InForce
    offset: int
    """All records below are processed, at least."""


def status(data: Path) -> Status | None:
    """What the process role said last; None when it never ran."""
    path = data / "run" / STATUS
    return msgspec.json.decode(path.read_bytes(), type=Status) if path.exists() else None


def share(profile_id: str) -> float:
    """How much of the people is below an id, from 0 to 1; ids are hashes, so it is even."""
    try:
        return int(profile_id[:8] or "0", 16) / 2**32
    except ValueError:
        return 0.0
