"""Definitions applied to a Tidings under load, while the processor and the command itself are killed; and the log replayed after.

What must hold: everybody ends with the values that the new definitions would have given from the beginning, who is in a
segment is whom SQL finds in the lake, and a rebuild from the log alone puts out the same facts again, byte for byte.
"""

from __future__ import annotations

import http.client
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidings import config as configuration
from tidings import workspace
from tidings.clock import DAY_US, SystemClock, iso
from tidings.config import CollectConfig, Config
from tidings.domain import profile as profiles
from tidings.domain.control import is_change
from tidings.domain.profile import ProfileState
from tidings.domain.sql import LAKE, Query
from tidings.hosts import shelf
from tidings.hosts.simulator import Simulator
from tidings.hosts.supervisor import Supervisor, free_ports
from tidings.lake import query
from tidings.lake.duck import run
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs
from tidings.process import profile
from tidings.state.base import moved_to
from tidings.state.rocks import RocksState
from tidings.versions.in_force import status
from tidings.versions.shelf import Versions

SEED = 7
PEOPLE = 60
LOAD_S = 12.0
ROLES = ["collect", "process", "project"]

TRAITS = "spent: {sum: {event: Order, property: revenue}}\n"
SEGMENTS = "big: {rule: {trait: spent, at_least: 100}}\n"
MORE_TRAITS = """
orders: {count: {event: Order}}
last_seen: {last: {event: [Seen, Order], property: page}}
kinds: {distinct: {event: Seen, property: page}}
favourite: {top: {event: Seen, property: page}}
"""
MORE_SEGMENTS = """
lookers: {rule: {all: [{did: {event: Seen, at_least: 3, within: 20d}}, {did_not: {event: Order, within: 2d}}]}}
loyal: {rule: {trait: orders, at_least: 3}}
"""


def write(folder: Path, traits: str, segments: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "traits.yml").write_text(traits)
    (folder / "segments.yml").write_text(segments)
    return folder


