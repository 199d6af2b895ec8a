"""minimum: the smallest number that a property had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tidings.accumulate.base import only, required_property
from tidings.accumulate.extreme import Extreme
from tidings.domain import schema
from tidings.domain.filter import EventFilter


class Minimum(Extreme, frozen=True):
    """The smallest."""

    kind: ClassVar[str] = "minimum"
    choose: ClassVar[Callable[..., Any]] = min


SCHEMA = schema.settings({**schema.EVENTS, "property": schema.NAME, "within": schema.SPAN}, ["event", "property"])


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Minimum:
    only(raw, {"event", "where", "property", "within", "description"}, where)
    return Minimum(events, required_property(raw, where))
