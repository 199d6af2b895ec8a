"""A broadcast on the real system, paused and resumed, while processor and deliverer are killed with -9: nobody is skipped, nobody
gets it twice, and nothing goes while it is paused."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.test_whole_system import post
from tidings import config as configuration
from tidings import workspace
from tidings.config import CollectConfig, Config, MailConfig
from tidings.deliver.ledger import Ledger
from tidings.hosts.receiver import Inbox
from tidings.hosts.supervisor import Supervisor, free_ports
from tidings.versions.broadcasts import progress
from tidings.versions.standing import standing

RETAIL = Path(workspace.__file__).parent / "workspaces" / "retail"
PEOPLE = 120
KILLS = 10
ROLES = ("collect", "process", "deliver", "project", "receiver")
NEWS = """
broadcast: news
rule: {trait: plan, equals: gold}
template: welcome
category: letters
over: 10s
"""


class Place:
    """One installation that runs."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(RETAIL, folder / "workspace")
        with (folder / "workspace" / "policy.yml").open("a") as file:
            file.write("\nletters: {consent: not_needed}\n")  # at most once, as all are that do not say otherwise
        (folder / "workspace" / "broadcasts").mkdir(exist_ok=True)
        (folder / "workspace" / "broadcasts" / "news.yml").write_text(NEWS)
        self.port, smtp = free_ports(2)
        self.config = Config(
            data=folder / "data",
            workspace=folder / "workspace",
            collect=CollectConfig(port=self.port, write_keys={"wk": "web"}),
            mail=MailConfig(smtp_port=smtp),
            lake_flush_s=0.2,
        )
        self.toml = folder / "tidings.toml"
        configuration.save(self.config, self.toml)
        self.supervisor = Supervisor(self.config, list(ROLES))
        self.rng = random.Random(5)
        self.kills = 0

    def watch(self, for_s: float, *, killing: bool = False) -> None:
        until_s = time.monotonic() + for_s
        while time.monotonic() < until_s:
            self.supervisor.watch(0.05)
            if killing and self.kills < KILLS and self.rng.random() < 0.15:
                role = self.supervisor.roles[self.rng.choice(["process", "process", "deliver"])]
                if role.pid:
                    role.kill(signal.SIGKILL)
                    self.kills += 1

    def do(self, *arguments: str, group: str = "broadcast") -> str:
        """One command to its end, which must be good."""
        command = [sys.executable, "-m", "tidings.cli", group, *arguments, "--config", str(self.toml)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while process.poll() is None:
            self.supervisor.watch(0.05)
        out = process.communicate()[0].decode()
        assert process.returncode == 0, out
        return out

    def told(self) -> int:
        """People in the lake, of whom a rule is counted."""
        path = self.config.data / "serving.db"
        if not path.exists():
            return 0
        with closing(sqlite3.connect(path)) as db:
            try:
                return int(db.execute("SELECT upto_offset FROM lake_cursor").fetchone()[0])
            except sqlite3.OperationalError:
                return 0

    def arrived(self) -> Counter[str]:
        """Copies in the inbox by address."""
        with closing(Inbox(self.config.data / "inbox.db")) as inbox:
            return Counter(address for mail in inbox.list(10 * PEOPLE) for address in mail.recipients)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    made.supervisor.start()
    yield made
    made.supervisor.stop()


def test_nobody_is_skipped_and_nobody_gets_it_twice(place: Place) -> None:
    for person in range(PEOPLE):
        traits = {"email": f"u{person}@crash.example", "plan": "gold"}
        post(place.port, {"type": "identify", "messageId": f"m{person}", "userId": f"u{person}", "traits": traits})
    deadline_s = time.monotonic() + 60
    while place.told() < PEOPLE and time.monotonic() < deadline_s:
        place.watch(0.1)
    assert f"{PEOPLE} people" in place.do("start", "news", "--yes")
    place.watch(2.5, killing=True)
    assert "paused" in place.do("pause", "news")
    place.watch(0.7)
    before = place.arrived()
    assert 0 < len(before) < PEOPLE
    place.watch(2.0, killing=True)
    place.watch(0.5)
    assert place.arrived() == before  # not even after a restart
    assert "running" in place.do("resume", "news")
    place.watch(1.0, killing=True)
    while (found := progress(place.config.data, 0)[0]).state != "done" and time.monotonic() < deadline_s + 30:
        place.watch(0.2, killing=True)
    assert found.state == "done", (found, standing(place.config.data))
    assert place.kills >= 5
    with closing(Ledger(place.config.data / "ledger.db")) as ledger:
        rows = ledger.recent(1_000, journey="news")
        doubtful = {row.address for row in rows if row.state == "in_doubt"}
    everybody = {f"u{person}@crash.example" for person in range(PEOPLE)}
    assert Counter(row.address for row in rows) == Counter(everybody)
    arrived = place.arrived()
    assert everybody - set(arrived) <= doubtful
    assert max(arrived.values()) == 1
    why = place.do(rows[0].message_id, group="why")
    assert "news" in why
