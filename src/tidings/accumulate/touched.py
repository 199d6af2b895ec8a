"""touched: which items a person looked at or wished for, each with the latest instant; what "back in stock" and "price drop" ask for.

Value: {item_id: occurred_us}, the latest `MAX_ITEMS` of them. An item that dropped out comes back by a later event of its own, so
what is kept is a function of the set of events.
"""

from __future__ import annotations

from tidings.accumulate.base import Timeless
from tidings.accumulate.distinct import text_sql
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query, member

MAX_ITEMS = 100
"""Items kept: those touched last."""
MAX_ID_CHARS = 200
"""A longer id is of no item."""
ITEM = ("product_id", "sku")
"""Properties that name the item; the first that does."""


def item_of(event: Event) -> str:
    """The item that an event is about; empty for none."""
    properties = event.properties
    found = next((value for name in ITEM if (value := properties.get(name))), "")
    named = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
    return named if len(named) <= MAX_ID_CHARS else ""


class Touched(Timeless, frozen=True):
    """Which events count."""

    filter: EventFilter

    @property
    def key(self) -> str:
        return f"touched:{self.filter.key()}"

    def fold(self, value: dict[str, int] | None, event: Event) -> dict[str, int] | None:
        item = item_of(event)
        if not item:
            return value
        if value is None:
            return {item: event.occurred_us}
        if event.occurred_us > value.get(item, 0):
            value[item] = event.occurred_us
            if len(value) > MAX_ITEMS:
                del value[min(value, key=lambda one: (value[one], one))]
        return value

    def merge(self, one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
        both = {**one, **{item: max(at_us, one.get(item, 0)) for item, at_us in other.items()}}
        latest = sorted(both, key=lambda item: (both[item], item))[-MAX_ITEMS:]
        return {item: both[item] for item in latest}

    def read(self, value: dict[str, int] | None) -> list[str]:
        """The items, the one touched last first."""
        return sorted(value, key=lambda item: (value[item], item), reverse=True) if value else []

    def sql(self, query: Query) -> str:
        named = " ,".join(f"NULLIF({text_sql(member('properties', name))}, '')" for name in ITEM)
        rows = query.matching(self.filter, f"profile_id, occurred_us, COALESCE({named}) AS item")
        latest = f"SELECT profile_id, item, max(occurred_us) AS at_us FROM ({rows}) WHERE length(item) <= {MAX_ID_CHARS} GROUP BY ALL"
        place = "row_number() OVER (PARTITION BY profile_id ORDER BY at_us DESC, item DESC)"
        kept = f"SELECT * FROM ({latest}) QUALIFY {place} <= {MAX_ITEMS}"
        return f"SELECT profile_id, to_json(list(item ORDER BY at_us DESC, item DESC)) AS value FROM ({kept}) GROUP BY profile_id"
