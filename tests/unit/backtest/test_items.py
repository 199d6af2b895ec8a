"""Journeys that begin by changes of items, rehearsed: the same runs and messages as live, from the log or from a file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.property.test_backtest_equals_replay import LogHistory, decisions, runs
from tests.unit.core import START_US, definitions
from tests.unit.process.test_item_entry import BACK, DROP, Shop
from tidings.backtest import items
from tidings.backtest.drive import RehearsalDriver
from tidings.backtest.rehearsal import Rehearsal, Spans
from tidings.backtest.run import Asked, Backtest
from tidings.backtest.shares import Share, tied
from tidings.backtest.tally import Bought
from tidings.backtest.version import Version
from tidings.clock import SECOND_US, iso
from tidings.domain import item as known
from tidings.domain.everybody import Told
from tidings.errors import InputError
from tidings.hosts.simulator import MemorySink
from tidings.log.memory import MemoryLog
from tidings.workspace import Definitions

BOUGHT = Bought(names=frozenset({"Order Completed"}), within_us=SECOND_US, revenue="revenue")
DAY_S = 86_400
NAMES = ["back", "drop", "slow"]
SLOW = BACK.replace("steps: [", "steps: [{id: rest, wait: 2d}, ").replace("1d}", "3d}", 1)


def said(log: MemoryLog) -> Iterator[items.Said]:
    for block in log.read(0, 1 << 30):
        for place, record in enumerate(block.records, block.first_offset):
            if known.is_item(record):
                yield block.taken_us, place, record


def shop_of(seed: int, what: Definitions) -> Shop:
    """People who look, wish, sign in and buy, and items that come, go, and get dearer and cheaper."""
    rng = random.Random(seed)
    shop = Shop(what)
    for day in range(60):
        at_s = day * DAY_S
        who: dict[str, Any] = {"user": rng.choice(["", "ann", "bob"]), "anonymous": f"d{rng.randrange(4)}"}
        thing = {"product_id": f"p{rng.randrange(4)}"}
        what_ = rng.choice(["Product Viewed", "Product Viewed", "Product Added to Wishlist", "Order Completed"])
        shop.track(at_s, what_, thing, **who)
        if rng.random() < 0.4:
            shop.identify(at_s + 5, email=f"{who['anonymous']}@x.example", **who)
        same = [{**thing, "price": rng.randrange(10, 20), "stock": rng.randrange(2)} for _ in range(rng.randrange(4))]
        if same:
            shop.item(at_s + rng.choice([0, 5, 70]), *same)
    return shop


def rehearsed(shop: Shop, what: Definitions, told: list[Told], end_us: int, share: Share) -> MemorySink:
    version = Version("draft", what, NAMES, BOUGHT)
    sink = MemorySink(keep_outcomes=False)
    version.driver = RehearsalDriver(version._playing, sink)
    spans = Spans(from_us=START_US, to_us=end_us, until_us=end_us)
    history = LogHistory(shop.simulator.log, 7)
    for _ in Rehearsal(history, [version], spans, share, told).windows():
        pass
    return sink


@pytest.mark.parametrize("seed", range(8))
def test_the_same_runs_and_messages_as_live_also_in_shares(tmp_path: Path, seed: int) -> None:
    what = definitions(tmp_path, drop=DROP, back=BACK, slow=SLOW)
    shop = shop_of(seed, what)
    shop.until(70 * DAY_S)
    end_us = START_US + 70 * DAY_S * SECOND_US + 1
    version = Version("draft", what, NAMES, BOUGHT)
    told = list(items.told(said(shop.simulator.log), version.wants))
    wanted = shop.simulator.sink
    assert len(wanted.sends) > 5
    for of in (1, 3):
        ties = tied(LogHistory(shop.simulator.log, 9).ties(), of)
        sinks = [rehearsed(shop, what, told, end_us, Share(number=one, of=of, tied=ties)) for one in range(of)]
        assert decisions({k: v for one in sinks for k, v in one.sends.items()}) == decisions(wanted.sends)
        found = {who: data for one in sinks for who, data in runs(one.facts).items()}
        assert found == runs(wanted.facts)


def test_before_the_beginning_changes_are_noted_and_begin_nothing_and_interruptions_change_nothing(
    tmp_path: Path,
) -> None:
    what = definitions(tmp_path / "w", drop=DROP, back=BACK, slow=SLOW)
    shop = shop_of(3, what)
    told = list(items.told(said(shop.simulator.log), Version("draft", what, NAMES, BOUGHT).wants))
    from_us = START_US + 20 * DAY_S * SECOND_US

    def backtest(keep: Path | None) -> Backtest:
        asked = Asked(from_us=from_us, to_us=0, bought=BOUGHT, items=told, keep=keep)
        return Backtest(LogHistory(shop.simulator.log, 4), [Version("draft", what, NAMES, BOUGHT)], asked)

    whole = backtest(None).run()
    while not (found := backtest(tmp_path / "kept").run(interrupted=lambda: True)).complete:
        pass
    assert found.versions == whole.versions
    assert any("changes of items were told" in note for note in whole.notes)
    started = sum(one.started for one in whole.versions[0].journeys)
    late = [one for one in shop.facts("run_started") if one.known_us >= from_us]
    assert 0 < started <= len(late)


def test_a_file_says_when_it_was_so(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    lines = [
        {"product_id": "mug", "price": price, "timestamp": iso(START_US + at_s * SECOND_US)}
        for at_s, price in ((20, 7), (10, 10))
    ]
    path.write_text("".join(msgspec.json.encode(one).decode() + "\n" for one in lines), "utf-8")
    (told,) = items.told(items.of_file(path), lambda change: True)
    assert told.known_us == START_US + 20 * SECOND_US
    path.write_text('{"product_id": "mug", "price": 3}\n', "utf-8")
    with pytest.raises(InputError, match=r"item 1: has no timestamp"):
        list(items.of_file(path))
