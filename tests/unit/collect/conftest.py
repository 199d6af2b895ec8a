"""One collector for a whole test file; tests look at what they added to its log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.collect.collector import Collector


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    running = Collector(tmp_path_factory.mktemp("collector"))
    yield running
    assert running.end() == 0
    assert running.errors() == "", "nothing that a client does may surprise the collector"
