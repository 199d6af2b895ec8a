"""What a decision kept is read again in words, with the messages that it speaks of."""

from __future__ import annotations

from tidings.decide.evidence import Check, checks

WON = {"message_id": "m1", "journey": "cart", "value": 9.0, "decided_us": 1}
OWN = {"window": "1h", "value": 2.5, "priority": "normal", "rounds": 3}
CAP = {"at_most": 2, "per": "day", "categories": ["news", "offers"], "counted": 2, "messages": ["m2", "m3"]}


def test_nothing_was_looked_at_where_the_policy_has_nothing() -> None:
    assert list(checks({"consent": {}, "steps": []})) == []


def test_what_passed_and_what_did_not_in_the_order_in_which_it_was_asked() -> None:
    quiet = {"zone": "Asia/Kolkata"}
    others = [{"journey": "drop", "run_id": "r", "value": 1.0, "priority": "low"}]
    found = list(checks({"caps": [CAP], "quiet": quiet, "arbitration": {**OWN, "others": others}}))
    assert found == [
        Check(passed=True, title="Outside of quiet hours", detail="By the clock in Asia/Kolkata."),
        Check(
            passed=True,
            title="No better message wanted this person",
            detail="Worth 2.5, priority normal; drop with 1 waited.",
        ),
        Check(
            passed=False,
            title="Frequency cap reached",
            detail="2 of at most 2 news and offers messages in that day.",
            messages=["m2", "m3"],
        ),
    ]


def test_hours_and_the_one_that_was_first_are_named() -> None:
    hours = {"zone": "UTC", "hours": "21:00 to 08:00", "until_us": 1_800_000_000_000_000}
    night, lost = checks({"quiet": hours, "arbitration": {**OWN, "winner": WON, "others": []}})
    assert (night.passed, night.detail) == (False, "21:00 to 08:00 in UTC, until 2027-01-15T08:00:00Z.")
    assert (lost.passed, lost.messages) == (False, ["m1"])
    assert lost.detail == "Worth 2.5, priority normal; cart with 9 went first, within 1h, and it gave way 3 times."


def test_the_cap_of_an_older_message_is_shown_too() -> None:
    (found,) = checks({"cap": {"at_most": 2, "per_us": 86_400_000_000, "counted": 1}})
    assert (found.passed, found.detail) == (True, "1 of at most 2 messages in the 1d before this one.")
