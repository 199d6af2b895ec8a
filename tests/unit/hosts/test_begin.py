"""Who is meant when a run is begun for an address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.installation import write
from tests.unit.console.build import World
from tidings.clock import parse_instant
from tidings.errors import InputError
from tidings.hosts.begin import by_address
from tidings.testing.histories import call

AT_US = parse_instant("2026-03-01")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, AT_US, write(tmp_path / "source", policy_yml="marketing: {consent: not_needed}\n"))
    for number, (who, email) in enumerate(
        [
            ({"user": "ann", "anonymous": "phone"}, "ann@x.example"),
            ({"anonymous": "tablet"}, "bob@x.example"),
            ({"user": "cid"}, "both@x.example"),
            ({"user": "dan"}, "both@x.example"),
        ]
    ):
        made.log.append([call("identify", f"i{number}", AT_US, traits={"email": email}, **who)])
    made.run()
    yield made
    made.close()


def test_an_address_means_whom_it_belongs_to(world: World) -> None:
    assert by_address(world.config, "ann@x.example") == {"userId": "ann"}
    assert by_address(world.config, "bob@x.example") == {"anonymousId": "tablet"}


@pytest.mark.parametrize(("address", "says"), [("both@x.example", "several people"), ("eve@x.example", "nobody")])
def test_an_address_of_nobody_or_of_several_means_nobody(world: World, address: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        by_address(world.config, address)
