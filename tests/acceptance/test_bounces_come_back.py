"""A bounce, from the mail to the never-send entry: read by the command, stored by the collector, decided by the core, kept by the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.acceptance.hosts import OnDisk
from tests.unit.collect.collector import Collector
from tests.unit.collect.test_collect_returns import dsn
from tidings import workspace
from tidings.cli import main
from tidings.clock import MINUTE_US
from tidings.config import CollectConfig, Config, load, save
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Row
from tidings.domain.record import LogRecord
from tidings.feedback import verp
from tidings.feedback.tokens import load_tokens
from tidings.testing.histories import call

RETAIL = workspace.load(Path(workspace.__file__).parent / "workspaces/retail")
START_US = 1_800_000_000_000_000
ANN = "ann@x.example"


class Shop:
    """A collector that runs, and a core that is driven by hand over what the collector took."""

    def __init__(self, folder: Path) -> None:
        self.core_folder = folder / "core"
        self.core_folder.mkdir()
        self.core = OnDisk(RETAIL, START_US, self.core_folder)
        (folder / "data").mkdir()
        (folder / "data" / "ledger.db").symlink_to(self.core_folder / "ledger.db")
        self.collector = Collector(folder)
        self.path = folder / "tidings.toml"
        settings = load(self.path)
        collect = CollectConfig(port=self.collector.port, write_keys=settings.collect.write_keys)
        save(Config(data=settings.data, workspace=settings.workspace, collect=collect), self.path)
        self.at_us = START_US

    def live(self, records: list[LogRecord], minutes: int = 10) -> None:
        self.core.take(records, self.at_us)
        self.at_us += minutes * MINUTE_US
        self.core.advance_to(self.at_us)

    def run(self, *arguments: str, piped: bytes = b"") -> tuple[str, list[LogRecord]]:
        """What a command prints, and what it adds to the collector's log."""
        before = self.collector.head()
        done = CliRunner().invoke(main, [*arguments, "--config", str(self.path)], input=piped)
        assert done.exit_code == 0, done.output
        return done.output, self.collector.records(before)

    def mail(self) -> Row:
        ledger = Ledger(self.core_folder / "ledger.db")
        (row,) = ledger.recent(10)
        ledger.close()
        return row

    def barred(self) -> list[tuple[str, str]]:
        ledger = Ledger(self.core_folder / "ledger.db")
        found = [(one.category, one.reason) for one in ledger.suppressions(ANN)]
        ledger.close()
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    yield opened
    opened.core.close()
    assert opened.collector.end() == 0


def test_a_dead_address_gets_nothing_more_until_it_is_cleared(shop: Shop, tmp_path: Path) -> None:
    mug = {"product_id": "mug", "price": 4.5}
    shop.live(
        [
            call("identify", "1", START_US, user="ann", traits={"email": ANN}),
            call("track", "2", START_US, user="ann", event="Consent Given", properties={"purpose": "marketing"}),
            call("track", "3", START_US, user="ann", event="Product Added", properties=mug),
        ]
    )
    to = verp.make(load_tokens(shop.collector.data / "secrets"), shop.mail().message_id, "bounce.shop.example")
    maildir = tmp_path / "Maildir"
    (maildir / "new").mkdir(parents=True)
    (maildir / "new" / "1.host").write_bytes(dsn(to=to))
    (maildir / "new" / "2.host").write_bytes(dsn(to="b+forged@bounce.shop.example"))

    said, records = shop.run("bounces", str(maildir))
    assert said.split() == ["1", "Email", "Bounced", "1", "unproven_return"]
    assert sorted(path.name for path in (maildir / "cur").iterdir()) == ["1.host:2,S", "2.host:2,S"]
    assert list((maildir / "new").iterdir()) == []

    shop.live(records, minutes=1)
    assert shop.barred() == [("*", "bounced")]
    _, again = shop.run("bounces", "-", piped=dsn(to=to))
    shop.live(again, minutes=1)
    assert shop.core.counts()[1] == 1, "the second copy of the news is a duplicate"

    said, cleared = shop.run("clear-address", ANN)
    assert said == f"{ANN}: cleared; mail may go there again\n"
    shop.live(cleared, minutes=1)
    assert shop.barred() == []
    said, nothing = shop.run("clear-address", ANN)
    assert (said, nothing) == (f"{ANN}: no bounce and no complaint stands against it\n", [])
