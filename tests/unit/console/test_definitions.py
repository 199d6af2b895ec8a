"""The console's page of definitions: what runs, what the folder would change, how far a change is, and the history."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import msgspec
import pytest

from tests.unit.console import changes
from tests.unit.console.build import NOW_US, World
from tests.unit.console.test_console_pages import words
from tests.unit.console.web import Answer, Visitor
from tidings.clock import ManualClock
from tidings.console.app import create_app
from tidings.console.show import MINUS
from tidings.errors import InputError
from tidings.hosts.apply import plan_id
from tidings.versions import files
from tidings.versions.changed import changed
from tidings.versions.effect import SegmentEffect
from tidings.versions.needs import Need
from tidings.versions.planned import Messages, NextDay, Person, Plan, Touched
from tidings.versions.shelf import Versions


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Some people, and nothing of the shared one, as its files change here."""
    made = World(tmp_path, NOW_US)
    for name in ("Anna", "Tom", "Maja"):
        made.tell("identify", {"userId": name.lower()}, traits={"name": name, "email": f"{name.lower()}@example.com"})
    for number in range(50):
        made.track({"userId": "anna"}, f"Step {number}")
    made.run()
    yield made
    made.close()


def looked_at(world: World, plan: Callable[[], Plan] | None = None, path: str = "/definitions") -> Answer:
    return Visitor(create_app(world.config, clock=ManualClock(NOW_US), plan=plan)).get(path)


def people(world: World) -> list[Person]:
    with closing(connect(world.config.data / "serving.db")) as db:
        rows = db.execute("SELECT profile_id, name, email FROM people WHERE name IS NOT NULL ORDER BY name").fetchall()
    return [Person(profile_id=one, name=name, email=email or "") for one, name, email in rows]


def planned(world: World, versions: Versions) -> Plan:
    """A plan as hosts/plan.py would make it from the folder and a richer history."""
    running, folder = versions.running(), world.config.workspace
    before, after = files.read(versions.folder(running)), files.read(folder)
    known = people(world)[:3]
    ids = [one.profile_id for one in known]
    day = {"template": "abandoned_cart", "refused": {"no_consent": 3}}
    return Plan(
        plan=plan_id(running, files.version_of(after), 60),
        running=running,
        version=files.version_of(after),
        offset=60,
        at_us=world.clock.now_us(),
        definitions=changed(before, after),
        segments=[
            SegmentEffect(segment="lapsed_90d", before=5, after=9, enter=4, leave=0, entering=ids[:2], leaving=[]),
            SegmentEffect(segment="keen", before=0, after=3, enter=3, leave=0, entering=ids, leaving=[]),
            SegmentEffect(segment="high_value", before=8, after=7, enter=0, leave=1, entering=[], leaving=ids[:1]),
        ],
        people={one.profile_id: one for one in known},
        journeys=[Touched(journey="abandoned_cart", why="journey abandoned_cart changed", runs={"0a1b2c3d4e5f": 2})],
        next_day=NextDay(
            people=14,
            cut=False,
            before=[Messages(send=2, **day)],
            after=[Messages(send=5, **day), Messages(template="winback", send=4, refused={})],
        ),
        needs=[Need(kind="event", name="Prodct Viewed", where="segment keen", nearest="Product Viewed")],
        notes=[],
    )


def when_found(visitor: Visitor) -> Answer:
    """The page once the effect is computed."""
    for _ in range(200):
        page = visitor.get("/definitions")
        if 'id="computing"' not in page.text:
            return page
        time.sleep(0.02)
    raise AssertionError("it is computed for ever")


def test_before_anything_runs_the_page_says_what_would(tmp_path: Path, world: World) -> None:
    page = looked_at(world)
    assert "Nothing runs yet" in words(page)
    assert not (world.config.data / "definitions").exists()


def test_what_runs_says_since_when_by_whom_and_why(world: World) -> None:
    versions = changes.made(world)
    page = looked_at(world)
    runs = words_of(page, "runs")
    assert versions.running() in runs
    assert "By tom" in runs
    assert "Why five minutes were too soon" in runs
    assert "Traits 17 Segments 12 Journeys 3" in runs
    assert "event 40 , entering started journeys" in runs
    taken_us = world.log.read(40, 1)[0].taken_us
    assert f'data-us="{taken_us}"' in section(page, "runs")  # the switch's own record says since when


def test_the_history_is_newest_first_with_a_diff_of_each(world: World) -> None:
    changes.made(world)
    page = looked_at(world)
    history = words_of(page, "history")
    whys = ["five minutes were too soon", "remind at once", "reach the <b>good</b> ones earlier", "first version"]
    places = [history.index(why) for why in whys]
    assert places == sorted(places)
    assert "<b>good</b>" not in page.text  # what people write is text
    assert "Given up" in history
    assert "- timeout: 5m" in history
    assert "+ timeout: 10m" in history
    assert "+ at_least: 750" in history
    assert "What this data directory began with." in history


def test_the_history_goes_on_on_the_next_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.console.versions.PAGE", 3)
    changes.made(world)
    first, second = looked_at(world), looked_at(world, path="/definitions?skip=3")
    assert [len(re.findall("<li data-version", page.text)) for page in (first, second)] == [3, 1]
    assert "?skip=3" in first.text
    assert "?skip=0" in second.text


