"""Who may be written to: address, consent and cap, each with its evidence or its reason."""

from __future__ import annotations

from typing import Any

import pytest

from tidings.clock import DAY_US
from tidings.decide import policy as policies
from tidings.decide.eligibility import address_of, permit
from tidings.domain import profile as profiles
from tidings.domain.profile import ConsentEntry, ProfileState, TraitValue
from tidings.errors import DefinitionError

T_US = 1_800_000_000_000_000
POLICIES = policies.parse(
    {"marketing": {"cap": {"at_most": 2, "per": "24h"}}, "receipt": {"consent": "not_needed"}}, "policy.yml"
)


def person(
    *, consent: bool | None = True, sends: list[int] | None = None, email: Any = "Ann@X.example "
) -> ProfileState:
    state = profiles.new("p", "", 0)
    state.traits["email"] = TraitValue(email, T_US, "e")
    if consent is not None:
        state.consents["marketing"] = ConsentEntry(consent, T_US, "c", 7, "checkbox")
    state.sends = [(at_us, "marketing") for at_us in sends or []]
    return state


def test_with_consent_and_room_under_the_cap_it_may_go() -> None:
    permission = permit(person(sends=[T_US]), POLICIES["marketing"], T_US + 1)
    assert permission.reason == ""
    assert permission.evidence["consent"]["offset"] == 7
    assert permission.evidence["cap"]["counted"] == 1


def test_a_message_exactly_a_span_ago_no_longer_counts() -> None:
    state = person(sends=[T_US, T_US])
    assert permit(state, POLICIES["marketing"], T_US + DAY_US - 1).reason == "frequency_cap"
    assert permit(state, POLICIES["marketing"], T_US + DAY_US).reason == ""


def test_without_a_word_there_is_no_consent_and_a_withdrawal_counts_everywhere() -> None:
    assert permit(person(consent=None), POLICIES["marketing"], T_US).reason == "no_consent"
    assert permit(person(consent=False), POLICIES["marketing"], T_US).reason == "consent_withdrawn"
    state = person(consent=None)
    assert permit(state, POLICIES["receipt"], T_US).reason == ""
    state.consents["receipt"] = ConsentEntry(False, T_US, "c", 7, "")
    assert permit(state, POLICIES["receipt"], T_US).reason == "consent_withdrawn"


@pytest.mark.parametrize(
    "email", [None, "", "ann", "@x", "ann@", "a b@x.example", "a@x.example\nBcc: e@x", 7, ["a@x"], "a,b@x", "ä@x"]
)
def test_what_is_no_address_gets_nothing(email: Any) -> None:
    assert permit(person(email=email), POLICIES["marketing"], T_US).reason == "no_address"


def test_the_address_is_tidied() -> None:
    assert address_of(person()) == "ann@x.example"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"m": {"consent": "maybe"}}, "m.consent: unknown; got 'maybe'"),
        ({"m": {"cap": {"at_most": 0, "per": "1d"}}}, "m.cap.at_most: out of range"),
        ({"m": {"cap": {"at_most": 1}}}, "m.cap.per: not a duration"),
        ({"m": {"limit": 1}}, "unknown setting"),
        ({"m": {"mode": "twice"}}, "m.mode: unknown"),
    ],
)
def test_a_wrong_policy_says_where(raw: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=r"policy\.yml") as problem:
        policies.parse(raw, "policy.yml")
    assert says in str(problem.value)
