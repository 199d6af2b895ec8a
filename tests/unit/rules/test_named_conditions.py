"""What definitions of segments, lists, consent, engagement and local time may say, and how it is refused."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import definitions, write
from tidings import workspace
from tidings.domain import profile as profiles
from tidings.errors import DefinitionError
from tidings.process import profile
from tidings.rules import consent


def refusal(folder: Path, segments: str) -> str:
    with pytest.raises(DefinitionError) as error:
        definitions(folder, segments=segments)
    return str(error.value)


def test_segments_in_a_circle_are_refused_with_the_circle(tmp_path: Path) -> None:
    circle = "a: {rule: {in_segment: b}}\nb: {rule: {not: {in_segment: c}}}\nc: {rule: {in_segment: b}}"
    assert "in a circle: b → c → b" in refusal(tmp_path, circle)


def test_an_unknown_segment_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    said = refusal(tmp_path, "lapsed: {rule: {did: {event: A}}}\nother: {rule: {in_segment: lapsd}}")
    assert "segments.yml:2: other.rule.in_segment: unknown segment; got 'lapsd'; did you mean lapsed?" in said


def test_a_rule_that_takes_in_too_many_others_is_refused(tmp_path: Path) -> None:
    rules = ["s0: {rule: {did: {event: A}}}"]
    rules += [f"s{n}: {{rule: {{any: [{{in_segment: s{n - 1}}}, {{in_segment: s{n - 1}}}]}}}}" for n in range(1, 12)]
    assert "takes in more than 100 other segments" in refusal(tmp_path, "\n".join(rules))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('{from: "9:00", to: "17:00"}', "no time of day; got '9:00'"),
        ('{from: "09:00"}', "needs both `from` and `to`"),
        ('{from: "09:00", to: "09:00"}', "can never hold"),
        ('{from: "24:30", to: "09:00"}', "no time of day"),
        ("{weekdays: []}", "no days of the week"),
        ("{weekdays: [monday]}", "wanted mon, tue"),
        ('{from: "00:00", to: "24:00"}', "always holds"),
        ("{until: noon}", "until"),
    ],
)
def test_a_local_time_that_makes_no_sense_is_refused(settings: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(tmp_path, f"s: {{rule: {{local_time: {settings}}}}}")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{engaged: {with: read}}", "got 'read'; wanted sent or delivered or opened or clicked"),
        ("{engaged: {with: [opened]}}", "needs `with`; got ['opened']"),
        ("{engaged: {with: opened, campaign: x}}", "unknown setting; got 'campaign'"),
        ("{engaged: {with: opened, machine: maybe}}", "needs true or false"),
        ("{consent: 7}", "no purpose; got 7"),
        ("{subscribed: ''}", "no purpose"),
        ("{in_list: []}", "needs the name of a list"),
    ],
)
def test_other_conditions_that_make_no_sense_are_refused(rule: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(tmp_path, f"s: {{rule: {rule}}}")


@pytest.mark.parametrize("zone", ["[UTC]", "{UTC: 1}", "7", "../UTC"])
def test_what_is_no_time_zone_is_refused_whatever_it_is(zone: str, tmp_path: Path) -> None:
    folder = write(tmp_path, segments="")
    (folder / "settings.yml").write_text(f"timezone: {zone}\n")
    with pytest.raises(DefinitionError, match=r"settings\.yml:1: timezone: unknown time zone"):
        workspace.load(folder)


def test_an_unknown_time_zone_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    folder = write(tmp_path, segments="")
    (folder / "settings.yml").write_text("timezone: Europe/Lodon\n")
    with pytest.raises(DefinitionError, match="did you mean Europe/London"):
        workspace.load(folder)


def test_purposes_are_cut_alike_here_and_where_they_are_kept() -> None:
    assert f"purpose[:{consent.MAX_PURPOSE_CHARS}]" in inspect.getsource(profile.consent_of)


def test_explanations_show_her_own_values(tmp_path: Path) -> None:
    rules: dict[str, Any] = {
        "base": "{did: {event: A}}",
        "one": "{in_segment: base}",
        "two": "{in_list: beta}",
        "three": "{consent: news}",
        "four": '{local_time: {from: "09:00", to: "17:00"}}',
        "five": "{engaged: {with: clicked, journey: cart, at_least: 2}}",
    }
    what = definitions(tmp_path, segments="\n".join(f"{name}: {{rule: {rule}}}" for name, rule in rules.items()))

    nobody = profiles.new("p", what.layout.layout_id, len(what.layout.accumulators))
    noon_us = 1_800_000_000_000_000
    said = {one.name: one.rule.explain(nobody, noon_us) for one in what.segments.all()}
    assert said["one"] == "is in segment base: no (did A: no (never seen))"
    assert said["two"] == "is on the list beta: no (never joined)"
    assert said["three"] == "consents to news: no (never asked)"
    assert said["four"] == "it is 09:00 to 17:00 where the person is: no (fri 08:00 in UTC)"
    assert "Email Link Clicked with journey is 'cart' and machine is not True" in said["five"]
