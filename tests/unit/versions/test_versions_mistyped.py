"""Which properties do not have the type that definitions ask for: found in one look at the latest days, with who asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from tidings import workspace
from tidings.lake.duck import open_duck, run
from tidings.versions import mistyped as module
from tidings.versions.mistyped import Types, mistyped
from tidings.workspace import Definitions

FILES = {
    "traits.yml": "spent: {sum: {event: Order, property: total}}",
    "segments.yml": """
big: {rule: {all: [{trait: spent, at_least: 100}, {did: {event: Order, where: {price: {at_least: 10}}}}]}}
dear: {rule: {did: {event: [Order, Quote], where: {price: {more_than: 5}}, within: 3d}}}
fine: {rule: {did: {event: Order, where: {country: GB}}}}
big_too: {rule: {in_segment: big}}
""",
    "policy.yml": "marketing: {consent: not_needed}",
    "journeys/late.yml": """
journey: late
entry: {event: Order, where: {paid: true}}
steps:
  - {id: wait, wait_until: {event: Paid, where: {amount: {at_least: 1}}, timeout: 2d}}
  - {id: rich, branch: {if: {did: {event: Paid, where: {method: {starts_with: c}}}}, else: end}}
  - {id: end, exit: {}}
""",
}
EVENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("2026-01-01", "Order", {"price": "long ago", "total": "none"}),
    ("2026-01-05", "Order", {"price": "12.50", "total": "99.5", "country": "GB", "paid": True}),
    ("2026-01-05", "Order", {"price": 12.5, "total": "EUR 99", "country": "GB", "paid": "yes"}),
    ("2026-01-06", "Quote", {"price": [1], "total": False}),
    ("2026-01-06", "Paid", {"amount": None}),
    ("2026-01-07", "Paid", {"amount": {"eur": 1}, "method": 7}),
]


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    for name, held in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(held)
    return workspace.load(tmp_path)


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    db = open_duck()
    run(db, "CREATE TABLE events (day DATE, name VARCHAR, properties VARCHAR)")
    for day, name, properties in EVENTS:
        run(db, "INSERT INTO events VALUES ($1, $2, $3)", [day, name, msgspec.json.encode(properties).decode()])
    yield db
    db.close()


def told(types: Types) -> dict[tuple[str, ...], tuple[Any, ...]]:
    return {
        (*one.events, one.property): (
            one.wrong,
            one.total,
            one.example,
            one.wanted,
            [name for _, name in one.used_by],
        )
        for one in types.found
    }


def test_each_is_found_with_its_count_an_example_and_who_asks(
    definitions: Definitions, lake: duckdb.DuckDBPyConnection
) -> None:
    assert told(mistyped(lake, definitions, 3)) == {
        ("Order", "price"): (1, 2, '"12.50"', "a number", ["big", "big_too"]),
        ("Order", "Quote", "price"): (2, 3, '"12.50"', "a number", ["dear"]),
        ("Order", "total"): (1, 2, '"EUR 99"', "a number", ["big", "big_too", "spent"]),
        ("Order", "paid"): (1, 2, '"yes"', "true or false", ["late"]),
        ("Paid", "amount"): (1, 2, '{"eur":1}', "a number", ["late"]),
        ("Paid", "method"): (1, 2, "7", "a text", ["late"]),
    }


def test_only_the_latest_days_and_only_some_definitions_are_looked_at(
    definitions: Definitions, lake: duckdb.DuckDBPyConnection
) -> None:
    big = mistyped(lake, definitions, 7, {("segment", "big"), ("segment", "fine")})
    assert (big.looked, big.when) == (3, "in the 7 days up to 2026-01-07")
    assert told(big) == {
        ("Order", "price"): (2, 3, '"12.50"', "a number", ["big"]),
        ("Order", "total"): (2, 3, '"EUR 99"', "a number", ["big"]),
    }
    assert set(told(mistyped(lake, definitions, 1))) == {("Paid", "amount"), ("Paid", "method")}
    assert mistyped(lake, definitions, 7, ()) == Types()


def test_it_is_said_in_one_sentence(definitions: Definitions, lake: duckdb.DuckDBPyConnection) -> None:
    types = mistyped(lake, definitions, 3)
    (price,) = [one for one in types.of("segment", "big") if one.property == "price"]
    assert price.words() == (
        'segment big, segment big_too: 1 of 2 events Order in the 3 days up to 2026-01-07 have price as text "12.50", '
        "wanted a number; they do not count. Send a number"
    )
    assert types.of("segment", "fine") == types.of("segment", "nobody") == []


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        ('"a\x9b2Jb\u202e"', 'text "a?2Jb?"'),
        ("-1.5", "number -1.5"),
        ("true", "true"),
        ("[1]", "list [1]"),
        ('{"a":1}', 'object {"a":1}'),
    ],
)
def test_what_a_stranger_sent_is_shown_with_its_type_and_does_nothing_to_a_screen(example: str, shown: str) -> None:
    names = [("segment", f"s{number}") for number in range(5)]
    one = module.Mistyped(
        used_by=names,
        events=["A", "B"],
        property="x",
        wanted="a text",
        wrong=1,
        total=1_000,
        example=example,
        when="on T",
    )
    assert one.words() == (
        f"segment s0, segment s1, segment s2 and 2 more: 1 of 1,000 events A or B on T have x as {shown}, wanted a text; "
        "they do not count. Send a text"
    )


def test_an_empty_lake_and_too_many_properties_are_said(
    definitions: Definitions, lake: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ASKED", 2)
    types = mistyped(lake, definitions, 3)
    assert (types.looked, types.cut) == (2, 5)
    run(lake, "DELETE FROM events")
    assert mistyped(lake, definitions, 3) == Types()
