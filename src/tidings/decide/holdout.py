"""Who is held out gets nothing that is not exempt: the message is decided on like any other, then recorded as a *ghost send*.

It is the last thing asked, so a ghost is a message that would have gone but for the holdout; caps and arbitration do not count it. A holdout
is a journey's own (a step, or the whole journey), or one for all journeys: ``holdout: {percent: 5}`` in policy.yml.
"""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.process import arms
from tidings.process.steps import holdout as drawing

SCHEMA = schema.settings({"percent": drawing.SCHEMA}, ["percent"])


def parse(raw: Any, where: str) -> int:
    """The share of all people who are held out, in percent. Raises DefinitionError."""
    if not isinstance(raw, dict) or "percent" not in raw:
        raise DefinitionError(where, "needs `percent`", got=raw)
    only(raw, {"percent"}, where)
    return drawing.percent_of(raw["percent"], f"{where}.percent")


def everywhere(state: ProfileState, percent: int, known_us: int) -> bool:
    """Whether she is held out of all journeys; draws when she has not drawn yet."""
    stands = state.arms.get(arms.EVERYWHERE)
    if stands is None:
        arms.keep(state, drawing.drawn(state, "", "", percent), known_us)
        stands = state.arms[arms.EVERYWHERE]
    return bool(stands[0] == drawing.HELD)
