"""Which stretch of time a condition on events speaks of: a sliding window, from a date on, or all time."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.clock import format_duration, iso, parse_duration
from tidings.domain.instants import instant_of
from tidings.domain.sql import Query
from tidings.errors import DefinitionError

SETTINGS = {"within", "since"}
"""What a definition may say."""


class Window(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time up to the instant that is asked about."""

    span_us: int = 0
    """Its length; 0 when it does not slide."""
    from_us: int = 0
    """Its fixed beginning, inclusive; 0 for none."""

    def asked(self, query: Query) -> Query:
        """The query, of this stretch."""
        if self.span_us:
            return query.within(self.span_us)
        return query.since(self.from_us) if self.from_us else query

    def words(self) -> str:
        """For people, with a space before: `` within 30d``; nothing for all time."""
        if self.span_us:
            return f" within {format_duration(self.span_us)}"
        return f" since {iso(self.from_us)}" if self.from_us else ""


def parse(settings: dict[str, Any], path: str) -> Window:
    """The window that the settings describe. Raises DefinitionError."""
    if "within" in settings and "since" in settings:
        raise DefinitionError(path, "use `within` or `since`, not both")
    if "within" in settings:
        return Window(span_us=span(settings["within"], f"{path}.within"))
    return Window(from_us=date(settings["since"], f"{path}.since")) if "since" in settings else Window()


def span(raw: Any, path: str) -> int:
    """A span in microseconds."""
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(path, str(error)) from error


def date(raw: Any, path: str) -> int:
    """A date, or an instant, in microseconds."""
    at_us = instant_of(raw) if isinstance(raw, str) else None
    if not at_us:
        raise DefinitionError(
            path, "no date", got=raw, wanted="a date such as 2026-01-31, or with a time 2026-01-31T09:30Z"
        )
    return at_us
