"""What the doctor says of one thing."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    level: str
    """``ok``, ``note`` or ``wrong``."""
    text: str
    """What, where, and what to do when it is not ok."""
