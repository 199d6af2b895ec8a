"""Why somebody did not enter a journey that has one run per order, a limit, a goal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import START_US, definitions
from tidings.decide.why_not import Chance, PastRun, miss
from tidings.domain.event import Event
from tidings.process.journey import Journey

STEPS = "steps:\n  - {id: a_while, wait: 1d}\n"


def journey(folder: Path, settings: str) -> Journey:
    return definitions(folder, jny=f"entry: {{event: Hello}}\n{settings}\n{STEPS}").journeys["jny"]


def chance(**properties: Any) -> Chance:
    at_us = START_US + 100
    event = Event(
        event_id="e", kind="track", name="Hello", occurred_us=at_us, received_us=at_us, offset=9, properties=properties
    )
    return Chance(occurred_us=at_us, known_us=at_us, offset=9, event=event)


def past(number: int) -> PastRun:
    """A run that began and ended."""
    at_us = START_US + number
    return PastRun(
        run_id=f"r{number}",
        journey="jny",
        version="v",
        step="a_while",
        known_us=at_us,
        offset=number,
        ended_us=at_us,
        ended_offset=number,
        outcome="finished",
    )


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ("per: order_id", "key"),
        ("per: other", "no_key"),
        ("limit: {at_most: 2}", "limit"),
        ("reentry: once", "once"),
        ("goal: {rule: {did: {event: Bought}}}", "over"),
        ("exit_if: {did: {event: Bought}}", "over"),
        ("", "unknown"),
    ],
)
def test_the_reason_has_a_word_and_a_sentence(settings: str, kind: str, tmp_path: Path) -> None:
    found = miss(journey(tmp_path, settings), chance(order_id="a"), [past(1), past(2)])
    assert found is not None
    assert found.kind == kind
    assert found.words != kind
