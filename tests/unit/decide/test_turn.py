"""When it is a message's turn: it waits for the exact end of what keeps it back, and everything is decided anew then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import START_US, World, definitions
from tidings.clock import iso

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
# The tests begin on Friday 2027-01-15 at 08:00 UTC.
NEWS = "entry: {event: News}\nsteps:\n  - id: s\n    send: {template: t, category: m}\n"
NIGHT = 'quiet: {from: "21:00", to: "08:00"}\n'
FREE = "m: {consent: not_needed}\n"


def world(folder: Path, policy: str, **files: str) -> World:
    one = World(definitions(folder, policy=policy, **{"news": NEWS, **files}))
    one.identify(0, email="ann@x.example")
    return one


def decided(one: World) -> list[tuple[str, str]]:
    return [(iso(sent.decided_us), sent.suppressed) for sent in one.sends()]


def test_a_message_waits_for_the_exact_end_of_her_night(tmp_path: Path) -> None:
    one = world(tmp_path, NIGHT + FREE)
    one.identify(1, timezone="America/New_York")  # where it is three in the morning
    one.track(10, "News")
    one.until(DAY_S)
    assert decided(one) == [("2027-01-15T13:00:00Z", "")]
    assert one.sends()[0].occurred_us == one.sends()[0].decided_us
    assert one.sends()[0].why["quiet"] == {"zone": "America/New_York"}
    waited = one.sends()[0].why["steps"][0][3]
    assert waited == "waits until 2027-01-15T13:00:00Z: quiet hours, 21:00 to 08:00 in America/New_York"


@pytest.mark.parametrize("zone", ["Mars/Olympus", 7, ""])
def test_a_zone_that_is_none_is_the_workspaces_and_nobody_is_dropped(zone: object, tmp_path: Path) -> None:
    one = world(tmp_path, NIGHT + FREE)
    one.identify(1, timezone=zone)
    one.track(10, "News")
    assert decided(one) == [("2027-01-15T08:00:10Z", "")]
    one.track(14 * HOUR_S, "News")
    one.until(2 * DAY_S)
    assert decided(one)[1:] == [("2027-01-16T08:00:00Z", "")]


def test_a_message_may_be_dropped_in_quiet_hours_with_its_reason(tmp_path: Path) -> None:
    one = world(tmp_path, 'quiet: {from: "07:00", to: "09:00", then: drop}\n' + FREE)
    one.track(10, "News")
    assert decided(one) == [("2027-01-15T08:00:10Z", "quiet_hours")]
    assert one.sends()[0].why["quiet"]["hours"] == "07:00 to 09:00"


def test_what_changed_over_night_counts_in_the_morning(tmp_path: Path) -> None:
    one = world(
        tmp_path, NIGHT + "m: {consent: not_needed, cap: {at_most: 1, per: day}}\n", more=NEWS.replace("News", "More")
    )
    one.track(14 * HOUR_S, "News")
    one.track(15 * HOUR_S, "More")
    one.track(16 * HOUR_S, "Unsubscribed", {"category": "m"})
    one.until(2 * DAY_S)
    assert decided(one) == [("2027-01-16T08:00:00Z", "consent_withdrawn")] * 2


def test_a_goal_that_is_reached_over_night_ends_the_wait(tmp_path: Path) -> None:
    one = world(tmp_path, NIGHT + FREE, news=f"exit_on: Bought\n{NEWS}")
    one.track(14 * HOUR_S, "News")
    one.track(15 * HOUR_S, "Bought")
    one.until(2 * DAY_S)
    assert decided(one) == []
    assert one.ends() == [("news", "did Bought")]


def test_of_those_that_waited_for_the_morning_the_best_goes_first(tmp_path: Path) -> None:
    rules = NIGHT + "m: {consent: not_needed, cap: {at_most: 1, per: day}}\n"
    better = NEWS.replace("category: m", "category: m, value: 2")
    one = world(tmp_path, rules, better=better, worse=NEWS)
    one.track(14 * HOUR_S, "News")
    one.until(2 * DAY_S)
    assert [(sent.journey, sent.suppressed) for sent in one.sends() if not sent.suppressed] == [("better", "")]
    assert {sent.suppressed for sent in one.sends() if sent.journey != "better"} == {"frequency_cap"}


def test_a_message_waits_for_room_under_a_cap_as_long_as_its_patience(tmp_path: Path) -> None:
    rules = "m: {consent: not_needed, cap: {at_most: 1, per: 24h}, when_capped: wait, patience: 24h}\n"
    one = world(tmp_path, rules)
    for at_s in (10, 20, 30):
        one.track(at_s, "News")
        one.until(at_s + 1)
    one.until(5 * DAY_S)
    assert decided(one) == [
        ("2027-01-15T08:00:10Z", ""),
        ("2027-01-16T08:00:10Z", ""),
    ]  # one run at a time: two entries
    one = world(tmp_path, rules, more=NEWS)
    one.track(10, "News")
    one.until(5 * DAY_S)
    assert decided(one) == [("2027-01-15T08:00:10Z", ""), ("2027-01-16T08:00:10Z", "")]
    one = world(tmp_path, rules, more=NEWS, most=NEWS)
    one.track(10, "News")
    one.until(5 * DAY_S)
    _, second, third = sorted(one.sends(), key=lambda sent: (sent.decided_us, sent.suppressed))
    assert third.suppressed == "frequency_cap"  # there is room again after its patience
    assert third.decided_us == second.decided_us
    assert third.why["caps"][0]["messages"] == [second.message_id]
    assert third.why["caps"][0]["counted"] == 1


def test_a_cap_counts_across_categories_but_not_what_is_exempt(tmp_path: Path) -> None:
    rules = (
        f"caps: [{{at_most: 2, per: week}}]\n{FREE}n: {{consent: not_needed}}\ntransactional: {{consent: not_needed}}\n"
    )
    other, bill = NEWS.replace("category: m", "category: n"), NEWS.replace("category: m", "category: transactional")
    one = world(tmp_path, rules, n=other.replace("News", "Other"), bill=bill.replace("News", "Bill"))
    for at_s, event in enumerate(["Bill", "News", "Bill", "Other", "Other", "Bill", "News"]):
        one.track(10 + at_s, event)
    assert [(sent.category, sent.suppressed) for sent in one.sends()] == [
        ("transactional", ""),
        ("m", ""),
        ("transactional", ""),
        ("n", ""),
        ("n", "frequency_cap"),
        ("transactional", ""),
        ("m", "frequency_cap"),
    ]
    one.track(2.6 * DAY_S, "News")  # still Sunday
    one.track(2.8 * DAY_S, "News")  # Monday
    assert [sent.suppressed for sent in one.sends()[-2:]] == ["frequency_cap", ""]


def test_two_people_who_are_one_have_had_the_messages_of_both(tmp_path: Path) -> None:
    one = world(tmp_path, "m: {consent: not_needed, cap: {at_most: 2, per: 7d}}\n")
    one.take([one.record("identify", 1, anonymous="d", traits={"email": "ann@x.example"})], 1)
    one.track(10, "News")
    one.take([one.record("track", 20, "News", anonymous="d")], 20)
    one.identify(30, user="ann", anonymous="d")
    one.track(40, "News")
    assert [sent.suppressed for sent in one.sends()] == ["", "", "frequency_cap"]
    assert [sent.decided_us - START_US for sent in one.person().sends] == [10_000_000, 20_000_000]


def test_a_decision_takes_its_quiet_hours_along(tmp_path: Path) -> None:
    one = world(tmp_path, NIGHT + FREE)
    one.track(10, "News")
    (sent,) = one.sends()
    assert sent.zone == "UTC"
    assert [(quiet.from_s, quiet.to_s, quiet.weekdays) for quiet in sent.quiet] == [
        (75_600, 115_200, (0, 1, 2, 3, 4, 5, 6))
    ]
