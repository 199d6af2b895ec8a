"""cart: what lies in the person's cart now.

Items are added and removed one by one; an order empties the cart. Whatever order the events arrive in, the cart is
what the instants of the events say: an item is in it with the quantities added after the latest order and after its
own latest removal.

Value: [cleared_us, {item_id: [[occurred_us, event_id, quantity, name, price, url, image], …]}]. A quantity of 0 is a removal,
which stays as a marker until an order makes it pointless, so that a late addition from before it stays out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.accumulate.base import Timeless, only
from tidings.accumulate.distinct import text_sql
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query, as_text, member, text
from tidings.errors import DefinitionError

MAX_ITEMS = 50
"""Items kept: the latest touched."""
MAX_CHANGES = 16
"""Additions kept per item: the latest."""
_MAX_TEXT = 300


def _text(value: Any) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""


def _price(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number else 0.0


def _quantity(value: Any) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return max(1, min(value, 10_000)) if whole else 1


def _tidy(changes: list[list[Any]], cleared_us: int) -> list[list[Any]]:
    """Sorted changes of one item without those that can never show again."""
    changes.sort()  # by instant, then event id, then all the rest, as two sources may use the same ids
    for index in range(len(changes) - 1, -1, -1):
        if changes[index][2] == 0:
            changes = changes[index:]
            break
    kept = [change for change in changes if change[0] > cleared_us]
    return kept[:1] + kept[1:][-MAX_CHANGES:] if kept and kept[0][2] == 0 else kept[-MAX_CHANGES:]


def _bounded(items: dict[str, list[list[Any]]]) -> dict[str, list[list[Any]]]:
    if len(items) <= MAX_ITEMS:
        return items
    newest = sorted(items, key=lambda item: (items[item][-1][0], item))[-MAX_ITEMS:]
    return {item: items[item] for item in newest}


class Cart(Timeless, frozen=True):
    """Which events add, remove and empty."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    emptied: tuple[str, ...]

    @property
    def filter(self) -> EventFilter:
        return EventFilter(tuple(sorted({*self.added, *self.removed, *self.emptied})))

    @property
    def key(self) -> str:
        return f"cart:{self.added}:{self.removed}:{self.emptied}"

    def fold(self, value: list[Any] | None, event: Event) -> list[Any]:
        cleared_us, items = value or [0, {}]
        if event.name in self.emptied:
            return self._clear(max(cleared_us, event.occurred_us), items)
        properties = event.properties
        item = str(properties.get("product_id") or properties.get("sku") or "")[:_MAX_TEXT]
        if not item or event.occurred_us <= cleared_us:
            return [cleared_us, items]
        quantity = 0 if event.name in self.removed else _quantity(properties.get("quantity"))
        change = [
            event.occurred_us,
            event.event_id,
            quantity,
            _text(properties.get("name")),
            _price(properties.get("price")),
            _text(properties.get("url")),
            _text(properties.get("image_url")),
        ]
        items[item] = _tidy([*items.get(item, []), change], cleared_us)
        return [cleared_us, _bounded(items)]

    def _clear(self, cleared_us: int, items: dict[str, list[list[Any]]]) -> list[Any]:
        if not items:
            return [cleared_us, items]
        kept = {item: _tidy(changes, cleared_us) for item, changes in items.items()}
        return [cleared_us, {item: changes for item, changes in kept.items() if changes}]

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        cleared_us = max(one[0], other[0])
        items: dict[str, list[list[Any]]] = {}
        for item in {**one[1], **other[1]}:
            changes = _tidy([*one[1].get(item, []), *other[1].get(item, [])], cleared_us)
            if changes:
                items[item] = changes
        return [cleared_us, _bounded(items)]

    def is_empty(self, value: list[Any] | None) -> bool:
        """Whether nothing lies in it; cheaper than to read it, and asked with every event that touches it."""
        return not value or not any(change[2] > 0 for changes in value[1].values() for change in changes)

    def read(self, value: list[Any] | None) -> list[dict[str, Any]]:
        """The items, oldest addition first: item_id, name, price, quantity, url, image."""
        shown = []
        for item, changes in (value[1] if value else {}).items():
            added = [change for change in changes if change[2] > 0]
            if added:
                shown.append((added[-1][0], item, sum(change[2] for change in added), added[-1]))
        shown.sort(key=lambda row: row[:2])
        return [
            {"item_id": item, "name": c[3], "price": c[4], "quantity": quantity, "url": c[5], "image": c[6]}
            for _, item, quantity, c in shown
        ]

    def sql(self, query: Query) -> str:
        """Without the bounds on items and changes, beyond which the two may differ."""
        cleared = query.matching(EventFilter(self.emptied), "profile_id, max(occurred_us) AS cleared_us")
        touching = EventFilter(tuple({*self.added, *self.removed} - {*self.emptied}))
        changes = (
            f"SELECT * FROM ({query.matching(touching, _COLUMNS.format(removed=_listed(self.removed)))})"
            f" LEFT JOIN ({cleared} GROUP BY profile_id) USING (profile_id)"
            f" WHERE item != '' AND occurred_us > COALESCE(cleared_us, 0)"
        )
        order = "occurred_us, event_id, quantity, name, price, url, image"
        counted = (
            f"SELECT *, max(CASE WHEN quantity = 0 THEN place END) OVER (PARTITION BY profile_id, item) AS removal FROM"
            f" (SELECT *, row_number() OVER (PARTITION BY profile_id, item ORDER BY {order}) AS place FROM ({changes}))"
        )
        items = (
            f"SELECT profile_id, item, sum(quantity)::BIGINT AS quantity, max(occurred_us) AS latest_us,"
            f" arg_max(struct_pack(name, price, url, image), place) AS shown FROM ({counted})"
            f" WHERE place > COALESCE(removal, 0) GROUP BY profile_id, item"
        )
        shown = (
            "struct_pack(item_id := item, name := shown.name, price := shown.price, quantity := quantity,"
            " url := shown.url, image := shown.image)"
        )
        return f"SELECT profile_id, to_json(list({shown} ORDER BY latest_us, item)) AS value FROM ({items}) GROUP BY profile_id"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(text(name) for name in names) or "NULL"


