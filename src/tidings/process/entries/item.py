"""item: an item that she looked at or wished for changes: its price drops, or it is to be had again.

``entry: {item: {change: price_drop, by: 10%}, who: {did: [Product Viewed, Product Added to Wishlist], within: 60d}}``. A run is about
the item, so she may have one for each, and re-entry is counted by item too. Templates see the change as ``event``.
"""

from __future__ import annotations

import re
from typing import Any

from tidings.accumulate.base import only
from tidings.accumulate.touched import Touched
from tidings.clock import format_duration, parse_duration
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.filter import EventFilter
from tidings.domain.item import BACK_IN_STOCK, CHANGES, PRICE_DROP, ItemChange
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.process.entries.base import Entry, EntryBase
from tidings.rules.base import Traits

_PERCENT = re.compile(r"\s*(\d{1,3}(?:\.\d{1,4})?)\s*%\s*")
_WHO = schema.settings({"did": schema.EVENT, "where": schema.WHERE, "within": schema.SPAN}, ["did"])
_ITEM = schema.settings(
    {
        "change": schema.one_of(CHANGES),
        "by": {
            "type": "string",
            "pattern": r"^\s*[0-9]{1,3}(\.[0-9]{1,4})?\s*%\s*$",
            "description": "Of a price drop: at least so much of the price before, such as 10%.",
        },
    },
    ["change"],
)
SCHEMA = schema.settings({"item": _ITEM, "who": _WHO}, ["item", "who"])


class ItemEntry(EntryBase, frozen=True):
    """Settings: change, by; did, where, within."""

    change: str
    by: float
    """Least share of the price before, from 0 to 1."""
    filter: EventFilter
    within_us: int
    """0 for ever."""
    slot: int
    """Where the items that she did it to are kept."""

    def looks(self) -> int:
        return self.slot

    def wants(self, change: ItemChange) -> bool:
        return change.change == self.change and change.share >= self.by

    def concerns(self, state: ProfileState, change: ItemChange, at_us: int) -> bool:
        did_us = (state.values[self.slot] or {}).get(change.item_id)
        return did_us is not None and (not self.within_us or did_us > at_us - self.within_us)

    def filters(self) -> tuple[EventFilter, ...]:
        return (self.filter,)

    def words(self) -> str:
        by = f", by {self.by:.4%} or more".replace(".0000", "") if self.by else ""
        change = f"now costs less{by}" if self.change == PRICE_DROP else "is back in stock"
        within = f" within {format_duration(self.within_us)}" if self.within_us else ""
        return f"did {self.filter.words()}{within}, and the item {change}"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Entry:
    only(raw, {"item", "who"}, where)
    item, who = _settings(raw, "item", "change, by", where), _settings(raw, "who", "did, where, within", where)
    only(item, {"change", "by"}, f"{where}.item")
    only(who, {"did", "where", "within"}, f"{where}.who")
    if item.get("change") not in CHANGES:
        raise DefinitionError(f"{where}.item.change", "unknown", got=item.get("change"), wanted=" or ".join(CHANGES))
    if "by" in item and item["change"] == BACK_IN_STOCK:
        raise DefinitionError(f"{where}.item.by", "is for a price drop", got=item["by"])
    found = event_filter.parse(who.get("did"), who.get("where"), f"{where}.who")
    return ItemEntry(
        change=item["change"],
        by=_share(item["by"], f"{where}.item.by") if "by" in item else 0.0,
        filter=found,
        within_us=_span(who["within"], f"{where}.who.within") if "within" in who else 0,
        slot=traits.slot(Touched(found)),
    )


def _settings(raw: dict[str, Any], name: str, wanted: str, where: str) -> dict[str, Any]:
    if not isinstance(raw.get(name), dict):
        raise DefinitionError(where, f"needs `{name}` with settings", got=raw.get(name), wanted=wanted)
    found: dict[str, Any] = raw[name]
    return found


def _share(raw: Any, where: str) -> float:
    found = _PERCENT.fullmatch(raw) if isinstance(raw, str) else None
    if found is None or not 0 < float(found[1]) <= 100:
        raise DefinitionError(where, "is no share of a price", got=raw, wanted="above 0% up to 100%, such as 10%")
    return float(found[1]) / 100


def _span(raw: Any, where: str) -> int:
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(where, str(error)) from error
