"""Who may be written to: address and consent, each with its evidence or its reason."""

from __future__ import annotations

from typing import Any

import pytest

from tidings.decide import policy as policies
from tidings.decide.eligibility import address_of, permit
from tidings.domain import profile as profiles
from tidings.domain.profile import ConsentEntry, ProfileState, TraitValue

T_US = 1_800_000_000_000_000
POLICIES = policies.parse({"marketing": {}, "receipt": {"consent": "not_needed"}}, "policy.yml")


def person(*, consent: bool | None = True, email: Any = "Ann@X.example ") -> ProfileState:
    state = profiles.new("p", "", 0)
    state.traits["email"] = TraitValue(email, T_US, "e")
    if consent is not None:
        state.consents["marketing"] = ConsentEntry(consent, T_US, "c", 7, "checkbox")
    return state


def refusal(state: ProfileState, category: str) -> str:
    return permit(state, POLICIES[category]).reason


def test_with_consent_it_may_go() -> None:
    permission = permit(person(), POLICIES["marketing"])
    assert permission.reason == ""
    assert permission.evidence["consent"]["offset"] == 7


def test_without_a_word_there_is_no_consent_and_a_withdrawal_counts_everywhere() -> None:
    assert refusal(person(consent=None), "marketing") == "no_consent"
    assert refusal(person(consent=False), "marketing") == "consent_withdrawn"
    state = person(consent=None)
    assert refusal(state, "receipt") == ""
    state.consents["receipt"] = ConsentEntry(False, T_US, "c", 7, "")
    assert refusal(state, "receipt") == "consent_withdrawn"


@pytest.mark.parametrize(
    "email", [None, "", "ann", "@x", "ann@", "a b@x.example", "a@x.example\nBcc: e@x", 7, ["a@x"], "a,b@x", "ä@x"]
)
def test_what_is_no_address_gets_nothing(email: Any) -> None:
    assert refusal(person(email=email), "marketing") == "no_address"


def test_the_address_is_tidied() -> None:
    assert address_of(person()) == "ann@x.example"
