"""From a file of tests to the tests. Pure; whoever reads the file gives errors their line."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import parse_instant
from tidings.domain import schema
from tidings.errors import DefinitionError
from tidings.trials import answers
from tidings.trials.answers import Scripted
from tidings.trials.base import Act, Person, When, span

KINDS = ("event", "identify", "consent", "withdraw", "item", "call", "advance", "expect")
"""What may happen in a test: a module of this package each."""
START = "2026-03-02T12:00:00Z"
"""When tests begin that do not say it: a Monday at noon."""
NOBODY_NAMED = "ann"
"""The person of tests that name none: she has an address and agreed to everything."""
MAX_TESTS, MAX_ACTS = 500, 1_000
"""Of one file, of one test."""
_SETTING = {"start", "people", "answers", "journeys"}


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One test."""

    name: str
    where: str
    """Its place: ``tests/cart.yml: tests[0]``."""
    start_us: int
    people: Mapping[str, Person]
    answers: Mapping[str, Scripted]
    """What webhooks answer, by webhook or step."""
    journeys: tuple[tuple[str, str], ...]
    """(place, name) of the journeys that run; empty for all."""
    acts: tuple[tuple[str, Act], ...]
    """(place, act), in order."""


def schema_of_file() -> schema.Schema:
    """A file of tests, as JSON Schema."""
    when: dict[str, schema.Schema] = {
        "person": {"description": "Who; the first of `people` if not given.", **schema.NAME},
        "at": {**schema.SPAN, "description": "When, after the beginning of the test."},
        "after": {**schema.SPAN, "description": "When, after what stands before."},
    }
    acts = [schema.settings({kind: _module(kind).SCHEMA, **_module(kind).BESIDE, **when}, [kind]) for kind in KINDS]
    person = schema.settings(
        {
            "email": {"description": "Her address; null for none.", "type": ["string", "null"]},
            "timezone": schema.NAME,
            "traits": {"type": "object"},
            "consents": {
                "description": "Categories that she agreed to; all if not given.",
                "type": "array",
                "items": schema.NAME,
            },
        },
        more={"type": ["object", "null"]},
    )
    setting: dict[str, schema.Schema] = {
        "description": schema.SENTENCE,
        "start": {"description": "When it begins, as an instant.", **schema.DATE},
        "people": {"type": "object", "additionalProperties": person, "minProperties": 1},
        "answers": {"type": "object", "additionalProperties": answers.SCHEMA},
        "journeys": {
            "description": "The journeys that run; all if not given.",
            "type": "array",
            "items": schema.NAME,
            "minItems": 1,
        },
    }
    one = schema.settings(
        {"name": schema.NAME, **setting, "do": {"type": "array", "minItems": 1, "items": {"anyOf": acts}}},
        ["name", "do"],
    )
    return schema.settings({**setting, "tests": {"type": "array", "minItems": 1, "items": one}}, ["tests"])


def parse(raw: Any, where: str) -> list[Trial]:
    """The tests of a file. Raises DefinitionError."""
    if not isinstance(raw, dict) or not isinstance(raw.get("tests"), list) or not raw["tests"]:
        raise DefinitionError(
            where, "needs `tests`: a list", got=raw if not isinstance(raw, dict) else raw.get("tests")
        )
    only(raw, {"description", "tests", *_SETTING}, where)
    if len(raw["tests"]) > MAX_TESTS:
        raise DefinitionError(f"{where}: tests", "too many", got=len(raw["tests"]), wanted=f"at most {MAX_TESTS}")
    shared = {name: raw[name] for name in _SETTING if name in raw}
    return [_trial(one, shared, where, f"{where}: tests[{index}]") for index, one in enumerate(raw["tests"])]


