"""Values that a step writes or sends: as they stand, or taken from the person, the entering event or a webhook's answer.

``plan: gold``, ``score: {trait: revenue}``, ``item: {event: product_id}``, ``level: {answer: ask_crm, field: level}``, ``note: {text: …}``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tidings.clock import iso
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.domain.wire import too_large
from tidings.errors import DefinitionError
from tidings.rules.base import Reading, Traits

MAX_FILLED = 50
"""Values of one step."""
MAX_NAME_CHARS = 200
MAX_FIXED_CHARS = 2_000
"""Longest fixed text; as of a given trait."""
MAX_FILLED_BYTES = 16_000
"""All values of one step together, as JSON; what is too large to go along is left out, the largest first."""

_PLAIN = {"type": ["string", "number", "boolean", "null"]}
_FORMS = [
    schema.settings({"trait": schema.TRAIT}, ["trait"]),
    schema.settings(
        {"event": {"description": "A property of the event that began the run.", **schema.NAME}}, ["event"]
    ),
    schema.settings({"answer": schema.NAME, "field": schema.NAME}, ["answer", "field"]),
    schema.settings({"text": {"type": "string"}}, ["text"]),
]
SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": MAX_FILLED,
    "additionalProperties": {"anyOf": [_PLAIN, {"type": "array", "items": _PLAIN}, *_FORMS]},
}

Source = Callable[[ProfileState, Run], Any]


class Value(msgspec.Struct, frozen=True):
    """Where one value comes from."""

    find: Source
    words: str
    answer: str = ""
    """Id of the step whose webhook's answer it is of."""
    fixed: bool = False
    """Whether it is what the definition says, for everyone."""


class Filled(msgspec.Struct, frozen=True):
    """Named values, each with where it comes from."""

    values: dict[str, Value]

    def of(self, state: ProfileState, run: Run) -> dict[str, Any]:
        """The values for this run; None where nothing is known."""
        return bounded({name: one.find(state, run) for name, one in self.values.items()})

    def known(self, state: ProfileState, run: Run) -> dict[str, Any]:
        """The same without those of which nothing is known."""
        found = self.of(state, run)
        return {name: found[name] for name, one in self.values.items() if one.fixed or found[name] is not None}

    def answers(self) -> tuple[str, ...]:
        """Ids of steps whose webhook's answer it reads."""
        return tuple(one.answer for one in self.values.values() if one.answer)

    def words(self) -> str:
        """For people: ``plan = gold, score = trait revenue``."""
        return ", ".join(f"{name} = {one.words}" for name, one in self.values.items())


def bounded(values: dict[str, Any]) -> dict[str, Any]:
    """The values without the largest ones, as far as they are too large together."""
    while len(msgspec.json.encode(values)) > MAX_FILLED_BYTES:
        largest = max(values, key=lambda name: (len(msgspec.json.encode(values[name])), name))
        values = {**values, largest: None}
    return values


def parse(raw: Any, traits: Traits, where: str) -> Filled:
    """The values of a mapping. Raises DefinitionError."""
    if not isinstance(raw, dict) or not 1 <= len(raw) <= MAX_FILLED:
        raise DefinitionError(where, f"needs 1 to {MAX_FILLED} names with their values", got=raw)
    return Filled({_name(name, where): _value(one, traits, f"{where}.{name}") for name, one in raw.items()})


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS:
        raise DefinitionError(
            where, "no name of a value", got=name, wanted=f"a text of at most {MAX_NAME_CHARS} characters"
        )
    return name


def _value(raw: Any, traits: Traits, where: str) -> Value:
    if not isinstance(raw, dict):
        return _fixed(raw, where)
    forms: dict[frozenset[str], Callable[[], Value]] = {
        frozenset({"trait"}): lambda: _trait(raw["trait"], traits),
        frozenset({"event"}): lambda: Value(lambda _, run: run.item.get(raw["event"]), f"event {raw['event']}"),
        frozenset({"answer", "field"}): lambda: _answer(raw["answer"], raw["field"]),
        frozenset({"text"}): lambda: _fixed(raw["text"], f"{where}.text"),
    }
    found = forms.get(frozenset(raw))
    if found is None or not all(isinstance(one, str) for one in raw.values()):
        wanted = "a plain value, {trait: …}, {event: …}, {answer: …, field: …} or {text: …}"
        raise DefinitionError(where, "no value", got=raw, wanted=wanted)
    return found()


def _fixed(raw: Any, where: str) -> Value:
    plain = (str, int, float, bool, type(None))
    if not isinstance(raw, plain) and not (isinstance(raw, list) and all(isinstance(one, plain) for one in raw)):
        raise DefinitionError(
            where, "no plain value", got=raw, wanted="a text, a number, true, false, or a list of these"
        )
    if too_large(raw):
        raise DefinitionError(where, "a whole number does not fit 64 bits", got=raw, do="write it as a text, in quotes")
    if len(msgspec.json.encode(raw)) > MAX_FIXED_CHARS:
        raise DefinitionError(where, "too long", wanted=f"at most {MAX_FIXED_CHARS} characters")
    return Value(lambda _state, _run: raw, str(raw), fixed=True)


def _trait(name: str, traits: Traits) -> Value:
    reading = traits.computed(name)
    if reading is not None:
        return Value(lambda state, run: _shown(reading, state, run), f"trait {name}")
    return Value(lambda state, _: _given(state, name), f"trait {name}")


def _given(state: ProfileState, name: str) -> Any:
    found = state.traits.get(name)
    return found.value if found is not None else None


def _shown(reading: Reading, state: ProfileState, run: Run) -> Any:
    value = reading.read(state.values, run.since_us)
    return iso(value) if reading.instant and value is not None else value


def _answer(step: str, field: str) -> Value:
    return Value(lambda _, run: run.answers.get(step, {}).get(field), f"answer {step}.{field}", step)
