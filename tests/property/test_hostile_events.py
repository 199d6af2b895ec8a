"""Nothing that anybody may send stops the processor: a bad event is a value, a strange one is stored or left aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings import workspace
from tidings.domain import profile as profiles
from tidings.domain import wire
from tidings.domain.event import Event, Rejected
from tidings.domain.record import LogRecord
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import call

RETAIL = workspace.load(Path(workspace.__file__).parent / "workspaces/retail")
START_US = 1_800_000_000_000_000
NAMES = ["Product Added", "Product Removed", "Product Viewed", "Product Purchased", "Order Completed", "Consent Given"]
FIELDS = [
    "product_id",
    "price",
    "quantity",
    "name",
    "url",
    "image_url",
    "revenue",
    "order_id",
    "country",
    "purpose",
    "method",
]
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1e308, -1e308, 5e-324, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**30]),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
)
TEXTS = st.one_of(st.sampled_from(["", "\x00", "\u2028", "é😀", "x" * 5_000, "null"]), st.text(max_size=20))
VALUES = st.recursive(
    st.one_of(NUMBERS, TEXTS, st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


def as_json(value: Any) -> bytes:
    """JSON with whole numbers of any size, as any client may write it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["track", "identify", "page", "group", "alias"]),
            st.sampled_from(NAMES),
            st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6),
            st.dictionaries(TEXTS | st.sampled_from(["email", "first_name", "plan"]), VALUES, max_size=4),
            VALUES,
            VALUES,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_event_stops_the_processor(calls: list[Any]) -> None:
    simulator = Simulator(RETAIL)
    for number, (kind, name, properties, traits, user, other) in enumerate(calls):
        body = {"type": kind, "event": name, "messageId": f"m{number}", "userId": user, "anonymousId": f"a{number % 2}"}
        body |= {
            "properties": properties,
            "traits": traits,
            "previousId": other,
            "context": {"traits": traits, "x": other},
        }
        simulator.take([LogRecord("web", "", 0, as_json(body))], START_US + number)
        simulator.run()
    simulator.advance_to(START_US + 10**12)
    assert sum(simulator.sink.counts) == len(calls)
    for state in simulator.people():
        assert profiles.decode(profiles.encode(state)) == state


def test_sums_beyond_64_bits_are_exact_and_can_be_stored() -> None:
    simulator = Simulator(RETAIL)
    for number in range(40):
        record = call("track", f"m{number}", START_US, user="u", event="Order Completed", properties={"revenue": 1e12})
        simulator.take([record], START_US + number)
    simulator.run()
    (person,) = simulator.people()
    revenue = RETAIL.layout.computed("revenue")
    assert revenue is not None
    assert revenue.read(person.values, START_US) == 40e12


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_a_number_beyond_64_bits_is_refused_with_what_to_do(number: int) -> None:
    record = LogRecord(
        "web", "", 0, as_json({"type": "track", "event": "x", "userId": "u", "properties": {"a": [number]}})
    )
    found = wire.normalise(record, 0, START_US)
    assert isinstance(found, Rejected)
    assert found.reason == "number_out_of_range"
    assert "send it as text" in found.detail


def test_long_digits_in_text_are_no_numbers() -> None:
    properties = {"card": "x, 12345678901234567890123", "ids": ["1", "98765432109876543210"]}
    found = wire.normalise(call("track", "m", START_US, user="u", event="x", properties=properties), 0, START_US)
    assert isinstance(found, Event)


@pytest.mark.parametrize("nobody", ["", " ", "0", "-1", "null", "NULL", "undefined", "None", "NaN", "anonymous", 0])
def test_a_value_that_means_nobody_joins_nobody(nobody: Any) -> None:
    simulator = Simulator(RETAIL)
    for device in ("d1", "d2"):
        body = {"type": "identify", "messageId": device, "userId": nobody, "anonymousId": device}
        simulator.take([LogRecord("web", "", 0, msgspec.json.encode(body))], START_US)
    only = {"type": "track", "event": "x", "messageId": "m", "userId": nobody}
    simulator.take([LogRecord("web", "", 0, msgspec.json.encode(only))], START_US)
    simulator.run()
    assert [state.identifiers for state in simulator.people()] == [[("anonymous_id", "d1")], [("anonymous_id", "d2")]]
    assert simulator.sink.counts == [2, 0, 1]
    assert simulator.sink.outcomes[-1].reason.startswith("missing_identifier")


def test_a_persons_state_stays_small_whatever_is_sent() -> None:
    simulator = Simulator(RETAIL)
    for number in range(300):
        traits = {f"t{number}-{i}": "x" * 400 for i in range(40)} | {"list": ["y" * 100] * 100, "n" * 300: 1}
        simulator.take([call("identify", f"i{number}", START_US, user="u", traits=traits)], START_US + number)
        item = {"product_id": f"p{number}", "name": "z" * 3_000, "url": "u" * 3_000}
        simulator.take(
            [call("track", f"a{number}", START_US, user="u", event="Product Added", properties=item)], START_US
        )
    simulator.run()
    (person,) = simulator.people()
    assert len(profiles.encode(person)) < 250_000
    assert "list" not in person.traits
