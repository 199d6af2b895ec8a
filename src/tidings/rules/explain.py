"""Why a rule holds for somebody or does not, part by part: a rule as a tree for the eye, with her own values at its leaves."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.domain.profile import ProfileState
from tidings.rules.all import AllOf
from tidings.rules.base import Condition
from tidings.rules.in_segment import InSegment
from tidings.rules.joined import Joined
from tidings.rules.not_ import Not

JOINTS: dict[tuple[type[Joined], bool], str] = {(AllOf, True): "all of these", (AllOf, False): "not all of these"}
"""What stands over several parts, and what does when they are turned round; else it is about any of them."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a rule, as it is for one person at one instant."""

    words: str
    """What is asked."""
    holds: bool
    own: str = ""
    """Her own values; empty where the parts say them."""
    parts: tuple[Reason, ...] = ()


def reasons(condition: Condition, state: ProfileState, at_us: int) -> Reason:
    """The rule with this person's own values, part by part. It says what `condition.explain` says."""
    holds = condition.judge(state, at_us).holds
    inner: Any = condition.part if isinstance(condition, Not) else condition
    words = _words(condition, inner)
    if isinstance(inner, Not):
        return Reason(words=words, holds=holds, parts=(reasons(inner, state, at_us),))
    if isinstance(inner, InSegment):
        return Reason(words=words, holds=holds, parts=(reasons(inner.rule, state, at_us),))
    if isinstance(inner, Joined):
        parts = tuple(reasons(part, state, at_us) for part in inner.parts)
        return Reason(words=words, holds=holds, parts=parts)
    return Reason(words=words, holds=holds, own=_own(inner, state, at_us))


def _words(condition: Condition, inner: Any) -> str:
    turned = inner is not condition
    if isinstance(inner, Joined):
        return JOINTS.get((type(inner), not turned), "none of these" if turned else "any of these")
    if isinstance(inner, Not):
        return "not so"
    words: str = inner.words()
    return f"not: {words}" if turned else words


def _own(leaf: Condition, state: ProfileState, at_us: int) -> str:
    """Every kind explains itself as ``<words>: yes (<own values>)``."""
    said = leaf.explain(state, at_us).removeprefix(leaf.words())
    return said.removeprefix(": yes (").removeprefix(": no (").removesuffix(")")
