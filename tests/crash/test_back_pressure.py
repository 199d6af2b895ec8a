"""When a stage falls behind, the one before it waits: nothing in between grows without bound, and nothing is lost."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tidings import config as configuration
from tidings import workspace
from tidings.clock import SystemClock
from tidings.config import Config, MailConfig, ProcessConfig
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Frozen
from tidings.domain.message import DeliveryState
from tidings.domain.record import LogRecord
from tidings.log.sqlite import SqliteLog

RETAIL = Path(workspace.__file__).parent / "workspaces" / "retail"
JOURNEY = """\
journey: at_once
entry: {event: Trigger}
steps:
  - id: send
    send: {template: welcome, category: transactional}
"""


def events(count: int) -> list[LogRecord]:
    records = []
    for n in range(count):
        who = {"userId": f"u{n}", "messageId": f"i{n}"}
        records.append(json.dumps({"type": "identify", "traits": {"email": f"u{n}@x.example"}, **who}))
        records.append(json.dumps({"type": "track", "event": "Trigger", "userId": f"u{n}", "messageId": f"t{n}"}))
    return [LogRecord("web", "", 0, record.encode()) for record in records]


def test_a_full_outbox_stops_processing_until_mails_go_out(tmp_path: Path) -> None:
    shutil.copytree(RETAIL, tmp_path / "workspace")
    (tmp_path / "workspace" / "journeys" / "at_once.yml").write_text(JOURNEY)
    config = Config(
        data=tmp_path / "data",
        workspace=tmp_path / "workspace",
        mail=MailConfig(max_queued=50),
        process=ProcessConfig(max_batch=20),
    )
    configuration.save(config, tmp_path / "config.toml")
    log = SqliteLog(config.data / "log.db", SystemClock(), writer=True)
    for start in range(0, 1_000, 20):
        log.append(events(500)[start : start + 20])
    command = [sys.executable, "-m", "tidings.cli", "role", "process", "--config", str(tmp_path / "config.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as role:
        assert role.stdout is not None
        role.stdout.readline()
        ledger = Ledger(config.data / "ledger.db")
        stopped_at = steady(ledger)
        assert 50 < stopped_at < 250  # it looks every 50 ms, so it may run on for some batches
        assert log.processed() < log.head()
        while log.processed() < log.head():
            for due in ledger.due(SystemClock().now_us(), 100):
                refuse(ledger, due.intent.message_id)
            time.sleep(0.01)
        assert sum(ledger.counts().values()) == 500
        role.send_signal(signal.SIGTERM)
    ledger.close()
    log.close()


def steady(ledger: Ledger) -> int:
    """The number of queued messages once it no longer changes."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 0.7:
        now = ledger.queued()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.02)
    return last


def refuse(ledger: Ledger, message_id: str) -> None:
    """Take one message out of the queue, as a mail server that says no would."""
    frozen = Frozen(template_version="", sender_version="", subject="", items=[], links=[], digest="")
    now_us = SystemClock().now_us()
    assert ledger.begin_attempt(message_id, now_us, frozen) is None
    ledger.finish(message_id, DeliveryState.REFUSED, now_us=now_us, reply="550 no", reason="550 no")
