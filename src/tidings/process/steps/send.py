"""send: asks for one message. Whether it may go, and when, is decided by decide/, not here.

``send: {template: cart, category: marketing, value: {trait: expected_revenue, times: 0.3}}``. When several messages want one person at the same
time, `value` says which is worth more: a number, or a trait of hers that is one, as it is when the step asks; what is no number is worth
nothing. A run that has to wait (quiet hours, a cap, others that were first) stays at this step and asks again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.reading import is_number
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process import results
from tidings.process.steps.base import Draft, Move, Step, StepBase, text
from tidings.rules.base import Reading, Traits

_PREDICTED = schema.settings({"trait": schema.TRAIT, "times": {"type": "number"}}, ["trait"])
SCHEMA = schema.settings(
    {"template": schema.NAME, "category": schema.NAME, "value": {"anyOf": [{"type": "number"}, _PREDICTED]}},
    ["template"],
)


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """What a message is worth."""

    number: float = 1.0
    """As declared, or what the trait is taken times."""
    trait: str = ""
    """The trait that predicts it; empty when it is declared."""
    reading: Reading | None = None
    """How a computed trait is read; None for a given one."""

    def of(self, state: ProfileState, at_us: int) -> float:
        """What it is worth for this person at an instant."""
        if not self.trait:
            return self.number
        if self.reading is not None:
            found = self.reading.read(state.values, at_us)
        else:
            given = state.traits.get(self.trait)
            found = given.value if given is not None else None
        return float(found) * self.number if isinstance(found, int | float) and not isinstance(found, bool) else 0.0

    def words(self) -> str:
        """For people; nothing for the usual one."""
        if self.trait:
            return f", worth {self.trait}{f' times {self.number:g}' if self.number != 1 else ''}"
        return f", worth {self.number:g}" if self.number != 1 else ""


USUAL = Value()


class Send(StepBase, frozen=True):
    """Settings: template, category, value."""

    template: str
    category: str
    value: Value = USUAL

    def enter(self, state: ProfileState, run: Run) -> Move:
        draft = Draft(self.id, self.template, self.category, self.value.of(state, run.since_us))
        return Move(f"asks for {self.template}", goto=self.next, draft=draft)

    def on_timer(self, run: Run) -> Move:
        return Move("asks again", goto=self.id) if run.bid else super().on_timer(run)

    def results(self) -> tuple[str, ...]:
        return results.STRENGTH

    def words(self) -> str:
        return f"Send {self.template} ({self.category}{self.value.words()})"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    settings, path = raw["send"], f"{where}.send"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="template, category")
    only(settings, {"template", "category", "value"}, path)
    template, category = text(settings, "template", path), text(settings, "category", path, "marketing")
    value = _value(settings["value"], traits, f"{path}.value") if "value" in settings else USUAL
    return Send(step_id, following, template=template, category=category, value=value)


def _value(raw: Any, traits: Traits, where: str) -> Value:
    if isinstance(raw, dict):
        only(raw, {"trait", "times"}, where)
        trait = text(raw, "trait", where)
        reading = traits.computed(trait)
        if reading is not None and not is_number(reading):
            raise DefinitionError(f"{where}.trait", "is no number", got=trait, do="use a trait that counts or adds up")
        return Value(number=_number(raw.get("times", 1), f"{where}.times"), trait=trait, reading=reading)
    return Value(number=_number(raw, where))


def _number(raw: Any, where: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or raw != raw:  # noqa: PLR0124 - nan differs from itself
        raise DefinitionError(where, "no number", got=raw, wanted="a number such as 5, or {trait: NAME, times: 0.3}")
    return float(raw)
