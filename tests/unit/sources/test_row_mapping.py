"""A map says which event a row is, or why it is none; and a wrong map says what is wrong with it."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tidings.clock import DAY_US, parse_instant
from tidings.errors import DefinitionError, InputError
from tidings.sources.conditions import compile_condition, compile_pattern
from tidings.sources.instants import compile_instant
from tidings.sources.mapping import load_map, map_rows, parse_map
from tidings.sources.row import MappedEvent, RefusedRow, Row, Unmappable
from tidings.sources.values import compile_value

MAP = """
name: orders
event_id: {hash: [order]}
user_id: {column: customer}
timestamp: {column: at, format: iso}
reject:
  - {reason: cancelled, because: the order was cancelled, when: {column: state, equals: cancelled}}
  - {reason: too_dear, because: it was a test, when: {column: total, at_least: 10000}}
properties:
  order_id: {column: order}
  note: {column: note, optional: true}
cases:
  - {event: Order Refunded, when: {column: total, less_than: 0}, properties: {reason: {constant: refund}}}
  - {event: Order Completed, when: {column: state, in: [paid, sent]}, properties: {total: {column: total, as: decimal}}}
"""
ROW = {"order": "o1", "customer": "c1", "at": "2024-05-01T10:00:00Z", "state": "paid", "total": "12.50", "note": ""}


def _mapped(changes: dict[str, str] | None = None, text: str = MAP, shift_us: int = 0) -> MappedEvent | RefusedRow:
    return parse_map(text, "orders.yml").map_row(Row(2, "raw line", ROW | (changes or {})), shift_us)


def _event(changes: dict[str, str] | None = None, text: str = MAP, shift_us: int = 0) -> dict[str, object]:
    mapped = _mapped(changes, text, shift_us)
    assert isinstance(mapped, MappedEvent), mapped
    return json.loads(mapped.body)


def _refusal(changes: dict[str, str], text: str = MAP) -> str:
    mapped = _mapped(changes, text)
    assert isinstance(mapped, RefusedRow), mapped
    assert (mapped.line, mapped.raw) == (2, "raw line")
    return mapped.reason


def _with(**parts: object) -> str:
    return yaml.safe_dump(yaml.safe_load(MAP) | parts)


def test_a_row_becomes_the_event_of_the_first_case_that_holds():
    event = _event()
    assert event.pop("messageId")
    assert event == {
        "type": "track",
        "event": "Order Completed",
        "userId": "c1",
        "timestamp": "2024-05-01T10:00:00Z",
        "properties": {"order_id": "o1", "total": 12.5},
    }
    assert _event({"total": "-3"})["properties"] == {"order_id": "o1", "reason": "refund"}


def test_reject_rules_are_asked_in_order_before_the_cases():
    assert _refusal({"state": "cancelled", "total": "20000"}) == "cancelled: the order was cancelled"
    assert _refusal({"total": "20000"}) == "too_dear: it was a test"


def test_a_row_that_no_case_describes_is_refused():
    assert _refusal({"state": "new"}).startswith("no_case: none of the 2 cases of the map 'orders'")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"total": "a lot"}, "not_a_number: total: got 'a lot', wanted a number"),
        ({"total": "1e9"}, "not_a_number"),
        ({"total": "NaN"}, "not_a_number"),
        ({"total": "٣"}, "not_a_number"),
        ({"total": "0.1234567"}, "not_a_number"),
        ({"at": "yesterday"}, "bad_timestamp: at: got 'yesterday', wanted a time written as iso"),
        ({"at": "1979-12-31T23:59:59Z"}, "bad_timestamp"),
        ({"at": "2200-01-02T00:00:00Z"}, "bad_timestamp"),
        ({"customer": ""}, "missing_identifier"),
        ({"customer": "c" * 201}, "id_too_long: userId: got 201 characters"),
        ({"order": "o" * 33_000}, "too_large"),
    ],
)
def test_values_that_cannot_be_used_refuse_the_row_with_what_was_got_and_wanted(changes, said):
    assert _refusal(changes).startswith(said)


def test_the_same_row_has_the_same_event_id_whatever_the_shift_and_another_row_has_another():
    text = _with(event_id={"hash": "all"})
    assert _event(text=text)["messageId"] == _event(text=text, shift_us=DAY_US)["messageId"]
    assert _event(text=text)["messageId"] != _event({"note": "x"}, text)["messageId"]
    assert _event()["messageId"] == _event({"note": "x"})["messageId"], "only the hashed columns count"
    assert _event()["messageId"] != _event(text=_with(name="other"))["messageId"], "another map, another event"


@given(st.lists(st.text(max_size=5), min_size=2, max_size=2), st.lists(st.text(max_size=5), min_size=2, max_size=2))
def test_values_do_not_run_together_in_event_ids(one, other):
    for hashed in ("all", ["order", "note"]):
        event_id = parse_map(_with(event_id={"hash": hashed}), "orders.yml").event_id
        same = event_id(dict(zip(("order", "note"), one, strict=True))) == event_id(
            dict(zip(("order", "note"), other, strict=True))
        )
        assert same == (one == other)


def test_a_shift_moves_the_time_and_nothing_else():
    later = _event(shift_us=36 * 3_600_000_000)
    assert later == _event() | {"timestamp": "2024-05-02T22:00:00Z"}


def test_rows_that_could_not_be_read_pass_through():
    refused = RefusedRow(3, "bad_csv: x", "raw")
    row_map = parse_map(MAP, "orders.yml")
    assert [type(row) for row in map_rows(row_map, [Row(2, "raw", ROW), refused])] == [MappedEvent, RefusedRow]


def test_people_can_be_mapped_to_identify_calls_with_traits():
    text = _with(
        cases=[{"type": "identify", "traits": {"email": {"column": "note", "strip": True}}}], properties={}, reject=[]
    )
    event = _event({"note": " ada@shop.example "}, text)
    assert (event["type"], event["traits"]) == ("identify", {"email": "ada@shop.example"})
    assert "event" not in event
    assert "properties" not in event


# Values


def _value(spec: dict[str, object], **values: str) -> object:
    needed: set[str] = set()
    got = compile_value(spec, "m.yml: x", needed)(values)
    assert needed <= {"a", "b"}
    return got


def test_values_are_columns_constants_products_and_joins():
    assert _value({"column": "a"}, a=" x ") == " x "
    assert _value({"column": "a", "strip": True}, a=" x ") == "x"
    assert _value({"column": "a", "as": "integer"}, a=" 12 ") == 12
    assert _value({"column": "a", "as": "decimal"}, a="-0.10") == Decimal("-0.10")
    assert _value({"column": "a", "as": "integer", "optional": True}, a="") is None
    assert _value({"constant": 0}) == 0
    assert _value({"join": ["a", "b"], "with": "-"}, a="1", b="2") == "1-2"


@given(
    st.decimals(min_value="-99999999", max_value="99999999", places=6),
    st.decimals(min_value="-99999999", max_value="99999999", places=6),
)
def test_a_product_is_exact_to_the_last_digit(one, other):
    product = _value({"product": ["a", "b"]}, a=format(one, "f"), b=format(other, "f"))
    scaled = int(one.scaleb(6)) * int(other.scaleb(6))
    assert int(product.scaleb(12)) == scaled


# Conditions


def _holds(spec: object, **values: str) -> bool:
    return compile_condition(spec, "m.yml: when", set())(values)


def test_conditions_test_one_column():
    assert _holds({"column": "a", "equals": "x"}, a="x")
    assert not _holds({"column": "a", "in": ["x", "y"]}, a="z")
    assert _holds({"column": "a", "starts_with": "C"}, a="C1")
    assert _holds({"column": "a", "empty": True}, a="  ")
    assert _holds({"column": "a", "empty": True})
    assert _holds({"column": "a", "empty": False}, a="x")
    assert _holds({"column": "a", "matches": "[0-9]{5}[A-Z]?"}, a="85123A")
    assert not _holds({"column": "a", "matches": "[0-9]{5}[A-Z]?"}, a="x85123A")
    assert not _holds({"column": "a", "matches": "[0-9]+"}, a="1\n")
    assert not _holds({"column": "a", "matches": "x*"}, a="x" * 257), "longer values never match"


@pytest.mark.parametrize(
    ("test", "below", "equal", "above"),
    [("at_most", True, True, False), ("at_least", False, True, True), ("less_than", True, False, False)],
)
def test_number_conditions_compare_exactly(test, below, equal, above):
    answers = [_holds({"column": "a", test: 0.1}, a=a) for a in ("0.099999", "0.10", "0.100001")]
    assert answers == [below, equal, above]
    with pytest.raises(Unmappable, match="not_a_number"):
        _holds({"column": "a", test: 1}, a="one")


def test_conditions_join_by_all_any_and_not():
    paid, dear = {"column": "a", "equals": "paid"}, {"column": "b", "at_least": 100}
    assert _holds({"all": [paid, dear]}, a="paid", b="100")
    assert not _holds({"all": [paid, dear]}, a="paid", b="99")
    assert _holds({"any": [paid, dear]}, a="new", b="100")
    assert _holds({"not": {"any": [paid, dear]}}, a="new", b="99")


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a|b)*", "a*a*a*a*", "(?=a)", r"(a)\1", "a?" * 7, "(a|a)" * 7, "a{0,9}" * 4, "x" * 201, "[", "(a){9}"],
)
def test_patterns_that_could_run_long_or_are_none_are_refused_when_the_map_is_read(pattern):
    with pytest.raises(DefinitionError, match="pattern"):
        compile_pattern(pattern, "m.yml: when")


@pytest.mark.parametrize("pattern", ["a*a*a*b", ".*.*.*b", "a?" * 6 + "a{200}b", "(a|a)" * 6 + "a*a*a*b"])
def test_the_slowest_patterns_that_are_allowed_end_soon(pattern):
    began = time.perf_counter()
    assert not _holds({"column": "a", "matches": pattern}, a="a" * 256)
    assert time.perf_counter() - began < 5


# Times


@pytest.mark.parametrize(
    ("text", "how", "instant"),
    [
        ("2011-12-09 12:50:00", {"format": "%Y-%m-%d %H:%M:%S"}, "2011-12-09T12:50:00Z"),
        ("09/12/2011 12:50", {"format": "%d/%m/%Y %H:%M", "zone": "Europe/London"}, "2011-12-09T12:50:00Z"),
        ("09/07/2011 12:50", {"format": "%d/%m/%Y %H:%M", "zone": "Europe/London"}, "2011-07-09T11:50:00Z"),
        ("30/10/2011 01:30", {"format": "%d/%m/%Y %H:%M", "zone": "Europe/London"}, "2011-10-30T00:30:00Z"),
        ("2011-12-09T12:50:00+02:00", {"format": "%Y-%m-%dT%H:%M:%S%z"}, "2011-12-09T10:50:00Z"),
        ("2011-12-09T12:50:00.25+02:00", {"format": "iso"}, "2011-12-09T10:50:00.25Z"),
        ("2011-12-09 12:50", {"format": "iso", "zone": "Asia/Tokyo"}, "2011-12-09T03:50:00Z"),
        ("1430623510", {"format": "unix_s"}, "2015-05-03T03:25:10Z"),
        ("1430623510.000001", {"format": "unix_s"}, "2015-05-03T03:25:10.000001Z"),
        ("1430623510007", {"format": "unix_ms"}, "2015-05-03T03:25:10.007Z"),
    ],
)
def test_times_are_read_in_the_format_and_zone_of_the_file(text, how, instant):
    read = compile_instant({"column": "at"} | how, "m.yml: timestamp", set())
    assert read({"at": text}) == parse_instant(instant)


# What a wrong map says


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "orders.yml: is not YAML"),
        ("- a", "orders.yml: is not a mapping"),
        (_with(colour="red"), "orders.yml: Object contains unknown field `colour`; got .*; wanted a mapping with name"),
        (_with(name="Orders!"), "orders.yml: name: is no name; got 'Orders!'"),
        (_with(user_id=None), "orders.yml: does not say whose event a row is; wanted user_id or anonymous_id"),
        (_with(user_id={"colum": "a"}), "orders.yml: user_id: .*unknown field `colum`; .*wanted a mapping with column"),
        (_with(event_id={"hash": "none"}), "orders.yml: event_id.hash: .*got 'none'; wanted all, or a list"),
        (
            _with(timestamp={"column": "at", "format": "%H:%M"}),
            "orders.yml: timestamp.format: .*got '%H:%M'; wanted iso",
        ),
        (_with(timestamp={"column": "at", "format": "iso", "zone": "Mars"}), "timestamp.zone: .*got 'Mars'"),
        (_with(reject=[{"reason": "No good", "because": "x", "when": {}}]), r"reject\[0\]: does not say why"),
        (_with(reject=[{"reason": "no", "because": "x", "when": {"column": "a"}}]), r"reject\[0\].when: .*got 'none'"),
        (
            _with(reject=[{"reason": "no", "because": "x", "when": {"equals": "a"}}]),
            r"reject\[0\].when: `equals` needs",
        ),
        (_with(cases=[]), "orders.yml: cases: is empty"),
        (_with(cases=[{"event": "A"}, {"event": "B"}]), r"cases\[0\]: holds for every row"),
        (
            _with(cases=[{"when": {"column": "a", "equals": "b"}}]),
            r"cases\[0\].event: is not an event name; .*wanted a name",
        ),
        (
            _with(cases=[{"event": "A", "properties": {"p": {"column": "a", "as": "float"}}}]),
            r"cases\[0\].properties.p: ",
        ),
        (
            _with(cases=[{"event": "A", "properties": {"p": {"column": "a", "constant": 1}}}]),
            "wanted exactly one of column",
        ),
        (
            _with(cases=[{"event": "A", "properties": ["p"]}]),
            r"cases\[0\].properties: is not a mapping of names to values",
        ),
    ],
)
def test_a_wrong_map_is_named_with_file_place_and_what_was_wanted(text, said):
    with pytest.raises(DefinitionError, match=said):
        parse_map(text, "orders.yml")


def test_conditions_nested_without_end_are_refused():
    deep: dict[str, object] = {"column": "a", "empty": True}
    for _ in range(12):
        deep = {"not": deep}
    with pytest.raises(DefinitionError, match="nested too deeply"):
        compile_condition(deep, "m.yml: when", set())


def test_a_file_that_lacks_a_column_of_the_map_is_refused_before_its_first_row(tmp_path):
    (tmp_path / "orders.csv").write_text("order,customer,at,state\n")
    with pytest.raises(InputError, match=r"lacks the columns \['note', 'total'\]"):
        parse_map(MAP, "orders.yml").open(tmp_path / "orders.csv")


def test_a_map_that_is_not_there_or_too_long_is_an_error(tmp_path):
    with pytest.raises(DefinitionError, match="cannot be read"):
        load_map(tmp_path / "none.yml")
    (tmp_path / "long.yml").write_text("#" * 300_000)
    with pytest.raises(DefinitionError, match="too long"):
        load_map(tmp_path / "long.yml")
