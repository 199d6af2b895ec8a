"""What begins a run: each kind of entry, lists of them, and what may not be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import World, definitions
from tidings import workspace
from tidings.errors import DefinitionError
from tidings.process.entries import kinds
from tidings.process.journey import words

SEGMENTS = """
    buyers: {rule: {did: {event: Bought, within: 60s}}}
    cheap: {rule: {did: {event: Bought, where: {price: {at_most: 5}}}}}
"""
STEPS = "steps: [{id: greet, send: {template: welcome, category: marketing}}]"


def world(folder: Path, entry: str, *, more: str = "", segments: str = SEGMENTS) -> World:
    return World(definitions(folder, segments=segments, jny=f"entry: {entry}\n{more}\n{STEPS}"))


def begins(one: World) -> list[tuple[float, str]]:
    """(seconds from the start, cause) of each run."""
    return [((fact.occurred_us - 1_800_000_000_000_000) / 1e6, fact.cause) for fact in one.facts("run_started")]


def test_leaving_a_segment_begins_a_run_at_the_instant_it_is_left(tmp_path: Path) -> None:
    one = world(tmp_path, "{segment: buyers, when: leave}")
    one.track(10, "Bought")
    one.until(69.9)
    assert begins(one) == []
    one.until(200)
    assert [at_s for at_s, _ in begins(one)] == [70]


def test_entering_is_what_is_meant_when_nothing_is_said(tmp_path: Path) -> None:
    one = world(tmp_path, "{segment: buyers}")
    one.track(10, "Bought")
    one.until(200)
    assert begins(one) == [(10, "event:0")]


def test_loaded_history_that_leaves_a_segment_begins_nothing(tmp_path: Path) -> None:
    one = world(tmp_path, "{segment: buyers, when: leave}")
    one.loaded(10, "Bought", 1_000)
    one.until(2_000)
    assert begins(one) == []


def test_a_leave_that_what_came_with_it_shows_to_be_none_is_taken_back(tmp_path: Path) -> None:
    one = world(tmp_path, "{segment: buyers, when: leave}")
    one.take([one.record("track", at_s, "Bought", user="ann") for at_s in (10, 69)], 100)
    assert one.ends() == [("jny", "in buyers after all")]
    assert one.sends() == []


def test_what_the_absorbed_one_had_left_already_is_nothing_new(tmp_path: Path) -> None:
    segments = "poor: {rule: {not: {did: {event: Bought}}}}"
    one = world(tmp_path, "{segment: poor, when: leave}", segments=segments)
    one.track(1, "Bought", user="", anonymous="device")  # she was never in it
    one.track(2, "Looked", user="ann")  # and she is in it
    one.take([one.record("track", 3, "Looked", user="ann", anonymous="device")], 3)
    assert begins(one) == []


def test_any_entry_of_a_list_begins_a_run_and_one_event_begins_one(tmp_path: Path) -> None:
    one = world(tmp_path, "[{event: Bought, where: {price: {at_least: 9}}}, {segment: cheap}, {event: Bought}]")
    one.track(1, "Bought", {"price": 3})
    one.track(2, "Bought", {"price": 9})
    one.track(3, "Looked")
    assert begins(one) == [(1, "event:0"), (2, "event:1")]
    runs = [fact.data["run_id"] for fact in one.facts("run_started")]
    assert len(set(runs)) == 2


def test_the_entries_are_said_in_words(tmp_path: Path) -> None:
    text = f"entry: [{{event: Bought}}, {{segment: cheap, when: leave}}]\n{STEPS}"
    journey = definitions(tmp_path, segments=SEGMENTS, jny=text).journeys["jny"]
    assert words(journey)[0] == "Entry: did Bought or leaves segment cheap (again and again)"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{}", "entry: an entry needs exactly one kind; got {}; wanted one of "),
        ("[]", "entry: needs 1 to 20 ways in; got 0"),
        ("[{event: A}, {segment: nobody}]", "entry[1].segment: unknown segment; got 'nobody'"),
        ("{event: A, segment: cheap}", "entry: an entry needs exactly one kind"),
        ("{segment: cheap, when: never}", "entry.when: unknown turn; got 'never'; wanted enter or leave"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(entry: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        world(tmp_path, entry)
    assert says in str(problem.value)


def test_an_earlier_version_has_no_entries_so_that_what_they_speak_of_may_go(tmp_path: Path) -> None:
    before = definitions(tmp_path, segments=SEGMENTS, jny=f"entry: {{segment: cheap}}\n{STEPS}")
    definitions(tmp_path, segments="buyers: {rule: {did: {event: Bought}}}", jny=f"entry: {{event: A}}\n{STEPS}")
    after = workspace.load(tmp_path, earlier=before.sources)
    assert after.outdated == {}
    assert [len(one.entries) for one in after.versions.values()] == [1, 0]


def test_every_kind_says_what_it_takes() -> None:
    assert len(kinds.schema_of_all()["anyOf"]) == len(kinds.KINDS) + 1
