"""Who was in a segment at an instant, by what was known at another: from the lake on disk, as the commands ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from tests.acceptance.hosts import OnDisk
from tests.unit.core import START_US, write
from tidings import workspace
from tidings.cli import main
from tidings.clock import SECOND_US, ManualClock, iso
from tidings.config import Config, save
from tidings.domain.record import LogRecord
from tidings.hosts import asof
from tidings.hosts.asof import Asked
from tidings.lake.follow import LakeFollower
from tidings.lake.parquet import ParquetLake
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs
from tidings.serving.db import open_writing
from tidings.serving.projector import Projector
from tidings.testing.histories import call
from tidings.workspace import Definitions

SEGMENTS = """
browsers: {rule: {did: {event: Product Viewed, at_least: 2, within: 60s}}}
buyers: {rule: {all: [{did: {event: Order Completed}}, {trait: revenue, at_least: 20}]}}
lapsed: {rule: {all: [{did: {event: Order Completed}}, {did_not: {event: Order Completed, within: 100s}}]}}
gold: {rule: {trait: plan, equals: gold}}
not_news: {rule: {not: {consent: news}}}
"""
TRAITS = "revenue: {sum: {event: Order Completed, property: revenue}}"


class Place:
    """A data directory that grows, and the definitions that run in it."""

    def __init__(self, folder: Path) -> None:
        self.config = Config(
            data=folder / "data", workspace=write(folder / "workspace", traits=TRAITS, segments=SEGMENTS)
        )
        self.config.data.mkdir()
        self.definitions: Definitions = workspace.load(self.config.workspace)
        self.host = OnDisk(self.definitions, START_US, self.config.data)
        save(self.config, folder / "tidings.toml")

    def take(self, at_s: float, *records: LogRecord) -> None:
        self.host.take(records, START_US + int(at_s * SECOND_US))

    def follow(self, until_s: float) -> None:
        """Let time pass, and the reading copy and the lake catch up."""
        self.host.advance_to(START_US + int(until_s * SECOND_US))
        data = self.config.data
        log, outputs = SqliteLog(data / "log.db", ManualClock(START_US)), SqliteOutputs(data / "outputs.db")
        projector = Projector(data / "serving.db", log, outputs, None)
        while projector.step():
            pass
        projector.sync()
        with closing(open_writing(data / "serving.db")) as register:
            lake = ParquetLake(data / "lake", register)
            while LakeFollower(log, outputs, lake).step():
                pass
            lake.close()
        for one in (projector, outputs, log):
            one.close()


def track(number: int, at_s: float, name: str, user: str = "ann", **properties: object) -> LogRecord:
    return call("track", f"e{number}", START_US + int(at_s * SECOND_US), user=user, event=name, properties=properties)


def us(at_s: float) -> int:
    return START_US + int(at_s * SECOND_US)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.host.close()


def test_a_late_event_makes_what_was_true_and_what_was_known_differ(place: Place, tmp_path: Path) -> None:
    place.take(5, track(1, 5, "Product Viewed"))
    place.take(300, track(2, 10, "Product Viewed"))  # a phone that was offline
    place.follow(400)
    browsers = asof.segment_of(place.definitions, "browsers")
    ann = asof.find(place.config, "ann")
    assert asof.members(place.config, browsers, Asked(us(20), us(400))) == [ann]
    assert asof.members(place.config, browsers, Asked(us(20), us(20))) == []
    assert asof.members(place.config, browsers, Asked(us(70), us(400))) == []
    believed = asof.explain(place.config, place.definitions, "browsers", ann, Asked(us(20), us(20)))
    true = asof.explain(place.config, place.definitions, "browsers", ann, Asked(us(20), us(400)))
    assert (believed.member, true.member) == (False, True)
    assert true.changes == iso(us(65))
    config = ["--config", str(tmp_path / "tidings.toml")]
    arguments = ["--as-of", iso(us(20)), "--known-at", iso(us(400)), "--json"]
    result = CliRunner().invoke(main, ["segment", "members", "browsers", *arguments, *config])
    assert json.loads(result.output)["members"] == [ann], result.output
    result = CliRunner().invoke(main, ["segment", "explain", "browsers", "ann", *arguments[:-1], *config])
    assert "in browsers: did Product Viewed at least 2 times within 1m: yes" in result.output
    assert f"can change by time alone at {iso(us(65))}" in result.output
    result = CliRunner().invoke(main, ["person", "ann", "--as-of", iso(us(7)), "--known-at", iso(us(7)), *config])
    assert "1 events" in result.output, result.output
    result = CliRunner().invoke(main, ["segment", "members", "browser", *config])
    assert result.exit_code == 2


def test_two_who_turned_out_to_be_one_were_two_before_that_was_known(place: Place) -> None:
    place.take(5, call("track", "a", us(5), anonymous="phone", event="Product Viewed"))
    place.take(10, track(1, 10, "Product Viewed"))
    place.take(200, call("identify", "b", us(200), user="ann", anonymous="phone"))
    place.follow(300)
    browsers = asof.segment_of(place.definitions, "browsers")
    assert asof.members(place.config, browsers, Asked(us(20), us(300))) == [asof.find(place.config, "ann")]
    assert asof.members(place.config, browsers, Asked(us(20), us(100))) == []


@pytest.mark.parametrize("seed", range(4))
def test_sql_and_folding_agree_at_any_two_instants_and_with_what_is_live(seed: int, place: Place) -> None:
    rng = Random(seed)
    for number in range(150):
        known_s = number * 2.0
        at_s, user = known_s - rng.choice([0, 0, 0, 5, 40]), f"u{rng.randrange(8)}"
        kind = rng.randrange(5)
        if kind == 0:
            plan = {"plan": rng.choice(["gold", "free"])}
            record = call("identify", f"i{number}", us(at_s), user=user, anonymous=f"d{user}", traits=plan)
        elif kind == 1:
            record = call("track", f"t{number}", us(at_s), anonymous=f"d{user}", event="Product Viewed")
        elif kind == 2:
            name = rng.choice(["Consent Given", "Consent Withdrawn"])
            record = track(number, at_s, name, user, purpose="news")
        else:
            name = rng.choice(["Product Viewed", "Order Completed"])
            record = track(number, at_s, name, user, revenue=rng.choice([5, 12.5, "x"]))
        place.take(known_s, record)
    place.follow(400)
    questions = [Asked(us(rng.uniform(0, 400)), us(rng.uniform(0, 400))) for _ in range(5)] + [Asked(us(400), us(400))]
    found = 0
    for question in questions:
        everybody = asof.members(place.config, asof.segment_of(place.definitions, "not_news"), question)
        by_sql = {one.name: asof.members(place.config, one, question) for one in place.definitions.segments.all()}
        for profile_id in {*everybody, *(one for some in by_sql.values() for one in some)}:
            state = asof.state_of(place.config, place.definitions, profile_id, question)
            folded = {
                one.name for one in place.definitions.segments.all() if one.rule.judge(state, question.at_us).holds
            }
            assert folded == {name for name, some in by_sql.items() if profile_id in some}
            found += len(folded)
    assert found > 20
    for user in range(8):
        state = place.host.person("user_id", f"u{user}")
        if state is not None:
            assert set(state.segments) == {name for name, some in by_sql.items() if state.profile_id in some}
