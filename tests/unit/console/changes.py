"""Changes of definitions in a data directory of the console's tests: two that were made, one given up, one in the folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.unit.console.build import World
from tidings.clock import DAY_US, HOUR_US
from tidings.hosts.shelf import publish
from tidings.versions import files
from tidings.versions.in_force import STATUS, InForce, Prepared, Status, Switched
from tidings.versions.shelf import Entry, Versions


def edit(folder: Path, path: str, old: str, new: str) -> None:
    """Somebody changes a file of the workspace."""
    text = (folder / path).read_text("utf-8")
    assert old in text
    (folder / path).write_text(text.replace(old, new), "utf-8")


def made(world: World) -> Versions:
    """The history, and a folder that is ahead of it."""
    folder, now_us = world.config.workspace, world.clock.now_us()
    versions = Versions(world.config.data)
    versions.begin(folder, "anna", now_us - 30 * DAY_US)
    edit(folder, "segments.yml", "at_least: 1000", "at_least: 750")
    edit(folder, "segments.yml", "of 1,000 or more", "of 750 or more")
    _run(versions, folder, "anna", "reach the <b>good</b> ones earlier", now_us - 9 * DAY_US, offset=12)
    edit(folder, "journeys/abandoned_cart.yml", "timeout: 5m", "timeout: 1m")
    _note(versions, folder, "tom", "remind at once", now_us - 2 * DAY_US)
    edit(folder, "journeys/abandoned_cart.yml", "timeout: 1m", "timeout: 10m")
    edit(folder, "traits.yml", "cart:\n", "last_seen:\n  last: {event: Product Viewed}\ncart:\n")
    _run(versions, folder, "tom", "five minutes were too soon", now_us - HOUR_US, offset=40, entering=True)
    lapsed = "did_not: {event: [Order Completed, Product Purchased], within: "
    edit(folder, "segments.yml", f"{lapsed}90d", f"{lapsed}60d")
    edit(folder, "traits.yml", "# Computed traits:", "# All computed traits:")
    with (folder / "segments.yml").open("a") as file:
        file.write("keen:\n  rule: {trait: products_viewed, at_least: 3}\n")
    return versions


def _note(versions: Versions, folder: Path, who: str, why: str, at_us: int, *, entering: bool = False) -> str:
    version, parent = versions.keep(files.read(folder)), versions.running()
    versions.note(Entry(version=version, parent=parent, who=who, why=why, at_us=at_us, entering=entering))
    return version


def _run(
    versions: Versions, folder: Path, who: str, why: str, at_us: int, *, offset: int, entering: bool = False
) -> None:
    version = _note(versions, folder, who, why, at_us, entering=entering)
    versions.note_prepared(version, offset - 2)
    versions.note_running(version, offset)
    versions.set_running(version)


def prepared(world: World, versions: Versions) -> str:
    """The folder's change is being applied: the log has prepared it."""
    version = _note(versions, world.config.workspace, "anna", "who is keen", world.clock.now_us())
    versions.note_prepared(version, 50)
    coming = Prepared(version=version, offset=50, known_us=world.clock.now_us(), fresh=("one", "two"))
    say(world, InForce(running=versions.running(), since_offset=40, prepared=coming))
    return version


def switched(world: World, versions: Versions, version: str) -> None:
    """The log has switched to it, and a quarter of the people have come over."""
    versions.note_running(version, 52)
    versions.set_running(version)
    coming = Switched(
        offset=52,
        known_us=world.clock.now_us(),
        prepared_offset=50,
        fresh=("one", "two"),
        counting="",
        entering=False,
        swept="40000000",
    )
    say(world, InForce(running=version, since_offset=52, switched=coming))


def say(world: World, in_force: InForce) -> None:
    """What the process role says."""
    publish(world.config.data / "run" / STATUS, msgspec.json.encode(Status(in_force=in_force, offset=60)))