def _trial(raw: Any, shared: Mapping[str, Any], file: str, where: str) -> Trial:
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or not raw["name"]:
        raise DefinitionError(where, "needs a `name` that says what is to be so", got=raw)
    only(raw, {"name", "description", "do", *_SETTING}, where)
    acts = raw.get("do")
    if not isinstance(acts, list) or not 0 < len(acts) <= MAX_ACTS:
        raise DefinitionError(where, "needs `do`: a list of what happens", got=acts)
    places = {name: where if name in raw else file for name in _SETTING}
    setting = {**shared, **raw}
    people = _people(setting.get("people", {NOBODY_NAMED: {}}), f"{_at(places['people'])}people")
    return Trial(
        name=raw["name"],
        where=where,
        start_us=_start(setting.get("start", START), f"{_at(places['start'])}start"),
        people=people,
        answers=answers.parse(setting.get("answers", {}), f"{_at(places['answers'])}answers"),
        journeys=_journeys(setting.get("journeys"), f"{_at(places['journeys'])}journeys"),
        acts=tuple(
            (f"{where}.do[{index}]", _act(one, people, f"{where}.do[{index}]")) for index, one in enumerate(acts)
        ),
    )


def _at(place: str) -> str:
    """What stands before a name below a place."""
    return f"{place}." if ": " in place else f"{place}: "


def _start(raw: Any, where: str) -> int:
    try:
        return parse_instant(raw)
    except (TypeError, ValueError) as error:
        raise DefinitionError(where, "no instant", got=raw, wanted=f"such as {START}") from error


def _journeys(raw: Any, where: str) -> tuple[tuple[str, str], ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not raw or not all(isinstance(one, str) for one in raw):
        raise DefinitionError(
            where, "needs a list of names", got=raw, wanted="journeys that run in it, such as [welcome]"
        )
    return tuple((f"{where}[{index}]", one) for index, one in enumerate(raw))


def _people(raw: Any, where: str) -> dict[str, Person]:
    if not isinstance(raw, dict) or not raw:
        raise DefinitionError(where, "needs names with people", got=raw)
    return {
        str(name): _person(str(name), one if one is not None else {}, f"{where}.{name}") for name, one in raw.items()
    }


def _person(name: str, raw: Any, where: str) -> Person:
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs settings", got=raw, wanted="email, timezone, traits, consents")
    only(raw, {"email", "timezone", "traits", "consents"}, where)
    consents = raw.get("consents")
    if consents is not None and not (isinstance(consents, list) and all(isinstance(one, str) for one in consents)):
        raise DefinitionError(f"{where}.consents", "needs a list of categories", got=consents)
    given = {"email": raw.get("email", f"{name}@test.example"), "timezone": raw.get("timezone")}
    traits = {**{key: value for key, value in given.items() if value is not None}, **raw.get("traits", {})}
    return Person(name=name, traits=traits, consents=tuple(consents) if consents is not None else None)


def _act(raw: Any, people: Mapping[str, Person], where: str) -> Act:
    kinds = [name for name in raw if name in KINDS] if isinstance(raw, dict) else []
    if len(kinds) != 1:
        raise DefinitionError(
            where, "needs exactly one thing that happens", got=raw, wanted="one of " + ", ".join(KINDS)
        )
    (kind,) = kinds
    only(raw, {kind, "person", "at", "after", *_module(kind).BESIDE}, where)
    who = str(raw.get("person", next(iter(people))))
    if who not in people:
        raise DefinitionError(f"{where}.person", "nobody of that name", got=who, wanted="one of " + ", ".join(people))
    if "at" in raw and "after" in raw:
        raise DefinitionError(where, "use `at` or `after`, not both")
    when = When(
        who=who,
        at_us=span(raw["at"], f"{where}.at") if "at" in raw else -1,
        after_us=span(raw["after"], f"{where}.after") if "after" in raw else 0,
    )
    found: Act = _module(kind).parse(raw[kind], raw, when, where)
    return found


def _module(kind: str) -> Any:
    return import_module(f"tidings.trials.{kind}")
