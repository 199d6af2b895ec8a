"""not_in_segment: she is not in a segment. ``{not_in_segment: open_cart}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.trials.base import Act, When, name_of
from tidings.trials.expectations import in_segment

SCHEMA = in_segment.SCHEMA
BESIDE = in_segment.BESIDE


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:  # noqa: ARG001 - nothing stands beside it
    return in_segment.Member(when, name_of(raw, f"{where}.not_in_segment", "a segment"), wanted=False)
