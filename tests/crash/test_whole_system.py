"""Every role is killed with -9, again and again, while events come in: nothing acknowledged is lost, nothing doubled."""

from __future__ import annotations

import base64
import http.client
import json
import random
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tidings import workspace
from tidings.clock import SystemClock
from tidings.config import CollectConfig, Config, MailConfig
from tidings.deliver.ledger import Ledger
from tidings.hosts.receiver import Inbox
from tidings.hosts.supervisor import Supervisor, free_ports
from tidings.lake.query import connect
from tidings.log.sqlite import SqliteLog

RETAIL = Path(workspace.__file__).parent / "workspaces" / "retail"
PEOPLE = 150
KILLS = 24
VICTIMS = ("collect", "process", "deliver", "project")
JOURNEY = """\
journey: at_once
entry: {event: Trigger}
reentry: once
steps:
  - id: send
    send: {template: welcome, category: marketing}
"""


def post(port: int, event: dict[str, object]) -> None:
    """Send until it is acknowledged, as an SDK does: the same event, the same id."""
    token = base64.b64encode(b"wk:").decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    for _ in range(400):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("POST", "/v1/batch", json.dumps({"batch": [event]}), headers)
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass  # killed under our hands; that is the test
        finally:
            connection.close()
        time.sleep(0.05)
    pytest.fail(f"never acknowledged: {event}")


def story(person: int) -> list[dict[str, object]]:
    """What one person does: opts in, and triggers one message."""
    user = f"u{person}"
    consent = {"purpose": "marketing", "method": "checkbox"}
    return [
        {"type": "identify", "messageId": f"{user}-0", "userId": user, "traits": {"email": f"{user}@crash.example"}},
        {"type": "track", "messageId": f"{user}-1", "userId": user, "event": "Consent Given", "properties": consent},
        {"type": "track", "messageId": f"{user}-2", "userId": user, "event": "Trigger"},
    ]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The data directory after the massacre, everything processed and delivered, all roles ended."""
    folder = tmp_path_factory.mktemp("massacre")
    shutil.copytree(RETAIL, folder / "workspace")
    (folder / "workspace" / "journeys" / "at_once.yml").write_text(JOURNEY)
    port, smtp = free_ports(2)
    config = Config(
        data=folder / "data",
        workspace=folder / "workspace",
        collect=CollectConfig(port=port, write_keys={"wk": "web"}),
        mail=MailConfig(smtp_port=smtp),
        lake_flush_s=0.3,
    )
    supervisor = Supervisor(config, [*VICTIMS, "receiver"])
    supervisor.start()
    try:
        ingest(supervisor, port)
        settle(supervisor, config)
    finally:
        supervisor.stop()
    assert sum(role.restarts for role in supervisor.roles.values()) == KILLS
    return config


def ingest(supervisor: Supervisor, port: int) -> None:
    """All stories, told by several clients, while roles die."""
    people = list(range(PEOPLE))

    def client() -> None:
        while people:
            for event in story(people.pop()):
                post(port, event)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    rng = random.Random(11)
    kills = 0
    while any(one.is_alive() for one in clients) or kills < KILLS:
        until = time.monotonic() + rng.uniform(0.2, 0.5)
        while time.monotonic() < until:
            supervisor.watch(0.02)
        if kills < KILLS:
            alive = [name for name in VICTIMS if supervisor.roles[name].pid]
            if alive:
                supervisor.roles[rng.choice(alive)].kill(signal.SIGKILL)
                kills += 1
    for one in clients:
        one.join()


def settle(supervisor: Supervisor, config: Config) -> None:
    """Until everything is processed, delivered, reported and projected."""
    log = SqliteLog(config.data / "log.db", SystemClock())
    ledger = Ledger(config.data / "ledger.db")
    deadline = time.monotonic() + 60
    calm = 0
    while calm < 20:
        assert time.monotonic() < deadline, (log.head(), log.processed(), ledger.counts())
        supervisor.watch(0.1)
        counts = ledger.counts()
        alive = all(role.pid for role in supervisor.roles.values())
        done = alive and log.processed() == log.head() and not counts.get("queued") and not counts.get("attempting")
        calm = calm + 1 if done and upto(config) == log.head() and not ledger.unreported(1) else 0
    log.close()
    ledger.close()


def upto(config: Config) -> int:
    ((offset,),) = serving(config, "SELECT coalesce(max(upto_offset), 0) FROM cursor")
    return int(offset)


def serving(config: Config, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(config.data / "serving.db")) as db:
        return db.execute(sql).fetchall()


def test_every_acknowledged_event_is_applied_exactly_once(aftermath: Config) -> None:
    applied = [event_id for (event_id,) in serving(aftermath, "SELECT event_id FROM timeline WHERE source = 'web'")]
    assert sorted(applied) == sorted(str(event["messageId"]) for person in range(PEOPLE) for event in story(person))


def test_the_accounting_adds_up(aftermath: Config) -> None:
    (sums,) = serving(aftermath, "SELECT sum(applied + duplicate + rejected), sum(rejected) FROM counts")
    log = SqliteLog(aftermath.data / "log.db", SystemClock())
    assert sums == (log.head(), 0)
    log.close()


def test_each_decision_has_one_end_and_nobody_gets_two_mails(aftermath: Config) -> None:
    ledger = Ledger(aftermath.data / "ledger.db")
    rows = {row.address: row for row in ledger.recent(10 * PEOPLE)}
    assert len(rows) == PEOPLE == sum(ledger.counts().values())
    assert set(ledger.counts()) <= {"accepted", "in_doubt"}
    ledger.close()
    inbox = Inbox(aftermath.data / "inbox.db")
    mails = [address for mail in inbox.list(10 * PEOPLE) for address in mail.recipients]
    inbox.close()
    assert len(mails) == len(set(mails))
    accepted = {address for address, row in rows.items() if row.state == "accepted"}
    assert accepted <= set(mails)
    assert set(rows) - set(mails) <= set(rows) - accepted  # who has no mail is listed as in doubt, never forgotten


def test_the_lake_has_each_applied_event_once(aftermath: Config) -> None:
    ((applied,),) = serving(aftermath, "SELECT sum(applied) FROM counts")
    lake = connect(aftermath.data)
    rows, distinct = lake.execute('SELECT count(*), count(DISTINCT "offset") FROM events').fetchall()[0]
    lake.close()
    assert rows == distinct == applied
