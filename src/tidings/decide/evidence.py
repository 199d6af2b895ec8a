"""What a decision kept of quiet hours, caps and arbitration (`SendIntent.why`), read again in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tidings.decide import arbitration, caps, quiet


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    passed: bool
    title: str
    detail: str
    messages: list[str] = []
    """Ids of the messages that it speaks of."""


def checks(why: Mapping[str, Any]) -> Iterator[Check]:
    """Everything that was looked at, in that order; what the policy does not have is left out."""
    if isinstance(why.get("quiet"), Mapping):
        yield _quiet(why["quiet"])
    if isinstance(why.get("arbitration"), Mapping):
        yield _arbitration(why["arbitration"])
    older = why.get("cap")
    for one in why.get("caps", [older] if isinstance(older, Mapping) else []):
        yield _cap(one)


def _quiet(said: Mapping[str, Any]) -> Check:
    passed = "hours" not in said
    return Check(passed=passed, title="Outside of quiet hours" if passed else "Quiet hours", detail=quiet.shown(said))


def _cap(said: Mapping[str, Any]) -> Check:
    passed = int(said["counted"]) < int(said["at_most"])
    title = "Frequency cap not reached" if passed else "Frequency cap reached"
    return Check(passed=passed, title=title, detail=caps.shown(said), messages=list(said.get("messages", ())))


def _arbitration(said: Mapping[str, Any]) -> Check:
    won = said.get("winner")
    messages = [str(won["message_id"])] if isinstance(won, Mapping) else []
    title = "Another message was first" if messages else "No better message wanted this person"
    return Check(passed=not messages, title=title, detail=arbitration.shown(said), messages=messages)