def test_the_folder_shows_what_means_something_else(world: World) -> None:
    changes.made(world)
    folder = words_of(looked_at(world), "folder")
    assert "differs from what runs" in folder
    for shown in ("segment lapsed_90d changed", "segment keen added", "- within: 90d", "+ within: 60d"):
        assert shown in folder
    assert "All computed traits" not in folder  # a comment


def test_a_folder_as_what_runs_says_so_and_one_that_differs_in_comments_too(world: World) -> None:
    versions = Versions(world.config.data)
    versions.begin(world.config.workspace, "anna", NOW_US)
    assert "same as what runs" in words_of(looked_at(world), "folder")
    changes.edit(world.config.workspace, "traits.yml", "# Computed traits:", "# All computed traits:")
    folder = words_of(looked_at(world), "folder")
    assert "No definition means anything else" in folder
    assert "+# All computed traits:" in folder


def test_a_mistake_in_the_folder_is_shown_and_what_runs_goes_on(world: World) -> None:
    changes.made(world)
    (world.config.workspace / "segments.yml").write_text("odd: {rule: {trait: nobody_knows, at_least: 1}\n")
    page = looked_at(world, plan=lambda: planned(world, Versions(world.config.data)))
    assert "The workspace has a mistake. segments.yml" in words_of(page, "folder")
    assert "five minutes were too soon" in words_of(page, "runs")
    assert 'id="effect"' not in page.text
    shutil.rmtree(world.config.workspace)
    assert "no such workspace folder" in words_of(looked_at(world), "folder")


def test_a_version_that_is_lost_is_named_in_the_history(world: World) -> None:
    versions = changes.made(world)
    shutil.rmtree(versions.folder(versions.first()))
    assert "no such version of the definitions" in words_of(looked_at(world), "history")


def test_the_effect_on_people_is_computed_once_and_shown(world: World) -> None:
    versions = changes.made(world)
    asked = []
    go = threading.Event()

    def plan() -> Plan:
        asked.append(1)
        assert go.wait(10)
        return planned(world, versions)

    visitor = Visitor(create_app(world.config, clock=ManualClock(NOW_US), plan=plan))
    page = visitor.get("/definitions")
    assert "Is computed on your real history" in words_of(page, "folder")
    assert 'http-equiv="refresh"' in page.text
    go.set()
    page = when_found(visitor)
    assert 'http-equiv="refresh"' not in page.text
    text = words_of(page, "folder")
    for shown in (
        "lapsed_90d",
        "5 9 +4 0",
        f"8 7 0 {MINUS}1",
        "Anna",
        "and 2 more",
        "abandoned_cart sent 2 5",
        "winback sent 0 4",
    ):
        assert shown in text
    assert "abandoned_cart not sent: no consent 3 3" in text
    assert "did you mean 'Product Viewed'?" in text
    assert f"tidings apply --plan {planned(world, versions).plan}" in text
    when_found(visitor)
    assert asked == [1]
    changes.edit(world.config.workspace, "segments.yml", "within: 60d", "within: 61d")
    when_found(visitor)
    assert asked == [1, 1]  # another change, another effect


def test_an_effect_that_is_old_is_computed_again_and_shown_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = changes.made(world)
    first, second = planned(world, versions), msgspec.structs.replace(planned(world, versions), plan="another-61")
    plans = iter([first, second, second])
    visitor = Visitor(create_app(world.config, clock=ManualClock(NOW_US), plan=lambda: next(plans)))
    assert first.plan in when_found(visitor).text
    visitor.app.state.site.effects.keep_s = 0.0
    assert first.plan in visitor.get("/definitions").text
    visitor.app.state.site.effects.keep_s = 60.0
    until(lambda: "another-61" in visitor.get("/definitions").text)


def test_an_effect_that_is_too_much_for_a_page_names_the_command(world: World) -> None:
    changes.made(world)

    def plan() -> Plan:
        raise InputError("history of 12,000,000 events; wanted at most 1,000,000 here")

    text = words_of(when_found(Visitor(create_app(world.config, plan=plan))), "folder")
    assert "Not shown here: history of 12,000,000 events" in text
    assert "tidings plan" in text
    assert "it is not computed here" in words_of(looked_at(world), "folder")


def test_a_change_under_way_shows_how_far_it_is(world: World) -> None:
    versions = changes.made(world)
    version = changes.prepared(world, versions)
    page = looked_at(world)
    text = words_of(page, "change")
    assert f"to {version} , by anna: who is keen" in text
    assert "at offset 50 of the log" in text
    assert stages(page) == ["done", "now", "later", "later"]
    assert 'http-equiv="refresh"' in page.text
    changes.switched(world, versions, version)
    page = looked_at(world)
    assert stages(page) == ["done", "done", "done", "now"]
    assert "25 %" in words_of(page, "change")
    changes.say(world, changes.InForce(running=version, since_offset=52))
    page = looked_at(world)
    assert 'id="change"' not in page.text
    assert "same as what runs" in words_of(page, "folder")


def stages(page: Answer) -> list[str]:
    return re.findall(r'<li class="(done|now|later)"', page.text)


def section(page: Answer, name: str) -> str:
    found = re.search(rf'<section[^>]*id="{name}".*?</section>', page.text, re.DOTALL)
    assert found, name
    return found[0]


def words_of(page: Answer, name: str) -> str:
    """What a reader sees of one section."""
    return words(Answer(page.status, page.headers, section(page, name).encode(), []))


def until(what: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
