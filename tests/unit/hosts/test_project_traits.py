"""The project role reads profiles of whatever layout the processor uses."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from tidings import workspace
from tidings.config import Config
from tidings.domain import profile as profiles
from tidings.hosts.project import computed_traits
from tidings.hosts.shelf import LAYOUTS, publish

RETAIL = Path(workspace.__file__).parent / "workspaces/retail"


def test_computed_traits_of_a_layout_with_more_slots_are_shown_once_it_is_published(tmp_path: Path) -> None:
    config = Config(data=tmp_path, workspace=tmp_path / "workspace")
    shutil.copytree(RETAIL, config.workspace)
    earlier = """
journey: abandoned_cart
entry: {event: Product Added}
steps:
  - id: check
    branch: {if: {did: {event: Never Seen Before, at_least: 7}}, then: exit, else: exit}
"""
    kept = workspace.load(RETAIL, earlier={"abandoned_cart@old": earlier}).layout
    now = workspace.load(RETAIL).layout
    assert kept.layout_id != now.layout_id
    state = profiles.new("p", kept.layout_id, len(kept.accumulators))
    slots = {name: reading.slots[0] for name, reading in kept.traits()}
    state.values[slots["revenue"]] = 12_500_000
    computed = computed_traits(config)
    assert computed(state) == {}
    publish(config.data / LAYOUTS, msgspec.json.encode(kept.known))
    assert computed(state)["revenue"] == 12.5
