"""E-mail addresses as people give them, and as we compare and send to them."""

from __future__ import annotations

import re
from typing import Any

MAX_CHARS = 254
"""RFC 5321, 4.5.3.1.3, less the angle brackets."""

_ODD = re.compile(r"[\x00-\x20<>()\[\],;:\"\\\x7f]")


def address(value: Any) -> str:
    """What a trait says, lower-cased; empty when it is no text, or none fit to send to."""
    text = value.strip().lower() if isinstance(value, str) else ""
    name, at, domain = text.rpartition("@")
    odd = _ODD.search(text) is not None
    return text if at and name and domain and not odd and len(text) <= MAX_CHARS and text.isascii() else ""
