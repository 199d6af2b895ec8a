"""What is told to everybody, on disk and in memory: the same facts and messages, byte for byte, restarts or not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.acceptance.hosts import Host, InMemory, OnDisk
from tidings import workspace
from tidings.clock import MINUTE_US
from tidings.domain.everybody import Asked, Pause, Resume, Start, record_of
from tidings.domain.record import LogRecord
from tidings.testing.histories import call
from tidings.workspace import Definitions

START_US = 1_800_000_000_000_000
PEOPLE = 25
FILES = {
    "policy.yml": "marketing: {consent: not_needed}",
    "segments.yml": "gold: {rule: {trait: plan, equals: gold}}",
    "broadcasts/news.yml": "broadcast: news\nsegment: gold\ntemplate: t\nover: 2h",
    "journeys/drop.yml": "journey: drop\nentry: {item: {change: price_drop, by: 10%}, who: {did: Product Viewed}}\n"
    "steps: [{id: w, wait: 5m}, {id: s, send: {template: t}}]\n",
}


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    for name, text in FILES.items():
        path = tmp_path / "workspace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return workspace.load(tmp_path / "workspace")


def tell(host: Host, version: str, *, restarting: bool) -> None:
    """The story."""

    def take(minute: int, *records: LogRecord) -> None:
        host.take(records, START_US + minute * MINUTE_US)
        if restarting:
            host.advance_to(START_US + minute * MINUTE_US)
            host.restart()

    def asked(one: Asked) -> LogRecord:
        return record_of(one)

    def item(price: float) -> LogRecord:
        return LogRecord("items", "item", 0, msgspec.json.encode({"product_id": "mug", "price": price}))

    for n in range(PEOPLE):
        traits = {"email": f"u{n}@x.example", "plan": "gold" if n % 2 else "free"}
        take(0, call("identify", f"i{n}", START_US, user=f"u{n}", traits=traits))
    viewed = [
        call("track", f"v{n}", START_US, user=f"u{n}", event="Product Viewed", properties={"product_id": "mug"})
        for n in range(0, PEOPLE, 3)
    ]
    take(1, item(10), *viewed)
    take(2, asked(Start(broadcast="news", version=version, start="one", audience=12)))
    take(30, asked(Pause(broadcast="news")), item(7))
    take(40, call("identify", "late", START_US, user="u1", traits={"plan": "free"}))
    take(50, asked(Resume(broadcast="news")))
    take(60, item(8), item(5))
    host.advance_to(START_US + 300 * MINUTE_US)


@pytest.mark.parametrize("restarting", [False, True])
def test_both_hosts_say_the_same(definitions: Definitions, restarting: bool, tmp_path: Path) -> None:
    version = definitions.broadcasts["news"].version
    memory = InMemory(definitions, START_US)
    (tmp_path / "disk").mkdir()
    disk = OnDisk(definitions, START_US, tmp_path / "disk")
    for host in (memory, disk):
        tell(host, version, restarting=restarting)
    by_person = [
        sorted((fact.profile_id, fact.known_us, msgspec.json.encode(fact)) for fact in host.facts())
        for host in (memory, disk)
    ]
    assert by_person[0] == by_person[1]
    assert disk.sends() == memory.sends()
    news = [one for one in memory.sends() if one.journey == "news"]
    drops = [one for one in memory.sends() if one.journey == "drop"]
    assert len({one.profile_id for one in news}) == len(news) == 11  # u1 left before her turn
    assert len(drops) == 2 * len(range(0, PEOPLE, 3))
    disk.close()
