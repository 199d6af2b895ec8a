"""Backtests on real histories: what they tell of each day equals an independent SQL query over the raw file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.oracles import run as oracle
from tidings import workspace
from tidings.cli import main
from tidings.clock import DAY_US, SECOND_US, parse_instant

TESTS = Path(__file__).resolve().parents[1]
RETAIL = Path(workspace.__file__).parent / "workspaces/retail"
ROCKET = TESTS / "data/workspaces/retailrocket"
ROCKET_FLAGS = [
    "--data",
    str(oracle.retailrocket()),
    "--map",
    str(TESTS / "data/maps/retailrocket.yml"),
    "--assume-address",
]
LAPSED = """
journey: lapsed
entry: {segment: lapsed_90d}
exit_on: Product Purchased
steps:
  - id: a_week
    wait: 7d
  - id: good_one
    branch: {if: {trait: revenue, at_least: 1000}, then: written_to_as_good, else: written_to}
  - id: written_to
    send: {template: welcome, category: marketing}
  - id: over
    exit: written to
  - id: written_to_as_good
    send: {template: win_back, category: marketing}
"""


def backtest(folder: Path, *arguments: str) -> dict[str, Any]:
    """The JSON of a backtest from the command line."""
    path = folder / "result.json"
    ran = CliRunner().invoke(main, ["backtest", *arguments, "--json", str(path)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def by_what(rows: list[tuple[str, str, int]]) -> dict[str, Any]:
    """Rows of an oracle: what to the number, or to numbers by day."""
    found: dict[str, Any] = {}
    for what, of, n in rows:
        if of:
            found.setdefault(what, {})[of] = n
        else:
            found[what] = n
    return found


def days(version: dict[str, Any]) -> dict[str, int]:
    return {day: sum(counts.values()) for day, counts in version["per_day"].items()}


@pytest.mark.parametrize(
    ("from_", "to"), [("2015-05-03", "2015-09-01"), ("2015-06-10T12:00:00Z", "2015-07-20T12:00:00Z")]
)
def test_the_cart_journey_on_retailrocket_equals_the_sql(tmp_path: Path, from_: str, to: str) -> None:
    found = backtest(tmp_path, str(ROCKET / "journeys/cart.yml"), *ROCKET_FLAGS, "--from", from_, "--to", to)
    (version,) = found["versions"]
    (journey,) = version["journeys"]
    ends_us = [parse_instant(found[one]) for one in ("from", "to")]
    from_s, to_s = (at_us // SECOND_US for at_us in ends_us)
    wanted = by_what(oracle.retailrocket_backtest(oracle.retailrocket(), from_s=from_s, to_s=to_s))
    assert journey["per_day"] == wanted["entries"]
    assert days(version) == wanted["messages"]
    assert version["messages"] == sum(wanted["messages"].values()) > 500
    assert version["refused"] == {"marketing": {"frequency_cap": wanted["refused"]}}
    assert version["entered"] == wanted["people"]
    assert version["bought"]["followed"] == wanted["followed"] > 100
    assert version["bought"]["purchases"] == wanted["purchases"]
    assert version["most"]["peak"] == wanted["peak"] > 1


def test_a_journey_by_a_segment_on_online_retail_equals_the_sql(tmp_path: Path) -> None:
    draft = tmp_path / "lapsed.yml"
    draft.write_text(LAPSED, "utf-8")
    found = backtest(
        tmp_path,
        *(str(draft), "--workspace", str(RETAIL), "--data", str(oracle.online_retail())),
        *("--map", str(RETAIL / "sources/online_retail.yml"), "--assume-address", "--assume-consent", "marketing"),
        *("--from", "2011-04-01", "--to", "2011-10-01T09:30:00Z", "--bought", "Product Purchased", "--within", "21d"),
    )
    (version,) = found["versions"]
    (journey,) = version["journeys"]
    from_us, to_us = parse_instant("2011-04-01"), parse_instant("2011-10-01T09:30:00Z")
    rows = oracle.online_retail_backtest(oracle.online_retail(), from_us=from_us, to_us=to_us, within_us=21 * DAY_US)
    wanted = by_what(rows)
    assert journey["per_day"] == wanted["entries"]
    assert days(version) == wanted["messages"]
    assert version["per_template"] == wanted["templates"]
    assert version["entered"] == wanted["people"] > 500
    assert version["bought"]["followed"] == wanted["followed"] > 20
    assert version["bought"]["purchases"] == wanted["purchases"]
    assert version["bought"]["revenue"] == pytest.approx(wanted["revenue_micro"] / 1_000_000)
    assert found["rejected"] + found["events"] == 541_909


def test_runs_are_all_accounted_for(tmp_path: Path) -> None:
    found = backtest(tmp_path, "cart", "--workspace", str(ROCKET), *ROCKET_FLAGS, "--to", "2015-05-20T17:30:00Z")
    (journey,) = found["versions"][0]["journeys"]
    steps = {one["step"]: one for one in journey["steps"]}
    waiting = sum(one["waiting"] for one in journey["steps"])
    assert journey["started"] == sum(journey["per_day"].values()) == sum(journey["per_hour"])
    assert journey["started"] == sum(journey["outcomes"].values()) + waiting
    assert steps["left_alone"]["arrived"] == sum(steps["left_alone"]["ways"].values()) + steps["left_alone"]["waiting"]
    assert waiting > 0


def test_two_drafts_are_compared_person_by_person(tmp_path: Path) -> None:
    """The other waits two hours instead of five minutes: fewer carts are still there, and nobody enters who did not."""
    other = tmp_path / "patient.yml"
    other.write_text((ROCKET / "journeys/cart.yml").read_text("utf-8").replace("5m", "2h"), "utf-8")
    arguments = [str(ROCKET / "journeys/cart.yml"), *ROCKET_FLAGS, "--against", str(other), "--to", "2015-06-01"]
    found = backtest(tmp_path, *arguments)
    alone = [
        backtest(tmp_path, one, "--workspace", str(ROCKET), *ROCKET_FLAGS, "--to", "2015-06-01")["versions"][0]
        for one in (arguments[0], str(other))
    ]
    assert [one["label"] for one in found["versions"]] == ["cart", "patient"]
    for one, own in zip(found["versions"], alone, strict=True):
        assert {**one, "label": ""} == {**own, "label": ""}
    draft, patient = found["difference"]["only"]
    assert found["difference"]["both"] == alone[0]["entered"] == alone[1]["entered"]
    assert draft["people"] == patient["people"] == 0
    assert draft["messages"] - patient["messages"] == alone[0]["messages"] - alone[1]["messages"] > 0


def test_without_consent_in_the_history_all_is_refused_and_said(tmp_path: Path) -> None:
    copied = shutil.copytree(ROCKET, tmp_path / "workspace")
    (copied / "policy.yml").write_text("marketing: {consent: required}\n", "utf-8")
    arguments = [str(copied / "journeys/cart.yml"), *ROCKET_FLAGS, "--to", "2015-05-10"]
    strict = backtest(tmp_path, *arguments)
    assumed = backtest(tmp_path, *arguments, "--assume-consent", "marketing")
    assert strict["versions"][0]["messages"] == 0
    assert set(strict["versions"][0]["refused"]["marketing"]) == {"no_consent"}
    assert any("no consents" in note for note in strict["notes"])
    assert assumed["versions"][0]["messages"] == strict["versions"][0]["refused"]["marketing"]["no_consent"]
    assert any("CONSENT IS ASSUMED" in note for note in assumed["notes"])


def test_the_report_is_one_file_that_needs_nothing(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    backtest(tmp_path, "cart", "--workspace", str(ROCKET), *ROCKET_FLAGS, "--html", str(page), "--within", "24h")
    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "<svg" in text
    assert "<script" not in text
    assert "http" not in text
    assert "left alone" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody", "--workspace", str(ROCKET)], "journey 'nobody': no such file"),
        (["cart", "--workspace", str(ROCKET), "--from", "tomorrow"], "--from: got 'tomorrow'"),
        (["cart", "--workspace", str(ROCKET), "--within", "2 moons"], "--within: not a duration"),
        (["cart", "--workspace", str(ROCKET), "--from", "2020-01-01"], "in which nothing lies"),
        (["cart", "--workspace", str(ROCKET), "--assume-consent", "news"], "no such category in policy.yml"),
    ],
)
def test_what_was_typed_wrong_is_said(arguments: list[str], says: str) -> None:
    ran = CliRunner().invoke(main, ["backtest", *arguments, *ROCKET_FLAGS])
    assert ran.exit_code == 2
    assert says in " ".join(ran.output.split())
