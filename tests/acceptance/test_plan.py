"""`tidings plan` beside a running Tidings: what it says would happen is what `tidings apply` then makes happen."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.acceptance.installation import AFTER_SEGMENTS, AFTER_TRAITS, SEGMENTS, Here, with_history
from tests.unit.console.web import Visitor
from tidings import config as configuration
from tidings.config import CollectConfig, Config
from tidings.console.app import create_app
from tidings.errors import InputError
from tidings.hosts import plan as planning
from tidings.hosts.bounds import Bounds
from tidings.hosts.console import BOUNDS
from tidings.hosts.supervisor import free_ports
from tidings.versions.shelf import Versions


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    place = with_history(tmp_path_factory.mktemp("plan"))
    yield place
    place.supervisor.stop()


def test_a_plan_says_what_changes_and_for_whom(here: Here) -> None:
    plan = here.plan()
    how = {(one["kind"], one["name"]): one["how"] for one in plan["definitions"]}
    assert how == {
        ("trait", "orders"): "added",
        ("segment", "big"): "changed",
        ("segment", "quiet"): "added",
        ("segment", "lately"): "added",
        ("segment", "misspelt"): "added",
        ("segment", "by_place"): "added",
        ("journey", "miss_you"): "added",
    }
    effects = {one["segment"]: (one["before"], one["after"], one["enter"], one["leave"]) for one in plan["segments"]}
    assert effects == {
        "big": (1, 2, 1, 0),
        "quiet": (0, 1, 1, 0),
        "lately": (0, 2, 2, 0),  # bob was in it for three days, and is not any more
        "misspelt": (0, 0, 0, 0),
        "by_place": (0, 0, 0, 0),
    }
    touched = {one["journey"]: one["why"] for one in plan["journeys"]}
    later = next(one for one in planning.plan(here.config, here.after).journeys if one.journey == "later")
    assert later.words().endswith("what changed holds for them too")
    # `later` is written as before, and its branch asks for a segment that is not
    assert touched == {
        "miss_you": "journey miss_you added, segment quiet added",
        "later": "branch still_big asks something else now",
    }


def test_a_plan_counts_the_messages_of_the_next_day_under_both(here: Here) -> None:
    day = here.plan()["next_day"]
    assert day["before"] == [{"template": "hello", "send": 1, "refused": {}}]  # ann's wait of two hours
    # and cid becomes quiet within the hour, without an address
    (after,) = day["after"]
    assert (after["send"], sum(after["refused"].values())) == (1, 1)


def test_a_plan_names_what_never_occurred_and_what_comes_close(here: Here) -> None:
    needs = {(one["kind"], one["name"]): one["nearest"] for one in here.plan()["needs"]}
    assert needs == {("event", "Oder"): "Order", ("trait", "contry"): "country", ("consent", "news"): ""}


def test_a_plan_for_people_names_them(here: Here) -> None:
    code, out = here.run("plan", str(here.after))
    assert code == 0
    assert "+ trait orders" in out
    assert "did you mean 'Order'" in out
    assert "tidings apply --plan" in out
    assert re.search(
        r"quiet, enter: .*\bbob \([0-9a-f]{24}\)", out
    )  # who has no name and no address goes by the user id


def test_the_console_shows_the_effect_of_the_files_in_the_folder(here: Here) -> None:
    config = msgspec.structs.replace(here.config, workspace=here.after)
    visitor, page = Visitor(create_app(config, plan=lambda: planning.plan(config, config.workspace, BOUNDS))), ""
    deadline_s = time.monotonic() + 30
    while "tidings apply --plan" not in page:
        assert time.monotonic() < deadline_s, page
        time.sleep(0.1)
        page = visitor.get("/definitions").said
    plan = here.plan()
    for one in plan["segments"]:
        numbers = (f"{one[name]}</td>" for name in ("before", "after", "enter", "leave"))
        row = re.search(rf'data-segment="{one["segment"]}".*?</tr>', page, re.DOTALL)
        assert row, one
        assert all(number in row[0] for number in numbers)
    assert re.search(r'enter:</span> <a href="/people/[0-9a-f]{24}">bob</a>', page)
    sent = [f'data-message="{one["template"]}:"' for one in plan["next_day"]["after"]]
    assert all(one in page for one in sent)
    assert "did you mean 'Order'?" in page


def test_a_plan_beyond_its_bounds_is_refused(here: Here) -> None:
    with pytest.raises(InputError, match="wanted at most 2 here; ask the command"):
        planning.plan(here.config, here.after, Bounds(events=2))
    with pytest.raises(InputError, match=r"took longer than .* ask the command"):
        planning.plan(here.config, here.after, Bounds(limit_s=0.000_001))
    assert planning.plan(here.config, here.after, Bounds(people=1)).next_day.people == 1


def test_a_plan_counts_whom_a_schedule_would_enter(here: Here, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(here.before, other)
    text = 'journey: daily\nentry: {schedule: {at: "09:00", rule: {not: {did: {event: Nothing}}}}}\nsteps: [{id: s, send: {template: hello}}]\n'
    (other / "journeys" / "daily.yml").write_text(text)
    plan, before = planning.plan(here.config, other), planning.plan(here.config, here.before)
    (note,) = [one for one in plan.notes if "daily" in one and "next" in one]
    people = plan.next_day.people
    assert re.search(rf"next 20.*T09:00:00Z, .*; {people} people are meant then", note)
    decided = [sum(one.send + sum(one.refused.values()) for one in made.next_day.after) for made in (plan, before)]
    assert decided[0] == decided[1] + people


def test_a_plan_says_which_runs_could_not_go_on(here: Here, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(here.before, other)
    (other / "segments.yml").unlink()
    journey = (other / "journeys" / "later.yml").read_text()
    (other / "journeys" / "later.yml").write_text(re.sub(r".*still_big.*\n", "", journey))
    (note,) = [one for one in planning.plan(here.config, other).notes if "runs" in one]
    assert re.match("1 active runs of journey later@[0-9a-f]{12} end where they would go on: .*unknown segment", note)


@pytest.mark.parametrize(
    ("moves", "says"),
    [
        ("", "stay"),
        ('moves: {"*": {pause: longer}}', "go on at longer of the new version"),
        ('moves: {"*": {pause: exit}}', "leave"),
        ('moves: {"*": same}', "stay"),  # there is no such step any more
    ],
)
def test_a_plan_says_where_running_people_go(moves: str, says: str, here: Here, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(here.before, other)
    journey = (other / "journeys" / "later.yml").read_text()
    journey = journey.replace("{id: pause, wait: 2h}", "{id: longer, wait: 3h}").replace("steps:", f"{moves}\nsteps:")
    (other / "journeys" / "later.yml").write_text(journey)
    (touched,) = planning.plan(here.config, other).journeys
    (waiting,) = touched.waiting
    assert re.fullmatch(rf"1 at pause of [0-9a-f]{{12}}: {says}", waiting.words())
    assert touched.words().endswith("end on their version" if says == "stay" else "go where `moves` says")
    code, out = here.run("plan", str(other))
    assert code == 0
    assert waiting.words() in " ".join(out.split())


def test_a_plan_says_what_moves_nobody(here: Here, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(here.before, other)
    moves = 'moves: {"*": {pasue: mail}, 0a0a0a0a0a0a: {pause: mail}}\nsteps:'
    path = other / "journeys" / "later.yml"
    path.write_text(path.read_text().replace("steps:", moves))
    said = [one for one in planning.plan(here.config, other).notes if "moves" in one]
    assert said == [
        "journey later: moves names step pasue, which no earlier version has; did you mean pause?",
        "journey later: moves names version 0a0a0a0a0a0a, which it never had",
    ]


def test_a_plan_of_another_world_is_refused(here: Here, tmp_path: Path) -> None:
    plan = here.plan()["plan"]
    other = tmp_path / "other"
    shutil.copytree(here.after, other)
    (other / "segments.yml").write_text(AFTER_SEGMENTS.replace("50", "55"))
    code, out = here.run("apply", str(other), "--why", "no", "--plan", plan)
    assert (code, "the world has moved" in out) == (3, True)
    assert Versions(here.config.data).running() == Versions(here.config.data).first()


def test_what_was_planned_is_what_happens(here: Here) -> None:
    plan = here.plan()
    code, out = here.run("apply", str(here.after), "--why", "wanted", "--plan", plan["plan"], "--json")
    assert code == 0, out
    moved = {one["segment"]: (one["entered"], one["left"]) for one in msgspec.json.decode(out)["applied"]["segments"]}
    assert moved == {
        one["segment"]: (one["enter"], one["leave"]) for one in plan["segments"] if one["enter"] or one["leave"]
    }
    assert here.plan()["definitions"] == []
    code, again = here.run("apply", str(here.after), "--why", "again", "--plan", plan["plan"], "--json")
    assert (code, msgspec.json.decode(again)["applied"]["segments"]) == (
        0,
        msgspec.json.decode(out)["applied"]["segments"],
    )
    other = f"{plan['plan'].replace('-', '0-')}"
    assert here.run("apply", str(here.after), "--why", "again", "--plan", other)[0] == 3
    code, out = here.run("apply", str(here.after), "--why", "again")
    assert (code, "nothing to do" in out) == (0, True)


def test_drift_export_history_and_undo(here: Here, tmp_path: Path) -> None:
    code, out = here.run("drift")
    assert (code, "differ from what runs" in out) == (1, True)
    assert here.run("drift", str(here.after))[0] == 0
    assert here.run("export", str(tmp_path / "out"))[0] == 0
    assert (tmp_path / "out" / "traits.yml").read_text() == AFTER_TRAITS
    assert here.run("export", str(tmp_path / "out"))[0] == 2
    versions = Versions(here.config.data)
    first, second = versions.first(), versions.running()
    assert "+orders" in here.run("history", "--diff", first, second)[1]
    assert "-orders" in here.run("history", "--diff", second, first)[1]
    assert (
        here.run("history", "--diff")
        == here.run("history", "--diff", first)
        == here.run("history", "--diff", first, second)
    )
    assert "are named with --diff only" in here.run("history", first)[1]
    assert here.run("history", "--diff", first, second, first)[0] == 2
    assert here.run("undo", "--why", "not liked")[0] == 0
    assert "-orders" in here.run("history", "--diff")[1]
    assert versions.running() == first
    entries = [(one.version, one.why, one.state) for one in versions.history()]
    assert entries == [
        (first, "first version", "replaced"),
        (second, "wanted", "replaced"),
        (first, "not liked", "running"),
    ]
    assert "not liked" in here.run("history")[1]


def test_without_a_running_tidings_apply_says_so(tmp_path: Path) -> None:
    collect = CollectConfig(port=free_ports(1)[0])
    configuration.save(Config(data=tmp_path / "data", workspace=tmp_path, collect=collect), tmp_path / "tidings.toml")
    (tmp_path / "segments.yml").write_text(SEGMENTS)
    command = [sys.executable, "-m", "tidings.cli", "apply", str(tmp_path), "--why", "x", "--config"]
    done = subprocess.run([*command, str(tmp_path / "tidings.toml")], capture_output=True, text=True, check=False)
    assert (done.returncode, "tidings serve" in done.stderr) == (2, True)


def test_the_collector_of_another_data_directory_is_told_from_ours(here: Here, tmp_path: Path) -> None:
    config = Config(data=tmp_path / "data", workspace=here.after, collect=here.config.collect)
    configuration.save(config, tmp_path / "tidings.toml")
    command = [sys.executable, "-m", "tidings.cli", "apply", "--why", "x", "--config", str(tmp_path / "tidings.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "runs on another data directory" in done.stderr) == (2, True)