def _cut(name: str) -> str:
    value = member("properties", name)
    return f"CASE json_type({value}) WHEN 'VARCHAR' THEN left({as_text(value)}, {_MAX_TEXT}) ELSE '' END"


def _identity(name: str) -> str:
    """The text of a property; NULL where Python would take it for false."""
    value = member("properties", name)
    own = f"COALESCE({text_sql(value)}, CASE WHEN json_type({value}) != 'NULL' THEN {value}::VARCHAR END)"
    return f"CASE WHEN {own} IN ('', '0', '0.0', '-0.0', 'False', '[]', '{{{{}}}}') THEN NULL ELSE {own} END"


def _columns() -> str:
    quantity, price = member("properties", "quantity"), member("properties", "price")
    pieces = (
        f"CASE WHEN json_type({quantity}) IN ('UBIGINT', 'BIGINT')"
        f" THEN greatest(1, least(TRY_CAST({quantity} AS HUGEINT), 10000)) ELSE 1 END"
    )
    paid = (
        f"CASE WHEN json_type({price}) IN ('UBIGINT', 'BIGINT', 'DOUBLE') THEN TRY_CAST({price} AS DOUBLE) ELSE 0 END"
    )
    return (
        f"profile_id, occurred_us, event_id, left(COALESCE({_identity('product_id')}, {_identity('sku')}, ''), {_MAX_TEXT})"
        f" AS item, CASE WHEN COALESCE(name IN ({{removed}}), false) THEN 0 ELSE {pieces} END AS quantity,"
        f" {paid} AS price, {_cut('url')} AS url, {_cut('image_url')} AS image, {_cut('name')} AS name"
    )


_COLUMNS = _columns()


SCHEMA = schema.settings(
    {**dict.fromkeys(("added", "removed", "emptied"), schema.EVENT), "description": schema.SENTENCE},
    ["added", "emptied"],
)


def parse(raw: Mapping[str, Any], events: EventFilter | None, where: str) -> Cart:  # noqa: ARG001 - it names its own
    only(raw, {"added", "removed", "emptied", "description"}, where)
    names = {}
    for setting in ("added", "removed", "emptied"):
        if setting not in raw and setting != "removed":
            raise DefinitionError(where, f"needs `{setting}`: the event that does it", got=None)
        names[setting] = event_filter.parse(raw[setting], None, f"{where}.{setting}").names if setting in raw else ()
    return Cart(**names)
