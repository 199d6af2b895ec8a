"""`tidings plan` beside a running Tidings: what it says would happen is what `tidings apply` then makes happen."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidings import config as configuration
from tidings.clock import DAY_US, HOUR_US, SystemClock, iso
from tidings.config import CollectConfig, Config
from tidings.hosts import shelf
from tidings.hosts.supervisor import Supervisor, free_ports
from tidings.log.sqlite import SqliteLog
from tidings.versions.shelf import Versions

TRAITS = "spent: {sum: {event: Order, property: revenue}}\n"
SEGMENTS = "big: {rule: {trait: spent, at_least: 100}}\n"
POLICY = "marketing: {consent: not_needed}\nnews: {consent: required}\n"
WAIT = """journey: later
entry: {event: Go}
steps:
  - {id: pause, wait: 2h}
  - {id: mail, send: {template: hello, category: marketing}}
"""
MISS_YOU = """journey: miss_you
entry: {segment: quiet}
steps:
  - {id: mail, send: {template: hello, category: news}}
"""
TEMPLATE = """---
subject: Hello
---
<mjml><mj-head><mj-title>Hello</mj-title></mj-head><mj-body><mj-section><mj-column>
<mj-text>Hello {{ person.email }}</mj-text></mj-column></mj-section></mj-body></mjml>
"""
AFTER_TRAITS = TRAITS + "orders: {count: {event: Order}}\n"
AFTER_SEGMENTS = """
big: {rule: {trait: spent, at_least: 50}}
quiet: {rule: {all: [{trait: orders, at_least: 1}, {did_not: {event: Order, within: 3d}}]}}
misspelt: {rule: {did: {event: Oder}}}
by_place: {rule: {trait: contry, equals: GB}}
"""


def write(folder: Path, **files: str) -> Path:
    for path, text in files.items():
        target = folder / path.replace("__", "/").replace("_yml", ".yml").replace("_mjml", ".mjml")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


class Here:
    """One installation, with a small history."""

    def __init__(self, folder: Path) -> None:
        common = {"policy_yml": POLICY, "journeys__later_yml": WAIT, "templates__hello_mjml": TEMPLATE}
        self.before = write(folder / "workspace", traits_yml=TRAITS, segments_yml=SEGMENTS, **common)
        self.after = write(
            folder / "after",
            traits_yml=AFTER_TRAITS,
            segments_yml=AFTER_SEGMENTS,
            journeys__miss_you_yml=MISS_YOU,
            **common,
        )
        (port,) = free_ports(1)
        self.config = Config(
            data=folder / "data",
            workspace=self.before,
            collect=CollectConfig(port=port, write_keys={"wk": "web"}),
            lake_flush_s=0.1,
        )
        self.toml = folder / "tidings.toml"
        configuration.save(self.config, self.toml)
        self.supervisor = Supervisor(self.config, ["collect", "process", "project"])
        self.supervisor.start()

    def post(self, *events: dict[str, Any]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.config.collect.port, timeout=10)
        headers = {"Authorization": "Basic " + b64encode(b"wk:").decode(), "Content-Type": "application/json"}
        connection.request("POST", "/v1/batch", msgspec.json.encode({"batch": events}), headers)
        assert connection.getresponse().read()
        connection.close()
        self.settle()

    def settle(self) -> None:
        log = SqliteLog(self.config.data / "log.db", SystemClock())
        deadline = time.monotonic() + 30
        while shelf.lake_offset(self.config.data) < log.head():
            assert time.monotonic() < deadline
            self.supervisor.watch(0.05)
        log.close()

    def run(self, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "tidings.cli", *arguments, "--config", str(self.toml)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def plan(self) -> dict[str, Any]:
        code, out = self.run("plan", str(self.after), "--json")
        assert code == 0, out
        found: dict[str, Any] = msgspec.json.decode(out)
        return found


def order(user: str, revenue: float, ago_us: int) -> dict[str, Any]:
    at = iso(SystemClock().now_us() - ago_us)
    return {"type": "track", "event": "Order", "userId": user, "timestamp": at, "messageId": f"{user}-{ago_us}",
            "properties": {"revenue": revenue}}  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    place = Here(tmp_path_factory.mktemp("plan"))
    ann = {
        "type": "identify",
        "userId": "ann",
        "messageId": "ann-i",
        "traits": {"email": "ann@x.example", "country": "GB"},
    }
    go = {"type": "track", "event": "Go", "userId": "ann", "messageId": "ann-go"}
    place.post(ann, go, order("ann", 120, DAY_US), order("bob", 60, 5 * DAY_US), order("cid", 10, 3 * DAY_US - HOUR_US))
    yield place
    place.supervisor.stop()


def test_a_plan_says_what_changes_and_for_whom(here: Here) -> None:
    plan = here.plan()
    how = {(one["kind"], one["name"]): one["how"] for one in plan["definitions"]}
    assert how == {
        ("trait", "orders"): "added",
        ("segment", "big"): "changed",
        ("segment", "quiet"): "added",
        ("segment", "misspelt"): "added",
        ("segment", "by_place"): "added",
        ("journey", "miss_you"): "added",
    }
    effects = {one["segment"]: (one["before"], one["after"], one["enter"], one["leave"]) for one in plan["segments"]}
    assert effects == {"big": (1, 2, 1, 0), "quiet": (0, 1, 1, 0), "misspelt": (0, 0, 0, 0), "by_place": (0, 0, 0, 0)}
    assert [one["journey"] for one in plan["journeys"]] == ["miss_you"]


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
    code, out = here.run("apply", str(here.after), "--why", "again", "--plan", plan["plan"])
    assert code == 3  # it runs already: the plan is from another version
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
    assert here.run("undo", "--why", "not liked")[0] == 0
    assert versions.running() == first
    entries = [(one.version, one.why, one.state) for one in versions.history()]
    assert entries == [
        (first, "first version", "replaced"),
        (second, "wanted", "replaced"),
        (first, "not liked", "running"),
    ]
    assert "not liked" in here.run("history")[1]


def test_without_a_running_tidings_apply_says_so(tmp_path: Path) -> None:
    configuration.save(Config(data=tmp_path / "data", workspace=tmp_path), tmp_path / "tidings.toml")
    (tmp_path / "segments.yml").write_text(SEGMENTS)
    command = [sys.executable, "-m", "tidings.cli", "apply", str(tmp_path), "--why", "x", "--config"]
    done = subprocess.run([*command, str(tmp_path / "tidings.toml")], capture_output=True, text=True, check=False)
    assert (done.returncode, "tidings serve" in done.stderr) == (2, True)
