"""Prices imported as texts: real invoice lines, of which none counts for a segment that asks for a number, and everybody is told so."""

from __future__ import annotations

import lzma
import re
import time
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from tests.acceptance.installation import Here, write
from tests.unit.console.web import Visitor
from tidings import config as configuration
from tidings.console.app import create_app
from tidings.demo.data import SLICE
from tidings.errors import InputError
from tidings.hosts.bounds import Bounds
from tidings.hosts.console import LOOK
from tidings.hosts.mistyped import look
from tidings.hosts.replay import read
from tidings.sources.catalogue import RETAIL_MAP
from tidings.sources.mapping import load_map

LINES = 12_000
DAYS = 3
SEGMENTS = """
dear: {rule: {did: {event: Product Purchased, where: {price: {at_least: 10}}}}}
many: {rule: {did: {event: Product Purchased, where: {quantity: {at_least: 10}}}}}
"""


class Shop(Here):
    """Some days of a real shop, whose map forgot to say that a price is a number."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config = msgspec.structs.replace(self.config, type_check_days=DAYS)
        configuration.save(self.config, self.toml)
        self.after = write(folder / "wanted", segments_yml=SEGMENTS, policy_yml="marketing: {consent: not_needed}")
        self.lines, self.map = folder / "lines.csv", folder / "map.yml"
        with lzma.open(SLICE, "rt", encoding="utf-8") as packed:
            self.lines.write_text("".join(islice(packed, LINES)))
        forgotten = RETAIL_MAP.read_text().replace("{column: UnitPrice, as: decimal}", "{column: UnitPrice}")
        self.map.write_text(forgotten)
        code, out = self.run("import", str(self.lines), "--map", str(self.map))
        assert code == 0, out
        self.settle()

    def bought_lately(self) -> tuple[int, str]:
        """How many were bought in the latest days of the file, and the last of them."""
        instants = {
            body["messageId"]: (body["timestamp"], body["event"])
            for event in read(self.lines, load_map(self.map))[0]
            if (body := msgspec.json.decode(event.body))
        }
        days = [(at[:10], name) for at, name in instants.values()]
        last = max(day for day, _ in days)
        first = (date.fromisoformat(last) - timedelta(days=DAYS - 1)).isoformat()
        return sum(first <= day and name == "Product Purchased" for day, name in days), last


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    place = Shop(tmp_path_factory.mktemp("mistyped"))
    yield place
    place.supervisor.stop()


def sentence(shop: Shop) -> str:
    """What should be said, as a pattern: the example may be any price."""
    count, last = shop.bought_lately()
    assert count > 100
    said = f"segment dear: {count:,} of {count:,} events Product Purchased in the {DAYS} days up to {last} have price as text "
    return re.escape(said) + r'"[0-9.]+", wanted a number; they do not count\. Send a number'


def test_a_plan_says_so_before_anybody_relies_on_it(shop: Shop) -> None:
    plan = shop.plan()
    assert [(one["segment"], one["after"]) for one in plan["segments"] if one["segment"] == "dear"] == [("dear", 0)]
    (one,) = plan["mistyped"]
    assert (one["used_by"], one["property"], one["wanted"]) == ([["segment", "dear"]], "price", "a number")
    code, out = shop.run("plan", str(shop.after))
    assert code == 0
    assert re.search(f"note: {sentence(shop)}", " ".join(out.split()))


def test_the_doctor_and_the_console_say_so_of_what_runs(shop: Shop) -> None:
    assert "properties: 1 that definitions ask for have the right type" in shop.run("doctor")[1]
    code, out = shop.run("apply", str(shop.after), "--why", "wanted")
    assert code == 0, out
    doctor = shop.run("doctor")[1]
    assert re.search(f"note  {sentence(shop)}", doctor)
    visitor = Visitor(create_app(shop.config, types=lambda: look(shop.config, LOOK)))
    deadline_s = time.monotonic() + 30
    while "have price as" not in (page := visitor.get("/segments/dear").said):
        assert time.monotonic() < deadline_s, page
        time.sleep(0.05)
    assert re.search(sentence(shop), page)
    assert re.search(sentence(shop), visitor.get("/rejected").said)
    assert "have price as" not in visitor.get("/segments/many").said
    assert '<a href="/rejected#types">see which</a>' in visitor.get("/").text


def test_a_look_that_takes_too_long_is_stopped_and_the_page_names_the_command(shop: Shop) -> None:
    with pytest.raises(InputError, match="ask the command"):
        look(shop.config, Bounds(limit_s=0.000_001))
    visitor = Visitor(create_app(shop.config, types=lambda: look(shop.config, Bounds(limit_s=0.000_001))))
    deadline_s = time.monotonic() + 30
    while "ask the command" not in (page := visitor.get("/rejected").said):
        assert time.monotonic() < deadline_s, page
        time.sleep(0.05)
    assert "tidings doctor" in page
