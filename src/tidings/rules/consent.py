"""consent: her latest word on a purpose is a grant. `subscribed` says the same of a topic, which is a purpose too.

No word is no consent. At the same instant a withdrawal counts (process/profile.py), and an unsubscribe is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.clock import iso
from tidings.domain import feedback, schema
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.rules import sql
from tidings.rules.base import NO, YES, Condition, Traits, Verdict
from tidings.rules.form import Form

MAX_PURPOSE_CHARS = 100
"""As process/profile.py cuts it; the layers do not let this package read it, a test compares the two."""


FORM = Form(value={"description": "A purpose.", **schema.NAME, "maxLength": MAX_PURPOSE_CHARS})


class Consent(msgspec.Struct, frozen=True):
    """One purpose."""

    purpose: str
    word: str

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        entry = state.consents.get(self.purpose)
        if entry is None or not entry.granted:
            return NO
        return YES if entry.occurred_us <= at_us else Verdict(False, entry.occurred_us)

    def reads(self) -> Iterator[str]:
        yield f"consent:{self.purpose}"

    def words(self) -> str:
        return f"is subscribed to {self.purpose}" if self.word == "subscribed" else f"consents to {self.purpose}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        entry = state.consents.get(self.purpose)
        shown = f"{'given' if entry.granted else 'withdrawn'} {iso(entry.occurred_us)}" if entry else "never asked"
        return f"{self.words()}: {'yes' if self.judge(state, at_us).holds else 'no'} ({shown})"

    def sql(self, query: sql.Query) -> str:
        asked = sql.member("properties", "purpose"), sql.member("properties", "category")
        named = f"CASE name WHEN {sql.text(feedback.UNSUBSCRIBED)} THEN {asked[1]} ELSE {asked[0]} END"
        names = ", ".join(map(sql.text, (feedback.CONSENT_GIVEN, feedback.CONSENT_WITHDRAWN, feedback.UNSUBSCRIBED)))
        purpose = (
            f"CASE WHEN named IS NULL THEN 'marketing' WHEN json_type(named) = 'VARCHAR'"
            f" THEN left({sql.as_text('named')}, {MAX_PURPOSE_CHARS}) END"
        )
        return (
            f"SELECT profile_id FROM (SELECT profile_id, occurred_us, name, event_id, {purpose} AS purpose"
            f" FROM (SELECT *, {named} AS named FROM {query.EVENTS} WHERE name IN ({names})))"
            f" WHERE purpose = {sql.text(self.purpose)} GROUP BY profile_id"
            f" HAVING arg_max(name, {{'at': occurred_us, 'withdrawn': name <> {sql.text(feedback.CONSENT_GIVEN)}}})"
            f" = {sql.text(feedback.CONSENT_GIVEN)}"
        )


def parse(raw: dict[str, Any], traits: Traits, where: str, word: str = "consent") -> Condition:  # noqa: ARG001
    purpose = raw[word]
    if not isinstance(purpose, str) or not 0 < len(purpose) <= MAX_PURPOSE_CHARS:
        wanted = f"the name of a purpose, at most {MAX_PURPOSE_CHARS} characters"
        raise DefinitionError(f"{where}.{word}", "no purpose", got=purpose, wanted=wanted)
    return Consent(purpose, word)
