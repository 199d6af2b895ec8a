"""The whole Online Retail file through the simulator: every line accounted for, people and segments equal independent SQL."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.oracles import run as oracle
from tidings import workspace
from tidings.clock import parse_instant
from tidings.domain.profile import ProfileState
from tidings.hosts.replay import feed, read
from tidings.hosts.simulator import Simulator
from tidings.sources.mapping import load_map
from tidings.sources.row import RefusedRow
from tidings.workspace import Definitions

RETAIL = Path(workspace.__file__).parent / "workspaces/retail"
INSTANTS = [
    "2011-01-01T00:00:00Z",
    "2011-03-31T12:00:00Z",
    "2011-06-15T08:30:00Z",
    "2011-10-01T00:00:00Z",
    "2012-01-01T00:00:00Z",
]
SEGMENTS = ("high_value", "lapsed_90d", "new_buyers")


class Seen(NamedTuple):
    """What one pass over the file gave."""

    states: dict[str, dict[str, ProfileState]]
    """Instant to customer to state."""
    counts: list[int]
    refused: list[RefusedRow]
    definitions: Definitions


@pytest.fixture(scope="module")
def seen() -> Seen:
    definitions = workspace.load(RETAIL)
    row_map = load_map(RETAIL / "sources/online_retail.yml")
    events, refused = read(oracle.online_retail(), row_map)
    simulator = Simulator(definitions, keep_outcomes=False)
    states: dict[str, dict[str, ProfileState]] = {}
    start = 0
    for text in INSTANTS:
        at_us = parse_instant(text)
        end = next((i for i in range(start, len(events)) if events[i].occurred_us > at_us), len(events))
        feed(simulator, events[start:end], row_map.name)
        simulator.advance_to(at_us)
        states[text] = {user_of(state): state for state in simulator.people()}
        start = end
    return Seen(states, simulator.sink.counts, refused, definitions)


def user_of(state: ProfileState) -> str:
    return next(value for kind, value in state.identifiers if kind == "user_id")


def test_each_line_ends_as_applied_duplicate_or_rejected(seen: Seen) -> None:
    applied, duplicate, rejected = seen.counts
    wanted = oracle.online_retail_lines(oracle.online_retail())
    assert applied == wanted.pop("applied")
    assert duplicate == wanted.pop("duplicate")
    assert rejected == 0
    reasons: dict[str, int] = {}
    for row in seen.refused:
        word = row.reason.partition(":")[0]
        reasons[word] = reasons.get(word, 0) + 1
    assert reasons == wanted
    assert applied + duplicate + len(seen.refused) == 541_909


@pytest.mark.parametrize("instant", INSTANTS)
def test_people_equal_the_sql(seen: Seen, instant: str) -> None:
    layout = seen.definitions.layout
    slots = {name: reading.slots[0] for name, reading in layout.traits()}
    wanted = {row.customer: row for row in oracle.online_retail_people(oracle.online_retail(), parse_instant(instant))}
    found = seen.states[instant]
    assert found.keys() == wanted.keys()
    for customer, row in wanted.items():
        state = found[customer]
        orders = layout.accumulators[slots["orders"]].read(state.values[slots["orders"]])
        first, last = (
            layout.accumulators[slots[n]].read(state.values[slots[n]]) for n in ("first_order", "last_order")
        )
        revenue = state.values[slots["revenue"]] or 0
        assert (revenue, orders, first, last, state.events) == (
            row.revenue_micro,
            row.orders,
            row.first_us,
            row.last_us,
            row.events,
        ), customer


@pytest.mark.parametrize("segment", SEGMENTS)
@pytest.mark.parametrize("instant", INSTANTS)
def test_segment_members_equal_the_sql(seen: Seen, instant: str, segment: str) -> None:
    rows = oracle.online_retail_people(oracle.online_retail(), parse_instant(instant))
    wanted = {row.customer for row in rows if getattr(row, segment)}
    found = {customer for customer, state in seen.states[instant].items() if segment in state.segments}
    assert found == wanted
    assert wanted or (segment, instant) == ("lapsed_90d", INSTANTS[0])  # nobody can have lapsed after a month
