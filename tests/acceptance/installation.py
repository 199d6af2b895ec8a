"""One installation with roles of its own and a small history, for what is said of changes of definitions."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec

from tidings import config as configuration
from tidings.clock import DAY_US, HOUR_US, SystemClock, iso
from tidings.config import CollectConfig, Config
from tidings.hosts import shelf
from tidings.hosts.supervisor import Supervisor, free_ports
from tidings.log.sqlite import SqliteLog

TRAITS = "spent: {sum: {event: Order, property: revenue}}\n"
SEGMENTS = "big: {rule: {trait: spent, at_least: 100}}\n"
POLICY = "marketing: {consent: not_needed}\nnews: {consent: required}\n"
WAIT = """journey: later
entry: {event: Go}
steps:
  - {id: pause, wait: 2h}
  - {id: still_big, branch: {if: {in_segment: big}, else: mail}}
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
lately: {rule: {did: {event: Order, within: 3d}}}
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


def with_history(folder: Path) -> Here:
    """Ann, who waits and spent a lot; Bob, who was not seen for long; Cid, who becomes quiet within the hour."""
    place = Here(folder)
    ann = {
        "type": "identify",
        "userId": "ann",
        "messageId": "ann-i",
        "traits": {"email": "ann@x.example", "country": "GB"},
    }
    go = {"type": "track", "event": "Go", "userId": "ann", "messageId": "ann-go"}
    place.post(ann, go, order("ann", 120, DAY_US), order("bob", 60, 5 * DAY_US), order("cid", 10, 3 * DAY_US - HOUR_US))
    return place
