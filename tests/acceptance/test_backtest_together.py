"""A backtest in several processes tells the same as in one: merges, aliases, what comes back, interruptions and all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.acceptance.test_as_of import Place
from tests.acceptance.test_backtest_lake import JOURNEY, POLICY, TEMPLATE, story
from tests.oracles import run as oracle
from tidings.backtest import lake
from tidings.backtest.lake import LakeHistory
from tidings.backtest.prepare import Typed, prepared
from tidings.backtest.result import BacktestResult
from tidings.backtest.shares import Share, tied
from tidings.backtest.together import Together
from tidings.errors import Permanent, TidingsError

ROCKET = Path(__file__).parent.parent / "data/workspaces/retailrocket"
MAP = Path(__file__).parent.parent / "data/maps/retailrocket.yml"
ASKS = """
journey: asks
entry: {event: Order Completed}
steps:
  - {id: note, update: {bought: true}}
  - {id: noted, branch: {if: {trait: bought, equals: true}, else: exit}}
  - {id: thank, send: {template: welcome, category: marketing}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    for name, content in (
        ("journeys/looks.yml", JOURNEY),
        ("journeys/asks.yml", ASKS),
        ("policy.yml", POLICY),
        ("templates/welcome.mjml", TEMPLATE),
    ):
        path = made.config.workspace / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8")
    for at_s, record in story(3):
        made.take(at_s, record)
    made.follow(4_000)
    yield made
    made.host.close()


def asked(place: Place, workers: int, **more: Any) -> Typed:
    return Typed(journeys=["looks", "asks"], workspace=place.config.workspace, workers=workers, within="1h", **more)


def plain(result: BacktestResult) -> dict[str, Any]:
    """Without how long it took."""
    found: dict[str, Any] = msgspec.to_builtins(result)
    return {name: value for name, value in found.items() if name not in ("wall_s", "events_per_s")}


def test_the_lake_in_shares_tells_the_same(place: Place) -> None:
    found = []
    for workers in (1, 3):
        with prepared(asked(place, workers, against="looks"), place.config) as backtest:
            found.append(plain(backtest.run()))
    assert found[0] == found[1]
    assert found[0]["versions"][0]["messages"] > 3
    assert found[0]["versions"][0]["most"]["known_as"]


def test_shares_of_a_lake_do_not_overlap_and_nobody_is_torn_apart(place: Place) -> None:
    history = LakeHistory(place.config.data)
    ties = tied(history.ties(), 3)
    assert ties["user_id:ud1"] == ties["anonymous_id:d1"] == ties["anonymous_id:d2"]
    offsets: list[int] = []
    whose: dict[str, set[int]] = {}
    for number in range(3):
        wanted = lake.Wanted(
            names=frozenset(), clocks=True, until_us=1 << 60, share=Share(number=number, of=3, tied=ties)
        )
        reader = LakeHistory(place.config.data)
        for window in reader.windows(wanted):
            for moment in (one for some in window.moments for one in some):
                offsets.append(moment.offset)
                for named in (moment.user_id, moment.anonymous_id):
                    whose.setdefault(named, set()).add(number)
        reader.close()
    history.close()
    assert len(offsets) == len(set(offsets)) > 300
    assert {len(numbers) for named, numbers in whose.items() if named} == {1}
    assert {number for numbers in whose.values() for number in numbers} == {0, 1, 2}


def test_an_interrupted_one_goes_on_with_as_many(tmp_path: Path) -> None:
    typed = Typed(
        journeys=[str(ROCKET / "journeys/cart.yml")],
        data=oracle.retailrocket(),
        map=MAP,
        assume_address=True,
        to="2015-07-01",
        keep=tmp_path / "kept",
    )
    found, looks = [], iter([False, True])
    with prepared(msgspec.structs.replace(typed, workers=1, keep=None), None) as backtest:
        found.append(plain(backtest.run()))
    with prepared(msgspec.structs.replace(typed, workers=2), None) as backtest:
        broken = backtest.run(interrupted=lambda: next(looks))
    assert not broken.complete
    assert found[0]["from"] < broken.to < found[0]["to"]
    assert 0 < broken.versions[0].journeys[0].started < found[0]["versions"][0]["journeys"][0]["started"]
    with prepared(msgspec.structs.replace(typed, workers=5), None) as backtest:
        found.append(plain(backtest.run()))
    assert found[0] == found[1]
    assert not (tmp_path / "kept").exists()


def test_a_worker_that_is_killed_is_told_of(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with prepared(asked(place, 2), place.config) as backtest:
        started = Together._tell

        def tell(self: Together, *wish: Any) -> None:
            process = self._workers[1]._process
            assert process is not None
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            started(self, *wish)

        monkeypatch.setattr(Together, "_tell", tell)
        with pytest.raises(Permanent, match=r"worker 2 of 2 ended \(exit status -9"):
            backtest.run()


def test_what_a_worker_refuses_is_said(place: Place) -> None:
    with prepared(asked(place, 2), place.config) as backtest:
        (place.config.workspace / "policy.yml").write_text("marketing: {consent: perhaps}\n", "utf-8")
        with pytest.raises(TidingsError, match=r"(?s)worker \d of 2: .*policy.yml"):
            backtest.run()
