"""All real roles: a journey asks a webhook, goes by its answer, sets traits and lists; replaying the log goes the same ways."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.test_webhook_kill import Receiver, receiving
from tests.crash.test_whole_system import post
from tests.unit.core import write
from tidings import workspace
from tidings.clock import SystemClock
from tidings.config import CollectConfig, Config, MailConfig, WebhooksConfig
from tidings.deliver import signing
from tidings.deliver.calls import Calls
from tidings.domain.output import Fact
from tidings.hosts.drive import Driver
from tidings.hosts.simulator import MemorySink
from tidings.hosts.supervisor import Supervisor, free_ports
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs
from tidings.pipeline import Pipeline
from tidings.state.memory import MemoryState

JOURNEY = """
entry: {event: Trigger}
steps:
  - {id: ask, webhook: {name: fine, body: {email: {trait: email}}, timeout: 1m}}
  - {id: how, branch: {answer: ask, where: {score: 7}, else: wrong}}
  - {id: mark, update: {plan: gold, score: {answer: ask, field: score}}}
  - {id: join, list: {add: vip}}
  - {id: seen, branch: {if: {all: [{trait: plan, equals: gold}, {in_segment: vip}]}, else: wrong}}
  - {id: away, webhook: {name: away, timeout: 1m}}
  - {id: failed, branch: {of: away, ways: {failed: right}, else: wrong}}
  - {id: right, exit: right}
  - {id: wrong, exit: wrong}
"""
PEOPLE = 30


@pytest.fixture
def place(tmp_path: Path) -> Config:
    write(tmp_path / "workspace", segments="vip: {rule: {in_list: vip}}", reach=JOURNEY)
    collect, smtp = free_ports(2)
    for name in ("fine", "away"):
        signing.make(tmp_path / "data", name, keep=0)
    return Config(
        data=tmp_path / "data",
        workspace=tmp_path / "workspace",
        collect=CollectConfig(port=collect, write_keys={"wk": "web"}),
        mail=MailConfig(smtp_port=smtp),
        webhooks=WebhooksConfig(private_networks="127.0.0.0/8"),
    )


def ended(config: Config) -> list[Fact]:
    outputs = SqliteOutputs(config.data / "outputs.db")
    found = [fact for block in outputs.read(0, 1_000_000) for fact in block.facts if fact.kind == "run_ended"]
    outputs.close()
    return found


def until(holds: Callable[[], bool], within_s: float = 60) -> None:
    deadline_s = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert holds()


def test_people_go_through_and_a_replay_goes_the_same_ways(place: Config) -> None:
    with receiving() as port:
        hooks = {name: {"url": f"http://127.0.0.1:{port}/{name}", "per_minute": 6_000} for name in ("fine", "away")}
        (place.workspace / "webhooks.yml").write_text(json.dumps(hooks))
        supervisor = Supervisor(place, ["collect", "process", "deliver"])
        supervisor.start()
        try:
            for number in range(PEOPLE):
                user = f"u{number}"
                traits = {"email": f"{user}@x.example"}
                post(
                    place.collect.port, {"type": "identify", "messageId": f"{user}i", "userId": user, "traits": traits}
                )
                post(place.collect.port, {"type": "track", "messageId": f"{user}t", "userId": user, "event": "Trigger"})
            until(lambda: len(ended(place)) == PEOPLE)
        finally:
            supervisor.stop()
    assert {fact.data["outcome"] for fact in ended(place)} == {"right"}
    asked = [json.loads(body)["data"] for path, _, body in Receiver.requests if path == "fine"]
    assert sorted(one["email"] for one in asked) == sorted(f"u{number}@x.example" for number in range(PEOPLE))
    replay(place)


def replay(config: Config) -> None:
    """From an empty state over the same log: the same facts, the same wishes."""
    log = SqliteLog(config.data / "log.db", SystemClock())
    sink = MemorySink()
    driver = Driver(Pipeline(workspace.load(config.workspace)), log, MemoryState(), sink)
    while driver.run_batch():
        while driver.fire(driver.complete_us):
            pass
    log.close()
    outputs = SqliteOutputs(config.data / "outputs.db")
    lived = [fact for block in outputs.read(0, 1_000_000) for fact in block.facts]
    outputs.close()
    assert sorted(map(repr, sink.facts)) == sorted(map(repr, lived))
    calls = Calls(config.data / "calls.db")
    assert all(calls.call(one) is not None for one in (*sink.calls, *sink.events))
    assert len(sink.calls) == len(sink.events) == 2 * PEOPLE
    calls.close()
