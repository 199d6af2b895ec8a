"""The segments of the templates on real people's timing, as of ten instants: live membership equals SQL, and nobody's is vacuous.

Each segment is compared with SQL written by hand from its description, for the retail template over the raw files; and with the
SQL that its rule compiles to, over a lake on disk. Half of the instants lie exactly on the edge of a
window of somebody: there an error of a microsecond shows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from tests.acceptance import trades
from tests.acceptance.trades import WORKSPACES, Told
from tests.oracles import run as oracle
from tidings import workspace
from tidings.clock import DAY_US, SECOND_US
from tidings.domain.event import Event
from tidings.domain.message import SendIntent
from tidings.domain.output import APPLIED
from tidings.domain.sql import LAKE, Query
from tidings.hosts.simulator import Simulator
from tidings.lake import query
from tidings.lake.base import LakeCursor, row_of
from tidings.lake.duck import run
from tidings.lake.parquet import ParquetLake
from tidings.outputs.join import join
from tidings.serving.db import open_writing
from tidings.workspace import Definitions

Members = dict[str, set[str]]
"""Segment to its members, by the ids that the data has for them."""
INSTANTS = 10


class Trade(NamedTuple):
    """A template, and the data that it is tried on."""

    template: str
    tell: Callable[[Path], list[Told]]
    edges: tuple[int, ...]
    """Days that windows of the template's segments are long."""
    silent: frozenset[str] = frozenset()
    """Segments that ask for something that this data does not have."""


TRADES = {
    "online_retail": Trade(
        "retail",
        trades.shop_of_lines,
        (30, 60, 90, 90, 365),
        frozenset({"browsing_now", "recent_viewers", "open_cart", "cart_abandoners"}),
    ),
    "retailrocket": Trade(
        "retail",
        trades.shop_of_clicks,
        (7, 14, 30, 60, 90),
        frozenset({"high_value", "discount_buyers", "winnable_back"}),
    ),
    "software": Trade("saas", trades.software, (2, 7, 11, 14, 30)),
    "newspaper": Trade("publisher", trades.newspaper, (7, 14, 30, 30, 60)),
}
RETAIL = ("online_retail", "retailrocket")
HOURS = {
    "win_back": range(9, 19),
    "second_order": range(9, 19),
    "trial_ending": range(9, 17),
    "paywall": range(17, 21),
    "quiet_subscriber": range(6, 9),
}
"""Hours (UTC, as nobody here has a zone) at which these journeys write."""


class Seen(NamedTuple):
    """What one pass over the data gave."""

    definitions: Definitions
    live: dict[int, Members]
    """By instant."""
    known: dict[int, int]
    """How many people were known at each."""
    by_rule: dict[int, Members]
    sends: list[SendIntent]
    acts: list[tuple[str, int, str, str]]
    """What was told: who, when, event, properties."""


