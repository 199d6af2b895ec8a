"""A busy data directory and a console over it, made once for all tests that only look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.console.build import NOW_US, World, busy
from tests.unit.console.web import Visitor
from tidings.clock import ManualClock
from tidings.console.app import create_app


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = busy(tmp_path_factory.mktemp("console"))
    yield built
    built.close()


@pytest.fixture
def console(world: World) -> Visitor:
    """Somebody who looks at it, half a minute after the last event."""
    return Visitor(create_app(world.config, clock=ManualClock(NOW_US)))
