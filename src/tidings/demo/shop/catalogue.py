"""The shop's catalogue: items as sold, found by id, by category and by words.

Read once from a JSON file ``{"items": [{"item_id", "name", "price", "orders"}, …]}``.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

import msgspec

from tidings.demo.shop import category
from tidings.errors import InputError
from tidings.sources.words import title

MAX_ITEMS = 20_000
"""Most items that a catalogue file may hold."""
MAX_FILE_BYTES = 16 * 1024 * 1024
"""Largest catalogue file."""
MAX_QUERY_WORDS = 8
"""Words of a search that are looked at."""

_WORD = re.compile(r"[a-z0-9']+")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One product."""

    item_id: str
    """The stock code."""
    name: str
    """As the data says it, perhaps in capitals; `title` is for people."""
    price: float
    """GBP for one."""
    orders: int = 0
    """In how many real orders it was; the measure of popularity."""

    @property
    def title(self) -> str:
        """The name as people write it."""
        return title(self.name)

    @property
    def category(self) -> str:
        """Slug of the category that its name speaks of."""
        return category.of(self.name)


class Catalogue:
    """Items, most ordered first."""

    def __init__(self, items: list[Item]) -> None:
        self.items = sorted(items, key=lambda item: (-item.orders, item.item_id))
        self._by_id = {item.item_id: item for item in self.items}
        self._words = [(item, f" {' '.join(_words(item.name))}") for item in self.items]

    def get(self, item_id: str) -> Item | None:
        """The item with this id, if there is one."""
        return self._by_id.get(item_id)

    @cached_property
    def by_category(self) -> dict[str, list[Item]]:
        """Category slug to its items, most ordered first; only categories that have some, in shelf order."""
        shelves: dict[str, list[Item]] = {slug: [] for slug in category.TITLES}
        for item in self.items:
            shelves[item.category].append(item)
        return {slug: found for slug, found in shelves.items() if found}

    def search(self, query: str) -> list[Item]:
        """Items in whose name each word of `query` begins some word; most ordered first."""
        wanted = [f" {_stem(word)}" for word in _words(query)[:MAX_QUERY_WORDS]]
        return [item for item, text in self._words if all(word in text for word in wanted)] if wanted else []

    def similar(self, item: Item, count: int) -> list[Item]:
        """`count` other items of the same category, the most alike in words first."""
        words = set(_words(item.name))
        shelf = [other for other in self.by_category[item.category] if other.item_id != item.item_id]
        return sorted(shelf, key=lambda other: (-len(words & set(_words(other.name))), -other.orders))[:count]


class _File(msgspec.Struct):
    items: list[Item]


def load(path: Path) -> Catalogue:
    """The catalogue in a JSON file. Raises InputError saying what is wrong."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            msg = f"{path}: got {size_bytes} bytes, wanted at most {MAX_FILE_BYTES}; list fewer items"
            raise InputError(msg)
        items = msgspec.json.decode(path.read_bytes(), type=_File).items
    except (OSError, msgspec.DecodeError) as error:
        msg = f'{path}: cannot read the catalogue: {error}; wanted {{"items": [{{"item_id", "name", "price"}}]}}'
        raise InputError(msg) from error
    return checked(items, str(path))


def checked(items: list[Item], where: str) -> Catalogue:
    """A catalogue of `items` after looking at each. Raises InputError."""
    if not 0 < len(items) <= MAX_ITEMS:
        msg = f"{where}: got {len(items)} items, wanted 1 to {MAX_ITEMS}"
        raise InputError(msg)
    for item in items:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,20}", item.item_id) or not 0 < item.price < 100_000:
            msg = (
                f"{where}: item {item.item_id!r}: got price {item.price}, wanted an id of letters and digits, price > 0"
            )
            raise InputError(msg)
    return Catalogue(items)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