def instants_of(told: list[Told], edges: tuple[int, ...]) -> list[int]:
    """Five instants at which something happens, and five at which what somebody did last leaves a window."""
    happened = [told[len(told) * place // 6][0] for place in range(1, 6)]
    return sorted(
        [*happened, *(edge_after(told, at_us, days * DAY_US) for at_us, days in zip(happened, edges, strict=True))]
    )


def edge_after(told: list[Told], from_us: int, span_us: int) -> int:
    """When the span is over after the first event from there on that its person lets nothing follow meanwhile."""
    next_us: dict[str, int] = {}
    found_us = 0
    for at_us, records in reversed(told):
        if at_us < from_us:
            break
        for who in {msgspec.json.decode(record.body)["userId"] for record in records}:
            if next_us.get(who, at_us + span_us) >= at_us + span_us:
                found_us = at_us + span_us
            next_us[who] = at_us
    return found_us


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Seen]:
    @cache
    def once(name: str) -> Seen:
        return look(TRADES[name], tmp_path_factory.mktemp(name))

    return once


def look(trade: Trade, folder: Path) -> Seen:
    definitions = workspace.load(WORKSPACES / trade.template)
    told = trade.tell(folder)
    simulator = Simulator(definitions)
    live, known = {}, {}
    start = 0
    for at_us in instants_of(told, trade.edges):
        while start < len(told) and told[start][0] <= at_us:
            simulator.take(told[start][1], told[start][0])
            start += 1
        simulator.advance_to(at_us)
        people = simulator.people()
        known[at_us] = len(people)
        live[at_us] = {one.name: set() for one in definitions.segments.all()}
        for state in people:
            for segment in state.segments:
                live[at_us][segment].add(dict(state.identifiers)["user_id"])
    fill_lake(simulator, folder)
    sends = list(simulator.sink.sends.values())
    return Seen(definitions, live, known, ask_lake(definitions, folder, list(live)), sends, acts_of(told))


def acts_of(told: list[Told]) -> list[tuple[str, int, str, str]]:
    bodies = [(at_us, msgspec.json.decode(record.body)) for at_us, records in told for record in records]
    return [
        (body["userId"], at_us, body["event"], msgspec.json.encode(body["properties"]).decode())
        for at_us, body in bodies
    ]


def fill_lake(simulator: Simulator, folder: Path) -> None:
    """What was applied, as the project role would write it."""
    outcomes = [one for one in simulator.sink.outcomes if one.status == APPLIED]
    taken = join(simulator.log, outcomes)
    rows = [row_of(one.event, one.outcome.profile_id) for one in taken if isinstance(one.event, Event)]
    with closing(open_writing(folder / "serving.db")) as register:
        lake = ParquetLake(folder / "lake", register)
        lake.append(rows, LakeCursor(1, simulator.log.head()))
        lake.close()


def ask_lake(definitions: Definitions, folder: Path, instants: list[int]) -> dict[int, Members]:
    """Members by the SQL of each rule."""
    found = {}
    with closing(query.connect(folder)) as db:
        run(db, f"CREATE TABLE told AS SELECT * FROM {LAKE}")
        users = dict(run(db, "SELECT DISTINCT profile_id, user_id FROM events"))
        for at_us in instants:
            question = Query(at_us, at_us)
            segments = list(definitions.segments.all())
            asked = [f"SELECT '{one.name}' AS segment, profile_id FROM ({one.rule.sql(question)})" for one in segments]
            found[at_us] = {one.name: set() for one in segments}
            for segment, profile_id in run(db, question.statement("told", " UNION ALL ".join(asked))):
                found[at_us][segment].add(users[profile_id])
    return found


def differences(ours: dict[int, Members], theirs: dict[int, Members]) -> list[tuple[int, str, set[str], set[str]]]:
    """(instant, segment, only ours, only theirs) of all that differs."""
    return [
        (at_us, name, members - theirs[at_us].get(name, set()), theirs[at_us].get(name, set()) - members)
        for at_us, segments in ours.items()
        for name, members in segments.items()
        if members != theirs[at_us].get(name, set())
    ]


@pytest.mark.parametrize("name", TRADES)
def test_live_members_are_those_of_the_rule_s_own_sql_over_the_lake(name: str, seen: Callable[[str], Seen]) -> None:
    found = seen(name)
    assert len(found.live) == INSTANTS
    assert differences(found.live, found.by_rule) == []


@pytest.mark.parametrize("name", RETAIL)
def test_live_members_of_retail_are_those_of_sql_written_by_hand(name: str, seen: Callable[[str], Seen]) -> None:
    live, database = seen(name).live, oracle.shop(name)
    assert differences(live, {at_us: oracle.segments(database, "shop", at_us) for at_us in live}) == []


@pytest.mark.parametrize("name", ["software", "newspaper"])
def test_so_are_those_of_the_other_templates(name: str, seen: Callable[[str], Seen]) -> None:
    live, database = seen(name).live, oracle.acts(seen(name).acts)
    assert differences(live, {at_us: oracle.segments(database, name, at_us) for at_us in live}) == []


@pytest.mark.parametrize("name", TRADES)
def test_every_segment_has_members_at_some_instant_and_never_everybody(name: str, seen: Callable[[str], Seen]) -> None:
    found = seen(name)
    names = set(found.definitions.segments.by_name) - TRADES[name].silent
    assert len(found.definitions.segments.by_name) in range(8, 13)
    sizes = {one: [len(members[one]) for members in found.live.values()] for one in names}
    assert {one for one, counts in sizes.items() if not any(counts)} == set()
    everybody = list(found.known.values())
    assert {one for one, counts in sizes.items() if any(map(int.__eq__, counts, everybody))} == set()
    assert {one for one, counts in sizes.items() if len(set(counts)) < 3} == set()


def test_every_segment_of_retail_is_tried_on_data_that_has_what_it_asks_for() -> None:
    assert TRADES["online_retail"].silent & TRADES["retailrocket"].silent == set()


@pytest.mark.parametrize("template", ["retail", "saas", "publisher"])
def test_every_journey_comes_to_its_mails_and_writes_at_a_decent_hour(
    template: str, seen: Callable[[str], Seen]
) -> None:
    looked_at = [seen(name) for name, trade in TRADES.items() if trade.template == template]
    mails = {path.stem for path in (WORKSPACES / template / "templates").glob("*.mjml")}
    sends = [one for found in looked_at for one in found.sends]
    assert {one.journey for one in sends} == set(looked_at[0].definitions.journeys)
    assert {one.template for one in sends} <= mails
    assert {one.suppressed for one in sends} == {"no_address"}  # nobody here has one, so nobody could be written to
    for one in sends:
        at = datetime.fromtimestamp(one.occurred_us / SECOND_US, UTC)
        assert at.hour in HOURS.get(one.journey, range(24)), one.journey
        assert one.journey != "trial_ending" or at.weekday() < 5
