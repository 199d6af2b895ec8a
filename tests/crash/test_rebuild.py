"""The log is the truth: state, outputs and serving copy can be deleted and come back the same; nobody is mailed again."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from tidings import config as configuration
from tidings import workspace
from tidings.clock import SystemClock
from tidings.config import Config
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Frozen
from tidings.domain.message import DeliveryState
from tidings.domain.record import LogRecord
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs

RETAIL = Path(workspace.__file__).parent / "workspaces" / "retail"
PEOPLE = 40


def person(n: int) -> list[LogRecord]:
    """Looks around, signs in, opts in and leaves something in the cart; every third buys."""
    item = {"product_id": f"P{n}", "name": "Mug", "price": 4.5, "quantity": 1}
    consent = {"purpose": "marketing", "method": "checkbox"}
    order = {"order_id": f"O{n}", "revenue": 4.5, "products": [item]}
    calls: list[dict[str, object]] = [
        {"type": "track", "event": "Product Viewed", "anonymousId": f"a{n}", "properties": item},
        {"type": "identify", "anonymousId": f"a{n}", "userId": f"u{n}", "traits": {"email": f"u{n}@x.example"}},
        {"type": "track", "event": "Consent Given", "userId": f"u{n}", "properties": consent},
        {"type": "track", "event": "Product Added", "anonymousId": f"a{n}", "properties": item},
    ]
    if n % 3 == 0:
        calls.append({"type": "track", "event": "Order Completed", "userId": f"u{n}", "properties": order})
    return [LogRecord("web", "", 0, json.dumps({**c, "messageId": f"{n}-{i}"}).encode()) for i, c in enumerate(calls)]


def process_everything(config: Config, log: SqliteLog, decisions: int) -> None:
    """Run the role until the log is processed and the waits are over."""
    command = [sys.executable, "-m", "tidings.cli", "role", "process", "--config", str(config.data / "config.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as role:
        assert role.stdout is not None
        role.stdout.readline()
        ledger = Ledger(config.data / "ledger.db")
        deadline = time.monotonic() + 20
        while log.processed() < log.head() or facts(config).count(b"run_ended") < PEOPLE:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert sum(ledger.counts().values()) == decisions
        ledger.close()
        role.send_signal(signal.SIGTERM)


def facts(config: Config) -> bytes:
    """Every fact, by person, in order, as bytes."""
    outputs = SqliteOutputs(config.data / "outputs.db")
    found: dict[str, list[object]] = {}
    for block in outputs.read(0, 1_000_000):
        for fact in block.facts:
            found.setdefault(fact.profile_id, []).append(fact)
    outputs.close()
    return msgspec.json.encode(found, order="sorted")


def test_state_and_outputs_come_back_from_the_log_and_nobody_is_mailed_again(tmp_path: Path) -> None:
    shutil.copytree(RETAIL, tmp_path / "workspace")
    journey = tmp_path / "workspace" / "journeys" / "abandoned_cart.yml"
    journey.write_text(journey.read_text().replace("timeout: 5m", "timeout: 1s"))
    config = Config(data=tmp_path / "data", workspace=tmp_path / "workspace")
    log = SqliteLog(config.data / "log.db", SystemClock(), writer=True)
    configuration.save(config, config.data / "config.toml")
    for n in range(PEOPLE):
        log.append(person(n))
    decisions = sum(n % 3 != 0 for n in range(PEOPLE))
    process_everything(config, log, decisions)
    before = facts(config)
    accepted = accept_all(config)
    assert len(accepted) == decisions

    shutil.rmtree(config.data / "state")
    for path in config.data.glob("outputs.db*"):
        path.unlink()
    process_everything(config, log, decisions)

    assert facts(config) == before
    ledger = Ledger(config.data / "ledger.db")
    assert {row.message_id for row in ledger.recent(1_000) if row.state == DeliveryState.ACCEPTED} == accepted
    assert not ledger.due(SystemClock().now_us(), 10)
    ledger.close()
    log.close()


def accept_all(config: Config) -> set[str]:
    """Do what the deliver role does when the mail server takes everything."""
    ledger = Ledger(config.data / "ledger.db")
    frozen = Frozen(template_version="", sender_version="", subject="", items=[], links=[], digest="")
    accepted = set()
    for due in ledger.due(SystemClock().now_us(), 1_000):
        assert ledger.begin_attempt(due.intent.message_id, SystemClock().now_us(), frozen) is None
        ledger.finish(due.intent.message_id, DeliveryState.ACCEPTED, now_us=SystemClock().now_us(), reply="250 ok")
        accepted.add(due.intent.message_id)
    ledger.close()
    return accepted
