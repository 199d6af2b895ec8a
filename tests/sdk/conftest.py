"""What the SDK tests share: one collector for all of them, a browser, and the Node packages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.sdk.door import Door, open_door
from tests.sdk.pages import Site
from tests.sdk.tools import install_packages, open_chromium


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("collector")) as door:
        yield door


@pytest.fixture
def door(collector: Door) -> Door:
    collector.begin()
    return collector


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The unmodified SDKs from npm, as `tests/sdk/node/package-lock.json` pins them."""
    return install_packages(Path(__file__).parent / "node")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()
