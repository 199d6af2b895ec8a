"""policy.yml: what is put together for each category, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import definitions
from tidings.clock import DAY_US, HOUR_US
from tidings.decide import policy
from tidings.errors import DefinitionError
from tidings.process.journey import words

EVERYTHING = {
    "caps": [{"at_most": 3, "per": "7d"}, {"at_most": 1, "per": "day", "categories": ["news", "offers"]}],
    "quiet": {"from": "21:00", "to": "08:00"},
    "arbitration": {"window": "1h", "categories": "offers"},
    "news": {"cap": {"at_most": 2, "per": "24h"}, "quiet": False},
    "offers": {"when_capped": "wait", "patience": "2d"},
    "product": {"exempt": True, "cap": {"at_most": 5, "per": "1h"}},
    "transactional": {"consent": "not_needed", "mode": "at_least_once"},
    "tips": None,
}


def test_what_holds_across_categories_is_put_together_for_each_that_is_not_exempt() -> None:
    found = policy.parse(EVERYTHING, "policy.yml")
    assert {name: [cap.per for cap in one.caps] for name, one in found.items()} == {
        "news": ["1d", "1w", "day"],
        "offers": ["1w", "day"],
        "product": ["1h"],
        "transactional": [],
        "tips": ["1w"],
    }
    assert [name for name, one in found.items() if one.quiet is not None] == ["offers", "tips"]
    assert [name for name, one in found.items() if one.arbitration is not None] == ["offers"]
    assert [name for name, one in found.items() if one.exempt] == ["product", "transactional"]
    assert found["news"].caps[1].categories == {"news", "offers", "tips"}
    assert (found["offers"].patience_us, found["news"].patience_us) == (2 * DAY_US, 0)


def test_what_is_remembered_follows_from_what_is_asked() -> None:
    found = policy.parse({**EVERYTHING, "caps": [{"at_most": 40, "per": "365d"}]}, "policy.yml")
    assert {name: one.keep for name, one in found.items()} == {
        "news": 40,
        "offers": 40,
        "product": policy.LEAST_KEPT,
        "transactional": 0,
        "tips": 40,
    }


def test_a_category_may_have_quiet_hours_of_its_own_even_when_it_is_exempt() -> None:
    raw = {"transactional": {"quiet": {"from": "00:00", "to": "06:00", "weekdays": ["sun"], "then": "drop"}}}
    assert policy.words(policy.parse(raw, "policy.yml")["transactional"]) == [
        "needs consent",
        "exempt from what holds across categories",
        "quiet where the person is: 00:00 to 06:00 on sun (dropped)",
    ]


def test_a_policy_in_words() -> None:
    assert policy.words(policy.parse(EVERYTHING, "policy.yml")["offers"]) == [
        "needs consent",
        "at most 3 news and offers and tips messages in 1w",
        "at most 1 news and offers messages in a day of hers",
        "what a cap refuses waits at most 2d",
        "quiet where the person is: 21:00 to 08:00 (waits)",
        "one offers message in 1h, the best; the others try again for 1d",
    ]


def test_how_long_losers_try_again_is_a_day_unless_it_is_said() -> None:
    def retry_us(**more: Any) -> int:
        found = policy.parse({"arbitration": {"window": "1h", **more}, "m": {}}, "policy.yml")["m"].arbitration
        assert found is not None
        return found.retry_us

    assert retry_us() == DAY_US
    assert retry_us(retry_for="2h") == 2 * HOUR_US
    assert retry_us(losers="drop") == 0


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"m": {"consent": "maybe"}}, "m.consent: unknown; got 'maybe'; wanted required or not_needed"),
        ({"m": {"cap": {"at_most": 0, "per": "1d"}}}, "m.cap.at_most: out of range"),
        ({"m": {"cap": {"at_most": 1}}}, "m.cap.per: not a duration"),
        ({"m": {"cap": {"at_most": 1, "per": "fortnight"}}}, "or day, week or month"),
        ({"m": {"limit": 1}}, "unknown setting"),
        ({"m": {"mode": "twice"}}, "m.mode: unknown"),
        ({"m": {"when_capped": "later"}}, "m.when_capped: unknown; got 'later'; wanted drop or wait"),
        ({"m": {"patience": "1d"}}, "m.patience: nothing waits; write `when_capped: wait` beside it"),
        ({"m": {"exempt": "yes"}}, "m.exempt: unknown; got 'yes'; wanted true or false"),
        ({"m": 7}, "m: needs settings"),
        ({"m": {}, "caps": {"at_most": 1}}, "caps: needs a list of at most 20 caps"),
        ({"m": {}, "caps": [7]}, r"caps[0]: needs `at_most` and `per`"),
        ({"m": {}, "caps": [{"at_most": 1, "per": "1d", "category": "m"}]}, "did you mean categories?"),
        ({"m": {}, "caps": [{"at_most": 1, "per": "1d", "categories": ["n"]}]}, "caps[0].categories: unknown category"),
        ({"m": {}, "caps": [{"at_most": 1, "per": "1d", "categories": []}]}, "caps[0].categories: needs categories"),
        (
            {"transactional": {}, "caps": [{"at_most": 1, "per": "1d", "categories": "transactional"}]},
            "caps[0].categories: an exempt category; got 'transactional'; leave it out, or write `exempt: false`",
        ),
        ({"m": {}, "quiet": {"from": "21:00"}}, "quiet.to: no time of day"),
        ({"m": {}, "quiet": {"from": "08:00", "to": "08:00"}}, "quiet: ends when it begins"),
        ({"m": {}, "quiet": {"from": "00:00", "to": "24:00"}}, "quiet: leaves no minute of the week"),
        (
            {"m": {"quiet": [{"from": "06:00", "to": "18:00"}, {"from": "17:00", "to": "06:00"}]}},
            "m.quiet: leaves no minute of the week",
        ),
        ({"m": {}, "quiet": {"from": "21:00", "to": "08:00", "then": "hold"}}, "quiet.then: unknown"),
        ({"m": {}, "quiet": []}, "quiet: needs 1 to 10 stretches"),
        ({"m": {}, "quiet": ["night"]}, "quiet[0]: needs settings"),
        ({"m": {}, "arbitration": {}}, "arbitration.window: not a duration"),
        ({"m": {}, "arbitration": {"window": "1h", "losers": "cry"}}, "arbitration.losers: unknown"),
        (
            {"m": {}, "arbitration": {"window": "1h", "losers": "drop", "retry_for": "1d"}},
            "arbitration.retry_for: losers are dropped",
        ),
        ({"m": {}, "arbitration": 7}, "arbitration: needs settings"),
    ],
)
def test_a_wrong_policy_says_where(raw: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=r"policy\.yml") as problem:
        policy.parse(raw, "policy.yml")
    assert says in str(problem.value)


def test_a_journey_says_its_priority_and_a_step_its_value(tmp_path: Path) -> None:
    steps = "steps:\n  - id: a\n    send: {template: t, value: 5}\n  - id: b\n    send: {template: t, value: {trait: x, times: 2}}\n"
    found = definitions(
        tmp_path, urgent=f"entry: {{event: E}}\npriority: high\n{steps}", usual=f"entry: {{event: E}}\n{steps}"
    )
    urgent, usual = (words(found.journeys[name]) for name in ("urgent", "usual"))
    assert [line for line in urgent if line not in usual] == ["Priority of its messages: high"]
    assert usual[-2:] == ["a: Send t (marketing, worth 5)", "b: Send t (marketing, worth x times 2)"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("priority: urgent\n", "priority: unknown; got 'urgent'; wanted high, normal or low"),
        ("value: lots", "value: no number; got 'lots'"),
        ("value: {times: 2}", "value: needs `trait`"),
        ("value: {trait: x, times: many}", "value.times: no number"),
        ("value: {trait: last_seen}", "value.trait: is no number; got 'last_seen'"),
    ],
)
def test_what_a_journey_may_not_say(said: str, problem: str, tmp_path: Path) -> None:
    priority, value = (said, "value: 1") if said.startswith("priority") else ("", said)
    text = f"entry: {{event: E}}\n{priority}steps:\n  - id: a\n    send: {{template: t, {value}}}\n"
    with pytest.raises(DefinitionError) as raised:
        definitions(tmp_path, traits="last_seen: {last: {event: E}}", j=text)
    assert problem in str(raised.value)
