"""A value that is an instant: microseconds, or an ISO 8601 text; in Python here and, the same, in domain/sql.py.

Only the common forms count, so that both agree on every text: a date, or a date and a time of day with minutes, and
perhaps seconds, up to nine digits of them, and an offset. Without one it is UTC.
"""

from __future__ import annotations

import re
from typing import Any

from tidings.clock import parse_instant

FIRST_US = parse_instant("0001-01-01")
END_US = parse_instant("9999-12-31")
"""Where the calendar ends. Anybody may give a trait an integer of 64 bits, and no clock or text can show that."""
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-3])(:?[0-5]\d)?)?"
PATTERN = rf"\d{{4}}-\d{{2}}-\d{{2}}([T ]{_CLOCK})?"
"""Texts that are instants, if there is such a day."""
_FULL = re.compile(PATTERN, re.ASCII)


def instant_of(value: Any) -> int | None:
    """Microseconds from an integer of them or an ISO text; None for anything else."""
    if isinstance(value, str):
        if not _FULL.fullmatch(value):
            return None
        try:
            value = parse_instant(value)
        except ValueError:  # 30 February
            return None
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and FIRST_US <= value < END_US else None