class Place:
    """One installation."""

    def __init__(self, folder: Path) -> None:
        self.before = write(folder / "workspace", TRAITS, SEGMENTS)
        self.after = write(folder / "after", TRAITS + MORE_TRAITS, SEGMENTS.replace("100", "150") + MORE_SEGMENTS)
        (port,) = free_ports(1)
        self.config = Config(
            data=folder / "data",
            workspace=self.before,
            collect=CollectConfig(port=port, write_keys={"wk": "web"}),
            lake_flush_s=0.2,
        )
        self.toml = folder / "tidings.toml"
        configuration.save(self.config, self.toml)

    def tidings(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tidings.cli", *arguments, "--config", str(self.toml)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def do(self, supervisor: Supervisor, *arguments: str) -> str:
        """One command to its end, which must be good."""
        process = self.tidings(*arguments)
        while process.poll() is None:
            supervisor.watch(0.05)
        out = process.communicate()[0].decode()
        assert process.returncode == 0, out
        return out

    def post(self, event: dict[str, Any]) -> None:
        body = msgspec.json.encode({"batch": [event]})
        headers = {"Authorization": "Basic " + b64encode(b"wk:").decode(), "Content-Type": "application/json"}
        for _ in range(200):
            connection = http.client.HTTPConnection("127.0.0.1", self.config.collect.port, timeout=5)
            try:
                connection.request("POST", "/v1/batch", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        raise AssertionError("the door stays shut")


def story(rng: random.Random, event_id: str) -> dict[str, Any]:
    """One call of a person who comes as a stranger, on two devices, late now and then."""
    who = rng.randrange(PEOPLE)
    device = {"anonymousId": f"device-{who}-{rng.randrange(2)}-of-somebody"}
    ids: dict[str, str] = rng.choice([device, device, {**device, "userId": f"u{who}"}, {"userId": f"u{who}"}])
    at_us = SystemClock().now_us() - rng.choice([0, 0, 0, 1, 3, 30]) * DAY_US
    event = {"type": "track", "messageId": event_id, "timestamp": iso(at_us), **ids}
    properties = {"page": f"p{rng.randrange(20)}", "revenue": rng.choice([5, 12.5, 40])}
    return {**event, "event": rng.choice(["Seen", "Seen", "Order"]), "properties": properties}


@contextmanager
def under_load(place: Place, name: str) -> Iterator[None]:
    """Events keep coming, under ids with this name."""
    over, rng = threading.Event(), random.Random(SEED)

    def load() -> None:
        number = 0
        while not over.is_set():
            place.post(story(rng, f"{name}-{number}"))
            number += 1
            time.sleep(0.002)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def wait(supervisor: Supervisor, seconds: float) -> None:
    """Roles that die are started by this thread: they end when it does."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        supervisor.watch(0.02)


def settle(place: Place, supervisor: Supervisor) -> None:
    """Until all that was taken is processed, in the lake and shown, and everybody has come over."""
    log = SqliteLog(place.config.data / "log.db", SystemClock())
    deadline = time.monotonic() + 90
    calm = 0
    while calm < 10:
        assert time.monotonic() < deadline, (log.head(), log.processed(), status(place.config.data))
        supervisor.watch(0.1)
        now = status(place.config.data)
        behind = shelf.lake_offset(place.config.data) < log.head() or log.processed() < log.head()
        calm = 0 if behind or now is None or now.in_force.switched or now.in_force.prepared else calm + 1
    log.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Applied under load and kills; all roles ended."""
    here = Place(tmp_path_factory.mktemp("apply"))
    rng = random.Random(SEED)
    supervisor = Supervisor(here.config, ROLES)
    forget_nothing(here.config)
    supervisor.start()
    try:
        with under_load(here, "first"):
            wait(supervisor, LOAD_S / 3)
            for pause_s in (0.5, 0.7, 0.9, 1.2):
                command = here.tidings("apply", str(here.after), "--why", "a test")
                wait(supervisor, pause_s)
                supervisor.roles["process"].kill(signal.SIGKILL)
                wait(supervisor, rng.uniform(0, 0.2))
                os.kill(command.pid, signal.SIGKILL)
                command.communicate()
            here.do(supervisor, "apply", str(here.after), "--why", "a test")
            wait(supervisor, LOAD_S / 3)
        settle(here, supervisor)
    finally:
        supervisor.stop()
    return here


def forget_nothing(config: Config) -> None:
    """Blocks of outputs that the project role lets go of stay aside, so that all that was ever put out can be compared."""
    SqliteOutputs(config.data / "outputs.db").close()
    with closing(sqlite3.connect(config.data / "outputs.db")) as db:
        db.execute("CREATE TABLE forgotten AS SELECT * FROM blocks")
        keep = "INSERT INTO forgotten VALUES (old.seq, old.upto_offset, old.block)"
        db.execute(f"CREATE TRIGGER keep DELETE ON blocks BEGIN {keep}; END")
        db.commit()


def facts(config: Config, whole: Path) -> dict[str, list[bytes]]:
    """Every fact that was ever put out, as bytes, by the profile that it names, in order; by way of a `whole` file."""
    with closing(sqlite3.connect(config.data / "outputs.db")) as db:
        db.execute("VACUUM INTO ?", (str(whole),))
    with closing(sqlite3.connect(whole)) as db:
        db.execute("INSERT INTO blocks SELECT * FROM forgotten WHERE seq NOT IN (SELECT seq FROM blocks)")
        db.commit()
    outputs, found, seq = SqliteOutputs(whole), dict[str, list[bytes]](), 0
    while blocks := outputs.read(seq, 1_000):
        for block in blocks:
            assert block.seq == seq + 1
            seq = block.seq
            for fact in block.facts:
                found.setdefault(fact.profile_id, []).append(msgspec.msgpack.encode(fact))
    outputs.close()
    return found


def states(config: Config) -> dict[str, ProfileState]:
    store = RocksState(config.data / "state", config.process.dedup_window_s * 1_000_000)
    rows = store.scan("", 1_000_000)
    store.close()
    return {one: profiles.decode(raw) for one, raw in rows if not moved_to(raw)}


def essence(state: ProfileState, layout: Any, at_us: int) -> Any:
    values = dict(zip(layout.known[state.layout], state.values, strict=True))
    shown = profile.computed(state, layout, at_us)
    return msgspec.json.encode([state.events, values, shown, sorted(state.segments)], order="sorted")


def test_the_new_definitions_run_and_everybody_follows_them(place: Place) -> None:
    versions = Versions(place.config.data)
    assert [one.state for one in versions.history()][-1] == "running"
    assert versions.history()[-1].version == versions.running()
    assert len({state.layout for state in states(place.config).values()}) == 1
    assert not list(versions.backfills.glob("*"))


def test_values_and_members_are_those_of_the_new_definitions_from_the_beginning(place: Place) -> None:
    log = SqliteLog(place.config.data / "log.db", SystemClock())
    definitions = workspace.load(place.after)
    fresh = Simulator(definitions)
    for block in log.read(0, 10_000_000):
        records = [record for record in block.records if not is_change(record)]
        if records:
            fresh.take(records, block.taken_us)
    log.close()
    end_us = SystemClock().now_us()
    fresh.advance_to(fresh.clock.now_us() + 1)
    expected = {one.profile_id: essence(one, definitions.layout, end_us) for one in fresh.people()}
    found = {who: essence(one, definitions.layout, end_us) for who, one in states(place.config).items()}
    assert len(found) > PEOPLE / 2
    assert found == expected


def test_members_are_whom_sql_finds_in_the_lake(place: Place) -> None:
    at_us = SystemClock().now_us()
    with closing(query.connect(place.config.data)) as lake:
        for one in workspace.load(place.after).segments.all():
            asked = Query(at_us, at_us)
            found = {row[0] for row in run(lake, asked.statement(LAKE, one.rule.sql(asked)))}
            assert found == {who for who, state in states(place.config).items() if one.name in state.segments}


def test_a_rebuild_from_the_log_alone_puts_out_the_same_facts_byte_for_byte(place: Place, tmp_path: Path) -> None:
    people, told = states(place.config), facts(place.config, tmp_path / "first.db")
    seen = [fact for told_of in told.values() for fact in decoded(told_of)]
    assert {"profile_merged", "segment_entered", "segment_left"} <= {fact[0] for fact in seen}
    assert any(fact[5].startswith("definitions:") for fact in seen)
    data = place.config.data
    for name in ("state", "lake"):
        shutil.rmtree(data / name)
    for path in [*data.glob("outputs.db*"), *data.glob("serving.db*")]:
        path.unlink()
    supervisor = Supervisor(place.config, ROLES)
    forget_nothing(place.config)
    supervisor.start()
    try:
        settle(place, supervisor)
    finally:
        supervisor.stop()
    again, told_again = states(place.config), facts(place.config, tmp_path / "again.db")
    different = [who for who in {*told, *told_again} if told.get(who) != told_again.get(who)]
    assert [(decoded(told.get(who)), decoded(told_again.get(who))) for who in different] == []
    assert {who: (one.values, one.segments) for who, one in again.items()} == {
        who: (one.values, one.segments) for who, one in people.items()
    }


def decoded(facts: list[bytes] | None) -> list[Any]:
    return [msgspec.msgpack.decode(one) for one in facts or []]


def test_going_back_and_forward_again(place: Place) -> None:
    supervisor = Supervisor(place.config, ROLES)
    supervisor.start()
    try:
        with under_load(place, "again"):
            first = Versions(place.config.data).first()
            place.do(supervisor, "undo")
            assert Versions(place.config.data).running() == first
            assert "same" in place.do(supervisor, "drift")
            place.do(supervisor, "undo")
        settle(place, supervisor)
    finally:
        supervisor.stop()
    test_members_are_whom_sql_finds_in_the_lake(place)
    test_values_and_members_are_those_of_the_new_definitions_from_the_beginning(place)
