"""How a kind of condition is written: its settings, what each may be, and how it reads in a line of text.

A kind declares one `FORM`. The text form (`text.py`) and the JSON Schema (`schema.py`) follow from it, so a new kind is
in both by being declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module

import msgspec

from tidings.domain import schema
from tidings.domain.compare import OPERATORS
from tidings.domain.schema import Schema
from tidings.rules.kinds import KINDS

VALUE, WHERE, EVENTS, STEPS = "value", "where", "events", "steps"
"""Shapes of a setting: a value; properties with comparisons; events (`event` and `where`); events in order."""
JOINTS = ("all", "any", "not")
"""Kinds that join conditions; in text they are ``and``, ``or`` and ``not``."""


class Setting(msgspec.Struct, frozen=True):
    """One setting of a kind."""

    name: str
    """In YAML and JSON."""
    schema: Schema = schema.ANYTHING
    """What it may be."""
    shape: str = VALUE
    leads: bool = False
    """Whether it must be there, and in text stands in front, without its name."""
    word: str = ""
    """In text, the word before one that leads."""


class Form(msgspec.Struct, frozen=True):
    """One kind."""

    settings: tuple[Setting, ...] = ()
    """In the order of the text."""
    value: Schema | None = None
    """What the kind itself is given, as in ``trait: plan``; then its settings stand beside it. None: it has settings only."""
    comparisons: Sequence[str] = ()
    """Comparisons that stand among its settings."""
    more: Schema = schema.ANYTHING
    """What else its JSON Schema says."""

    @property
    def leading(self) -> list[Setting]:
        """Those that stand in front."""
        return [one for one in self.settings if one.leads]

    @property
    def named(self) -> dict[str, Setting]:
        """The others, by name."""
        return {one.name: one for one in self.settings if not one.leads}


EVENT = Setting("event", schema.EVENT, leads=True)
WITH = Setting("where", schema.WHERE, WHERE)
WITHIN = Setting("within", schema.SPAN)
SINCE = Setting("since", schema.DATE)
OCCURRENCE = Form((EVENT, WITH))
"""Which events, where that is all that is asked."""
STEP = Form((EVENT, WITH, WITHIN))
"""One event of several in order."""
SHAPES = {EVENTS: OCCURRENCE, STEPS: STEP}


@cache
def of(kind: str) -> Form:
    """The form of a kind that is no joint."""
    form: Form = import_module(f"tidings.rules.{KINDS[kind]}").FORM
    return form


Phrases = dict[tuple[str, ...], str]
"""Words in a row to the name that they are: ``("at", "least")`` to ``at_least``."""


def phrases(names: Sequence[str]) -> Phrases:
    """Names as they read: underscores are spaces."""
    return {tuple(name.split("_")): name for name in names}


def tests(names: Sequence[str]) -> Phrases:
    """Comparisons as they read; `is` and `is not` are what people say for two of them."""
    found = phrases(names)
    if "equals" in names:
        found["is",] = "equals"
    if "not_equals" in names:
        found["is", "not"] = "not_equals"
    return found


@cache
def simple_kinds() -> Phrases:
    """Kinds that are no joints, as they read."""
    return phrases([kind for kind in KINDS if kind not in JOINTS])


@cache
def reserved() -> frozenset[str]:
    """Words that a name, to be told from them, stands in quotes for: those of comparisons, kinds and joints, and every word by
    which a longer name goes on (`since` could be the beginning of `since event`).
    """
    settings = [one for kind in simple_kinds().values() for one in of(kind).settings]
    longer = [word for name in [*KINDS, *(one.name for one in settings)] for word in name.split("_")[1:]]
    compared = [word for phrase in tests(tuple(OPERATORS)) for word in phrase]
    steps = [one.name for one in STEP.settings]
    leading = [one.word for one in settings]
    return frozenset(
        [*KINDS, *OPERATORS, *longer, *compared, *steps, *leading, "and", "or", "then", "true", "false", "null"]
    )
