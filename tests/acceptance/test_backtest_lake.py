"""Backtests on a data directory: its lake tells the same as the log did, live events, loaded history, merges and all."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from tests.acceptance.test_as_of import Place, us
from tidings import workspace
from tidings.backtest.lake import LakeHistory
from tidings.backtest.run import Asked, Backtest
from tidings.backtest.tally import Bought
from tidings.backtest.version import Version
from tidings.cli import main
from tidings.clock import HOUR_US, iso, parse_instant
from tidings.domain.record import BACKFILL, LogRecord
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import call
from tidings.versions.shelf import Versions

BOUGHT = Bought(names=frozenset({"Order Completed"}), within_us=HOUR_US, revenue="revenue")
JOURNEY = """
journey: looks
entry: {segment: browsers}
reentry: {after: 200s}
exit_on: Order Completed
steps:
  - id: a_minute
    wait: 1m
  - id: buys
    branch: {if: {did: {event: Order Completed}}, then: again, else: first}
  - id: again
    send: {template: welcome, category: news}
  - id: done
    exit: written to
  - id: first
    send: {template: welcome, category: marketing}
"""
POLICY = "marketing: {consent: not_needed, cap: {at_most: 2, per: 1h}}\nnews: {consent: required}\n"
TEMPLATE = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello</mj-text></mj-column></mj-section></mj-body></mjml>"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    folder = made.config.workspace
    for name, content in (
        ("journeys/looks.yml", JOURNEY),
        ("policy.yml", POLICY),
        ("templates/welcome.mjml", TEMPLATE),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    yield made
    made.host.close()


def story(seed: int) -> list[tuple[int, LogRecord]]:
    """(second at which the log takes it, record) of some people who look, buy, sign in, agree, and are renamed."""
    rng = random.Random(seed)
    taken: list[tuple[int, LogRecord]] = []
    for number in range(300):
        at_s = rng.randrange(3_000)
        late_s = rng.choice([0, 0, 0, 2, 90])
        who: dict[str, Any] = {"anonymous": f"d{rng.randrange(12)}"}
        if rng.random() < 0.3:
            who |= {"user": f"u{who['anonymous']}"}
        name = rng.choice(["Product Viewed"] * 5 + ["Page", "Order Completed", "Consent Given"])
        properties = {"revenue": rng.randrange(100), "purpose": "news"}
        record = call("track", f"e{number}", us(at_s), event=name, properties=properties, **who)
        taken.append((at_s + late_s, record))
    for number in range(12):
        record = call("identify", f"i{number}", us(5), anonymous=f"d{number}", traits={"email": f"d{number}@x.example"})
        taken.append((5, record))
    taken.append((1_500, call("alias", "alias", us(1_500), user="ud1", previousId="d2")))
    return sorted(taken, key=lambda one: one[0])


def result(data: Path, definitions: workspace.Definitions) -> Any:
    history = LakeHistory(data)
    version = Version("draft", definitions, ["looks"], BOUGHT)
    found = Backtest(history, [version], Asked(from_us=0, to_us=0, bought=BOUGHT)).run()
    history.close()
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_lake_of_live_events_gives_what_was_decided_live(place: Place, seed: int) -> None:
    simulator = Simulator(workspace.load(place.config.workspace))
    for at_s, record in story(seed):
        place.take(at_s, record)
        simulator.take([record], us(at_s))
    place.follow(4_000)
    found = result(place.config.data, workspace.load(place.config.workspace))
    simulator.advance_to(simulator.clock.now_us() + 999_999)  # a backtest stops a second after the last event
    sends = simulator.sink.sends.values()
    (version,) = found.versions
    assert version.messages == sum(1 for one in sends if not one.suppressed) > 3
    assert sum(version.refused.get("news", {}).values()) == sum(
        1 for one in sends if one.suppressed and one.category == "news"
    )
    assert version.journeys[0].started == sum(1 for one in simulator.sink.facts if one.kind == "run_started")


@pytest.mark.parametrize("seed", range(2))
def test_loaded_history_is_rehearsed_as_if_we_had_been_there(place: Place, tmp_path: Path, seed: int) -> None:
    """All of it is loaded at once, long after: live it began no journey, in a rehearsal it does, at its own time."""
    simulator = Simulator(workspace.load(place.config.workspace))
    records = sorted(
        ((record, at_s) for at_s, record in story(seed)), key=lambda one: msgspec.json.decode(one[0].body)["timestamp"]
    )
    place.take(90_000, *(LogRecord(one.source, one.kind, one.sent_us, one.body, BACKFILL) for one, _ in records))
    for record, _ in records:
        body = msgspec.json.decode(record.body)
        simulator.take([record], parse_instant(body["timestamp"]))
    place.follow(95_000)
    assert place.host.sends() == []
    found = result(place.config.data, workspace.load(place.config.workspace))
    simulator.advance_to(simulator.clock.now_us() + 999_999)
    assert found.versions[0].journeys[0].started > 3
    assert found.last == iso(max(parse_instant(msgspec.json.decode(one.body)["timestamp"]) for one, _ in records))
    assert found.versions[0].journeys[0].started == sum(1 for one in simulator.sink.facts if one.kind == "run_started")


def test_the_command_compares_a_draft_with_what_runs(place: Place, tmp_path: Path) -> None:
    for at_s, record in story(1):
        place.take(at_s, record)
    place.follow(4_000)
    draft = place.config.workspace / "journeys/looks.yml"
    Versions(place.config.data).begin(place.config.workspace, "ann", us(0))
    draft.write_text(JOURNEY.replace("wait: 1m", "wait: 10m"), "utf-8")
    out = tmp_path / "out.json"
    arguments = [
        "backtest",
        str(draft),
        "--config",
        str(tmp_path / "tidings.toml"),
        "--against",
        "live",
        "--json",
        str(out),
    ]
    ran = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    found = json.loads(out.read_text("utf-8"))
    assert [one["label"] for one in found["versions"]] == ["looks", "live"]
    assert found["difference"]["both"] > 0
    assert found["versions"][0]["journeys"][0]["version"] != found["versions"][1]["journeys"][0]["version"]
    assert "Difference" in ran.output
