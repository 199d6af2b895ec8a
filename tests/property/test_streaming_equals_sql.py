"""Law 4: the live members of a segment are those that its SQL finds in the lake, at the same instant.

Each database holds many people, some of whom turn out to be one, and is asked about many rules at several instants.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import duckdb
import msgspec
import pytest

from tests.property import rule_cases
from tests.property.rule_cases import LENGTH, START_US, UNITS, Rules
from tidings.domain import compare, sql
from tidings.domain.event import Event
from tidings.domain.output import APPLIED
from tidings.domain.record import LogRecord
from tidings.domain.sql import Query
from tidings.domain.wire import normalise
from tidings.hosts.simulator import Simulator
from tidings.lake.duck import open_duck, run
from tidings.process import profile
from tidings.rules import sql as rule_sql
from tidings.state.base import living
from tidings.testing.histories import call
from tidings.workspace import Definitions

DATABASES = 25
RULES = 30
PEOPLE = 30
MOMENTS = 2
"""Instants that a database is asked about."""
COLUMNS = ("profile_id", "event_id", "kind", "name", "occurred_us", "received_us", "properties", "traits", "context")
TYPES = ("VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "VARCHAR", "VARCHAR", "VARCHAR")


def calls(rng: Random, unit: str) -> list[tuple[int, LogRecord]]:
    """What all people do; some are unknown first, and then sign in, or turn out to be somebody else."""
    found: list[tuple[int, LogRecord]] = []
    for number in range(PEOPLE):
        user = f"user-{number}"
        found += rule_cases.person(rng, unit, user)
        if number and rng.random() < 0.2:
            at_us = START_US + rng.randint(1, LENGTH) * UNITS[unit]
            found.append((at_us, call("alias", f"alias-{number}", at_us, user=user, previousId=f"user-{number - 1}")))
    return sorted(found, key=lambda one: one[0])


def lake(db: duckdb.DuckDBPyConnection, simulator: Simulator) -> None:
    """The applied events as rows, under the people that they belong to now."""
    applied = {one.offset: one.profile_id for one in simulator.sink.outcomes if one.status == APPLIED}
    now = {one: living(simulator.state, one) for one in set(applied.values())}
    survivors = {one: msgspec.msgpack.decode(raw)[0] for one, raw in now.items() if raw is not None}
    rows = []
    for block in simulator.log.read(0, 1_000_000):
        for index, record in enumerate(block.records):
            offset = block.first_offset + index
            event = normalise(record, offset, block.taken_us)
            if isinstance(event, Event) and offset in applied:
                rows.append(row(event, survivors[applied[offset]]))
    columns = ", ".join(
        f"unnest(${place}::{kind}[]) AS {name}"
        for place, (name, kind) in enumerate(zip(COLUMNS, TYPES, strict=True), 1)
    )
    run(db, f"CREATE OR REPLACE TABLE lake AS SELECT {columns}", [list(column) for column in zip(*rows, strict=True)])


def row(event: Event, profile_id: str) -> tuple[Any, ...]:
    parts = [msgspec.json.encode(one).decode() for one in (event.properties, event.traits, event.context)]
    return (profile_id, event.event_id, event.kind, event.name, event.occurred_us, event.received_us, *parts)


def found_by_sql(db: duckdb.DuckDBPyConnection, definitions: Definitions, at_us: int) -> dict[str, set[str]]:
    """Members of each segment, all asked for in one statement."""
    query = Query(at_us, at_us)
    segments = list(definitions.segments.all())
    asked = [f"SELECT '{one.name}' AS segment, profile_id FROM ({one.rule.sql(query)})" for one in segments]
    members: dict[str, set[str]] = {one.name: set() for one in segments}
    for segment, profile_id in run(db, query.statement("lake", " UNION ALL ".join(asked))):
        members[segment].add(profile_id)
    return members


def differences(db: duckdb.DuckDBPyConnection, rng: Random) -> list[Any]:
    """(instant, rule, live and not found, found and not live) of everything that differs."""
    unit = rng.choice(list(UNITS))
    made = Rules(rng, unit)
    rules = [made.rule() for _ in range(RULES)]
    definitions = rule_cases.definitions(rules, rule_cases.traits_in(unit))
    simulator = Simulator(definitions)
    coming = calls(rng, unit)
    wrong = []
    for moment in sorted(rng.sample(range(5, LENGTH + 25), MOMENTS)):
        at_us = START_US + moment * UNITS[unit] + rng.choice([0, 0, 1])
        while coming and coming[0][0] <= at_us:
            taken_us, record = coming.pop(0)
            simulator.take([record], taken_us)
        at_us = max(
            at_us, simulator.log.read(simulator.log.head() - 1, 1)[0].taken_us
        )  # blocks are a microsecond apart
        simulator.advance_to(at_us)
        lake(db, simulator)
        by_sql = found_by_sql(db, definitions, at_us)
        for number, rule in enumerate(rules):
            live = simulator.members(f"s{number}")
            if live != by_sql[f"s{number}"]:
                wrong.append((at_us, rule, live - by_sql[f"s{number}"], by_sql[f"s{number}"] - live))
    return wrong


@pytest.fixture(scope="module")
def db() -> Any:
    connection = open_duck()
    yield connection
    connection.close()


@pytest.mark.parametrize("seed", range(DATABASES))
def test_live_members_are_those_of_the_sql(seed: int, db: duckdb.DuckDBPyConnection) -> None:
    assert differences(db, Random(seed)) == []


# Comparisons, value by value: where two languages disagree most easily

TRICKY: Sequence[Any] = (
    None, True, False, 0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 0.0, -0.0, 1.0, 0.1, 1e-300, 1e300, 9007199254740992.0,
    9223372036854775808.0, "", "0", "1", "a", "A", "é", "\U0001f600", "\uffff", "a'b", 'a"b', "a\\b", "a/b", "%", "null", "true",
    [], [1], [1.0, True], ["a"], [None], [[1]], {}, {"a": 1}, {"a": 1.0, "b": [True]}, {"b": None}, ["a", "b", "a"],
    "1.2", "1.2.0", "v1.2.0", "1.10", "1.10.0-rc.1", "1.10.0-rc.11", "1.10.0-rc.x", "1.10.0-rc", "1.10+build.7", "1.2.3.4", "01.2",
    "1.2.3-", "2026-01-31", "2026-01-31T23:59:59.999999Z", "2026-02-01", "2026-02-30", "2026-01-31T23:30-01:00", 1769817600000000,
    "a%b", "a_b", "axb", "A%B", "aa\nbb", "ab", "aab", "aabb", "*",
)  # fmt: skip


@pytest.mark.parametrize("operator", compare.OPERATORS)
def test_every_comparison_says_the_same_in_sql(operator: str, db: duckdb.DuckDBPyConnection) -> None:
    wanted_of = {
        "exists": [True, False],
        "empty": [True, False],
        "in": [[], [1, "a"], [None], [True, [1.0]], list(TRICKY)],
        "not_in": [[], [1, "a"], [None], [True, [1.0]], list(TRICKY)],
        "has_any": [[1], ["a", None], [True], [[1.0]]],
        "has_all": [[1], ["a", "b"], [1.0, 1], [True, 1]],
        "between": [[0, 1], [-1, 2**53], ["", "a"], [0.1, 1e300]],
        "like": ["", "*", "a*b", "A*", "*B", "a%b", "a_b", "*a*b*", "a\\b", "aa*bb", "a*a*b*b", "**", "É", "a*ab*b"],
        **{name: [0, 1, 2, 3] for name in ("size", "size_at_least", "size_at_most")},
    }
    for wanted in wanted_of.get(operator, TRICKY):
        try:
            (one,) = compare.parse({operator: wanted}, "t")
        except compare.DefinitionError:
            continue  # no definition may ask for that
        values = [msgspec.json.encode({"v": value}).decode() for value in TRICKY]
        values[0] = "{}"
        asked = f"SELECT {sql.test(sql.member('row', 'v'), one)} FROM (SELECT unnest($1::VARCHAR[]) AS row)"
        by_sql = [bool(passed) for (passed,) in run(db, asked, [values])]
        by_python = [one.test(msgspec.json.decode(value).get("v")) for value in values]
        wrong = [v for v, one_sql, one_python in zip(TRICKY, by_sql, by_python, strict=True) if one_sql != one_python]
        assert wrong == [], (operator, wanted)


@pytest.mark.parametrize(
    "name", ["plain", "with space", "a/b", "a~b", "~1", 'q"uote', "it's", "", "0", "*", "$.x", "é", "a.b", "#"]
)
def test_a_property_of_any_name_is_found(name: str, db: duckdb.DuckDBPyConnection) -> None:
    row_text = msgspec.json.encode({"other": 1, name: "found", "x": {"y": 2}}).decode()
    assert run(db, f"SELECT {sql.as_text(sql.member('row', name))} FROM (SELECT $1 AS row)", [row_text]) == [("found",)]


# Beyond the bounds of memory, where both must leave out the same

BOUNDED_TRAITS = {
    "values": {"distinct": {"event": "A", "property": "x"}},
    "few": {"distinct": {"event": "A", "property": "y"}},
    "texts": {"top": {"event": "A", "property": "x"}},
    "many": {"top": {"event": "A", "property": "z", "k": 20}},
    "lately": {"sum": {"event": "A", "property": "z", "within": "3000s"}},
    "kinds": {"distinct": {"event": "A", "property": "x", "within": "3000s"}},
    "favourites": {"top": {"event": "A", "property": "z", "within": "3000s", "k": 10}},
    "events": {"count": {"event": "A", "within": "3000s"}},
    "mean": {"average": {"event": "A", "property": "x"}},
    "warmth": {"decayed_sum": {"event": "A", "property": "z", "half_life": "10s"}},
    "sums": {"sum": {"event": "A", "property": "x"}},
}


def odd_number(rng: Random) -> Any:
    """Numbers of every size, whose texts and roundings two languages could see differently."""
    return rng.choice(
        [
            rng.random() * 10 ** rng.randint(-12, 25),
            rng.randint(-(2**63), 2**63 - 1),
            round(rng.random(), 2),
            float(rng.randint(0, 10**17)),
            f" {rng.random():.9f}",
            f"{rng.randint(0, 99)}e{rng.randint(-3, 9)}",
            rng.randint(0, 10**9) / 2**20,
        ]
    )


def test_beyond_the_bounds_of_memory_sql_leaves_out_the_same(db: duckdb.DuckDBPyConnection) -> None:
    rng = Random(7)
    step = {
        "sequence": {"steps": [{"event": "A", "where": {"y": 0}}, {"event": "A", "where": {"y": 1}, "within": "2s"}]}
    }
    old = {"sequence": {"steps": [{"event": "C"}, {"event": "A", "within": "2s"}]}}
    definitions = rule_cases.definitions([step, old], BOUNDED_TRAITS)
    simulator = Simulator(definitions)
    simulator.take([call("track", "c", START_US, user="u0", event="C")], START_US)
    for number in range(1_500):
        user, at_us = f"u{number % 2}", START_US + number * 1_000_001
        properties = {"x": odd_number(rng), "y": number // 2 % 5, "z": rng.randint(0, 150)}
        simulator.take([call("track", f"e{number}", at_us, user=user, event="A", properties=properties)], at_us)
    at_us = START_US + 1_501 * 1_000_001
    simulator.advance_to(at_us)
    lake(db, simulator)
    query = Query(at_us, at_us)
    for name, reading in definitions.layout.traits():
        found = {one: msgspec.json.decode(value) for one, value in run(db, query.statement("lake", reading.sql(query)))}
        assert found == {one.profile_id: reading.read(one.values, at_us) for one in simulator.people()}, name
    assert found_by_sql(db, definitions, at_us) == {name: simulator.members(name) for name in ("s0", "s1")}
    assert simulator.members("s1") == set()


def test_a_given_trait_is_cut_and_left_out_alike(db: duckdb.DuckDBPyConnection) -> None:
    assert rule_sql.MAX_GIVEN_CHARS == profile.MAX_TRAIT_CHARS
    simulator = Simulator(rule_cases.definitions([], {}))
    values = ["x", "é" * 3_000, ["y" * 3_000], {"a": "z" * 1_990}, ["a" * 1_996], ["a" * 1_997], None]
    for number, value in enumerate(values):
        at_us = START_US + number
        simulator.take([call("identify", f"e{number}", at_us, user="ann", traits={"t": value})], at_us)
        simulator.run()
        lake(db, simulator)
        query = Query(at_us, at_us)
        ((_, found),) = run(db, query.statement("lake", rule_sql.given(query, "t")))
        (person,) = simulator.people()
        assert (msgspec.json.decode(found) if found else None) == person.traits["t"].value, number
