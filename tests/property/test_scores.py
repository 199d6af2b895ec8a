"""Laws 3 and 4 for scores: bands turn at the microsecond, and SQL over the lake finds the same people.

The oracle knows every order and the cut points, and says the bands by counting.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb
import pytest

from tests.property.test_streaming_equals_sql import found_by_sql, lake
from tests.unit.core import START_US, definitions
from tidings.clock import HOUR_US, iso
from tidings.hosts.simulator import Simulator
from tidings.lake.duck import open_duck
from tidings.testing.histories import call
from tidings.workspace import Definitions

TRAITS = """
last_order: {last: {event: Order}}
orders: {count: {event: Order}}
revenue: {sum: {event: Order, property: revenue}}
"""
SCORES = """
value: {recency: last_order, frequency: orders, monetary: revenue}
halves: {monetary: revenue, bands: 2}
fresh: {recency: last_order, bands: 3}
"""
AGES, COUNTS, SUMS = (2, 5, 5, 30), (1, 1, 2, 4), (0, 10, 20.5, 40)
SEGMENTS = """
latest: {rule: {score: value, recency: 5}}
lost: {rule: {score: value, recency: 1}}
middle: {rule: {score: value, recency: [2, 3, 4]}}
champions: {rule: {score: value, recency: [4, 5], frequency: [3, 4, 5], monetary: [3, 4, 5]}}
small: {rule: {score: value, monetary: 1}}
once: {rule: {score: value, frequency: 1}}
upper_half: {rule: {score: halves, monetary: 2}}
nobody_yet: {rule: {score: fresh, recency: [1, 2]}}
the_rest: {rule: {not: {score: value, recency: [1, 5]}}}
"""


def made(folder: Path) -> Definitions:
    (folder / "cuts").mkdir()
    (folder / "scores.yml").write_text(SCORES)
    ages = ", ".join(f"{age}h" for age in AGES)
    (folder / "cuts" / "value.yml").write_text(
        f"as_of: 2027-01-01\nrecency: [{ages}]\nfrequency: {list(COUNTS)}\nmonetary: {list(SUMS)}\n"
    )
    (folder / "cuts" / "halves.yml").write_text("monetary: [15]\n")
    return definitions(folder, traits=TRAITS, segments=SEGMENTS)


def members_of(orders: list[tuple[int, float]], at_us: int) -> set[str]:
    """What somebody is in who made these orders (instant, revenue), and at least one event."""
    mine = [one for one in orders if one[0] <= at_us]
    recency = 0
    if mine:
        age_us = at_us - max(at for at, _ in mine)
        recency = 5 - sum(age_us >= age * HOUR_US for age in AGES)
    total = round(sum(revenue for _, revenue in mine), 6)
    frequency = 1 + sum(len(mine) > cut for cut in COUNTS)
    monetary = 1 + sum(total > cut for cut in SUMS)
    found = {
        "latest": recency == 5,
        "lost": recency == 1,
        "middle": recency in (2, 3, 4),
        "champions": recency in (4, 5) and frequency >= 3 and monetary >= 3,
        "small": monetary == 1,
        "once": frequency == 1,
        "upper_half": total > 15,
        "the_rest": recency not in (1, 5),
    }
    return {name for name, holds in found.items() if holds}


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_duck()
    yield connection
    connection.close()


@pytest.mark.parametrize("seed", range(12))
def test_bands_are_right_at_every_instant_and_in_sql(seed: int, db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rng, what = Random(seed), made(tmp_path)
    simulator = Simulator(what, start_us=START_US)
    orders: dict[str, list[tuple[int, float]]] = {f"u{n}": [] for n in range(6)}
    looks = 0
    for number in range(40):
        user = rng.choice(sorted(orders))
        at_us = max(START_US + rng.randrange(60) * HOUR_US, simulator.clock.now_us()) - rng.choice([0, 0, 3 * HOUR_US])
        revenue = rng.choice([0, 5, 10, 20.5, 0.1, -3])
        taken_us = max(at_us, simulator.clock.now_us() + 1)
        record = call("track", f"e{number}", at_us, user=user, event="Order", properties={"revenue": revenue})
        simulator.take([record], taken_us)
        orders[user].append((at_us, revenue))
        edge_us = at_us + rng.choice(AGES) * HOUR_US - rng.choice([0, 1])
        simulator.advance_to(max(edge_us, simulator.clock.now_us() + 1))
        for one, done in orders.items():
            state = simulator.person("user_id", one)
            if state is not None:
                assert set(state.segments) == members_of(done, simulator.clock.now_us()), (one, done)
                looks += len(state.segments)
        if number % 10 == 9:
            lake(db, simulator)
            by_sql = found_by_sql(db, what, simulator.clock.now_us())
            assert by_sql == {name: simulator.members(name) for name in by_sql}
    assert looks > 300
    assert not simulator.members("nobody_yet"), "no cut points are made"


def test_a_band_falls_at_the_microsecond(tmp_path: Path) -> None:
    simulator = Simulator(made(tmp_path), start_us=START_US)
    simulator.take([call("track", "e", START_US, user="ann", event="Order", properties={"revenue": 9})], START_US)
    simulator.advance_to(START_US + 100 * HOUR_US)
    turns = [
        (f.kind, f.occurred_us - START_US) for f in simulator.sink.facts if f.subject in ("latest", "middle", "lost")
    ]
    moved = ("segment_entered", "segment_left")
    assert sorted(turns) == sorted(
        [("segment_entered", 0), *((kind, at) for at in (2 * HOUR_US, 30 * HOUR_US) for kind in moved)]
    )


def test_an_explanation_has_the_persons_own_values(tmp_path: Path) -> None:
    what = made(tmp_path)
    simulator = Simulator(what, start_us=START_US)
    simulator.take([call("track", "e", START_US, user="ann", event="Order", properties={"revenue": 9})], START_US)
    simulator.run()
    (state,) = simulator.people()
    said = [one.rule.explain(state, START_US) for one in what.segments.all()]
    assert any("monetary is" in one and "as revenue is 9" in one for one in said), said
    assert any("recency is" in one and f"as last_order is {iso(START_US)}" in one for one in said), said
