"""Real views, carts and purchases through the simulator: the cart journey decides what an independent SQL query says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracles import run as oracle
from tidings import workspace
from tidings.domain.output import FactKind
from tidings.hosts.replay import ReplayResult, replay
from tidings.sources.mapping import load_map

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def result() -> ReplayResult:
    definitions = workspace.load(TESTS / "data/workspaces/retailrocket")
    row_map = load_map(TESTS / "data/maps/retailrocket.yml")
    return replay(oracle.retailrocket(), row_map, definitions, assume_address=True)


@pytest.fixture(scope="module")
def carts() -> list[oracle.Cart]:
    return oracle.retailrocket_carts(oracle.retailrocket())


def test_every_line_is_accounted_for(result: ReplayResult) -> None:
    assert result.applied + result.duplicate + result.rejected == result.lines == 77_608


def test_abandoned_carts_and_their_instants_equal_the_sql(result: ReplayResult, carts: list[oracle.Cart]) -> None:
    found = sorted((visitor(intent.address), intent.occurred_us) for intent in result.sends)
    assert len(found) > 1_000
    assert found == sorted((cart.visitor, cart.abandoned_us) for cart in carts)


def test_mails_decided_and_refused_by_the_cap_equal_the_sql(result: ReplayResult, carts: list[oracle.Cart]) -> None:
    mailed = {(visitor(i.address), i.occurred_us) for i in result.sends if not i.suppressed}
    refused = {(visitor(i.address), i.occurred_us) for i in result.sends if i.suppressed == "frequency_cap"}
    assert mailed == {(cart.visitor, cart.abandoned_us) for cart in carts if cart.mailed}
    assert refused == {(cart.visitor, cart.abandoned_us) for cart in carts if not cart.mailed}
    assert refused


def test_the_cart_in_each_mail_equals_the_sql(result: ReplayResult) -> None:
    wanted: dict[tuple[str, int], set[str]] = {}
    for row in oracle.retailrocket_cart_items(oracle.retailrocket()):
        wanted.setdefault((row.visitor, row.abandoned_us), set()).add(row.item)
    bounded = {key: items for key, items in wanted.items() if len(items) <= 50}
    found = {(visitor(i.address), i.occurred_us): {item["item_id"] for item in i.values["cart"]} for i in result.sends}
    assert len(bounded) > 1_000
    assert {key: found[key] for key in bounded} == bounded


def test_facts_say_when_it_happened(result: ReplayResult) -> None:
    assert all(fact.occurred_us <= fact.known_us for fact in result.facts)
    ended = [fact for fact in result.facts if fact.kind == FactKind.RUN_ENDED]
    assert len(ended) == result.started["cart"]


def visitor(address: str) -> str:
    return address.partition("@")[0]
