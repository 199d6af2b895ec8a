"""Versions in the data directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tidings.clock import SystemClock
from tidings.config import Config
from tidings.errors import CorruptData
from tidings.hosts.check import check_installation
from tidings.versions.shelf import Versions

FILES = {"traits.yml": b"n: {count: {event: A}}", "journeys/a.yml": b"journey: a"}


def test_a_version_is_what_its_name_says(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    version = versions.keep(FILES)
    assert versions.whole(version) == versions.folder(version)
    (versions.folder(version) / "traits.yml").write_bytes(b"n: {count: {event: B}}")
    with pytest.raises(
        CorruptData, match=f"version {version} of the definitions is altered; got .*restore definitions/"
    ):
        versions.whole(version)


def test_a_version_that_is_lost_is_named_and_comes_back_by_keeping_it_again(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    version = versions.keep(FILES)
    shutil.rmtree(versions.folder(version))
    with pytest.raises(CorruptData, match=f"version {version} of the definitions is lost; got no such folder"):
        versions.whole(version)
    assert versions.keep(FILES) == version
    versions.whole(version)


def test_the_doctor_misses_a_version_that_ran(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "data", workspace=tmp_path / "workspace")
    config.workspace.mkdir()
    versions = Versions(config.data)
    version = versions.begin(config.workspace, "ann", SystemClock().now_us())
    assert [one for one in said(config) if "as in the folder" in one] == [
        f"ok definitions: version {version} runs, as in the folder"
    ]
    shutil.rmtree(versions.folder(version))
    (found,) = [one for one in said(config) if one.startswith("wrong definitions: ")]
    assert f"version {version} of the definitions is lost" in found


def said(config: Config) -> list[str]:
    return [f"{one.level} {one.text}" for one in check_installation(config)]
