"""A condition, and the state of a person to whom things happened, for the tests of conditions."""

from __future__ import annotations

from typing import Any

from tidings.accumulate import kinds
from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState, TraitValue
from tidings.process.layout import Layout
from tidings.rules import parse as rule_parse
from tidings.rules.base import Condition

T_US = 1_800_000_000_000_000
"""2027-01-15T08:00:00Z."""
S_US = 1_000_000


def build(raw: Any, *events: tuple[Any, ...], traits: Any = None, **given: Any) -> tuple[Condition, ProfileState]:
    """The condition, and a person with events (name, seconds after `T_US`, properties) and given traits."""
    layout = Layout()
    kinds.define(traits or {}, layout, "traits.yml")
    condition = rule_parse.parse(raw, layout, "segments.yml: s.rule")
    layout.seal()
    state = profiles.new("p", layout.layout_id, len(layout.accumulators))
    state.traits = {name: TraitValue(value, T_US, "e") for name, value in given.items()}
    for number, (name, at_s, *properties) in enumerate(events):
        at_us = T_US + at_s * S_US
        event = Event(
            event_id=f"e{number}",
            kind="track",
            name=name,
            occurred_us=at_us,
            received_us=at_us,
            offset=number,
            properties=properties[0] if properties else {},
        )
        layout.fold(state.values, event)
    return condition, state


def verdicts(condition: Condition, state: ProfileState, *at_s: float) -> list[bool]:
    """Whether it holds at these seconds after `T_US`."""
    return [condition.judge(state, T_US + round(s * S_US)).holds for s in at_s]


def next_s(condition: Condition, state: ProfileState, at_s: float) -> float | None:
    """When it can next change, in seconds after `T_US`."""
    next_us = condition.judge(state, T_US + round(at_s * S_US)).next_us
    return (next_us - T_US) / S_US if next_us else None
