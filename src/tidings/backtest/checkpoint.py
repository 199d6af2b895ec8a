"""Where a backtest was interrupted: what it counted, and everybody's state, in one file that is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidings.backtest.rehearsal import Progress
from tidings.errors import CorruptData, InputError


class Checkpoint(msgspec.Struct, kw_only=True):
    """See above."""

    about: str
    """Of which backtest it is."""
    progress: Progress
    """How far it was, every share of it."""
    wall_s: float
    shares: list[bytes]
    """What each share of history had, as its rehearsal keeps it."""


_DECODE = msgspec.msgpack.Decoder(Checkpoint).decode


def write(path: Path, kept: Checkpoint) -> None:
    """Keep it."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(msgspec.msgpack.encode(kept))
    fresh.replace(path)


def read(path: Path, about: str) -> Checkpoint | None:
    """What was kept; None when nothing was. Raises InputError when it is of another backtest, CorruptData when it is none."""
    if not path.exists():
        return None
    try:
        kept = _DECODE(path.read_bytes())
    except msgspec.DecodeError as error:
        msg = f"{path}: is no checkpoint of a backtest: {error}; name another file, or delete it and begin anew"
        raise CorruptData(msg) from error
    if kept.about != about:
        msg = f"{path}: is of another backtest; got {kept.about}, wanted {about}; name another file, or delete it"
        raise InputError(msg)
    return kept
