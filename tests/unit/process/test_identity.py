"""Identity: whose event it is, and which people turn out to be one, in any order."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import World, definitions
from tidings.domain.profile import ProfileState
from tidings.domain.record import LogRecord
from tidings.ids import profile_id
from tidings.process.identity import MAX_IDENTIFIERS
from tidings.testing.histories import call

COUNT = "n: {count: {event: X}}"
START_US = 1_800_000_000_000_000


def x(number: int, **who: str) -> LogRecord:
    return call("track", f"x{number}", START_US, event="X", **who)


def alias(previous: str, user: str) -> LogRecord:
    return call("alias", f"alias-{previous}-{user}", START_US, user=user, previousId=previous)


def login(user: str, anonymous: str) -> LogRecord:
    return call("identify", f"login-{user}-{anonymous}", START_US, user=user, anonymous=anonymous)


def people(folder: Path, records: list[LogRecord], *, one_by_one: bool = True) -> list[ProfileState]:
    """Who there is after these; by id."""
    world = World(definitions(folder, traits=COUNT))
    for group in [[record] for record in records] if one_by_one else [records]:
        world.take(group, 0)
    return sorted(world.simulator.people(), key=lambda state: state.profile_id)


def essence(state: ProfileState) -> Any:
    return state.profile_id, state.values, [one for one in state.identifiers if one[0] != "profile"]


def in_any_order(folder: Path, records: list[LogRecord]) -> list[Any]:
    """What comes out, which must be the same for each order, in one batch or many."""
    found = []
    for order in permutations(records):
        for one_by_one in (True, False):
            found.append([essence(state) for state in people(folder, list(order), one_by_one=one_by_one)])
    assert all(one == found[0] for one in found)
    return found[0]


def test_a_device_is_joined_with_who_signs_in_on_it_in_any_order(tmp_path: Path) -> None:
    records = [x(1, anonymous="d"), login("ann", "d"), x(2, user="ann"), x(3, anonymous="d")]
    (ann,) = in_any_order(tmp_path, records)
    assert ann == (profile_id("user_id", "ann"), [3], [("anonymous_id", "d"), ("user_id", "ann")])


def test_three_devices_become_one_person_in_any_order(tmp_path: Path) -> None:
    records = [x(1, anonymous="d1"), x(2, anonymous="d2"), login("ann", "d1"), login("ann", "d2")]
    (ann,) = in_any_order(tmp_path, records)
    assert ann[1] == [2]


def test_an_alias_joins_two_known_people_in_any_order(tmp_path: Path) -> None:
    records = [x(1, user="old"), alias("old", "new"), x(2, user="new"), x(3, user="old")]
    (one,) = in_any_order(tmp_path, records)
    assert one[0] == profile_id("user_id", "new")
    assert one[1] == [3]


def test_an_alias_of_a_device_joins_it_in_any_order(tmp_path: Path) -> None:
    records = [x(1, anonymous="d"), alias("d", "ann"), x(2, user="ann"), x(3, anonymous="d")]
    (ann,) = in_any_order(tmp_path, records)
    assert ann[1] == [3]


def test_a_chain_of_aliases_leads_to_its_end_in_any_order(tmp_path: Path) -> None:
    records = [x(1, user="a"), alias("a", "b"), alias("b", "c"), x(2, user="c")]
    (one,) = in_any_order(tmp_path, records)
    assert one[0] == profile_id("user_id", "c")
    assert one[1] == [2]


def test_aliases_in_a_circle_make_one_person(tmp_path: Path) -> None:
    records = [x(1, user="a"), x(2, user="b"), alias("a", "b"), alias("b", "a"), x(3, user="a"), x(4, user="b")]
    (one,) = people(tmp_path, records)
    assert one.values == [4]


def test_an_alias_to_oneself_says_nothing(tmp_path: Path) -> None:
    (one,) = people(tmp_path, [alias("ann", "ann"), x(1, user="ann")])
    assert one.identifiers == [("user_id", "ann")]


def test_a_shared_device_stays_with_its_first_person_and_joins_nobody(tmp_path: Path) -> None:
    records = [login("ann", "tablet"), login("bob", "tablet"), x(1, anonymous="tablet"), x(2, user="bob")]
    found = {state.identifiers[-1]: state.values for state in people(tmp_path, records)}
    assert found == {("user_id", "ann"): [1], ("user_id", "bob"): [1]}


def test_ids_that_look_alike_of_another_kind_are_other_people(tmp_path: Path) -> None:
    assert len(people(tmp_path, [x(1, user="7"), x(2, anonymous="7")])) == 2


@pytest.mark.parametrize("field", ["userId", "anonymousId", "previousId"])
def test_an_id_that_is_too_long_is_refused(field: str, tmp_path: Path) -> None:
    world = World(definitions(tmp_path))
    ids = {"userId": "u", "previousId": "p"} | {field: "x" * 201}
    body = call("alias", "m", START_US, **ids)
    world.take([body], 0)
    assert world.simulator.sink.counts == [0, 0, 1]
    assert world.simulator.sink.outcomes[0].reason.startswith("id_too_long: ")


def test_a_robot_makes_no_giant(tmp_path: Path) -> None:
    records = [login("robot", f"d{n}") for n in range(3 * MAX_IDENTIFIERS)]
    records += [x(n, anonymous=f"d{n}") for n in range(3 * MAX_IDENTIFIERS)]
    found = people(tmp_path, records, one_by_one=False)
    assert max(len(state.identifiers) for state in found) == MAX_IDENTIFIERS
    assert sum(state.values[0] or 0 for state in found) == 3 * MAX_IDENTIFIERS


@pytest.mark.parametrize("one_by_one", [True, False])
def test_however_long_a_chain_of_merges_nobody_is_torn_apart(one_by_one: bool, tmp_path: Path) -> None:
    world = World(definitions(tmp_path, traits=COUNT))
    chain = 2 * MAX_IDENTIFIERS
    records = [x(0, user="u0")]
    for n in range(chain):
        records += [x(n + 1, user=f"u{n + 1}"), alias(f"u{n}", f"u{n + 1}")]
    for group in [[record] for record in records] if one_by_one else [records]:
        world.take(group, 0)
    world.simulator.restart()
    world.take([x(9_999, user="u0")], 1)
    found = world.simulator.people()
    assert sum(state.values[0] for state in found) == chain + 2
    assert max(len(state.identifiers) for state in found) <= MAX_IDENTIFIERS
    first = world.person("u0")
    assert first.values[0] > 2  # her own next event went to where her earlier ones are
