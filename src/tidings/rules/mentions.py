"""Which events and traits a rule names, and where: read off its tree by the forms of the kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import mention, places, schema
from tidings.domain.mention import Mention
from tidings.rules import form as forms
from tidings.rules import text
from tidings.rules.form import Form
from tidings.rules.kinds import KINDS


def mentions(rule: Any, where: str) -> Iterator[Mention]:
    """Every name in a rule that parses; in one that is a text as well."""
    yield from _in(text.tree(rule, where), where)


def _in(tree: Any, where: str) -> Iterator[Mention]:
    kind = next(name for name in tree if name in KINDS)
    path = f"{where}.{kind}"
    if kind == "not":
        yield from _in(tree[kind], path)
    elif kind in forms.JOINTS:
        for index, part in enumerate(tree[kind]):
            yield from _in(part, places.below(path, index))
    else:
        form = forms.of(kind)
        if form.value is schema.TRAIT:
            yield Mention(mention.TRAIT, tree[kind], path)
        if form.value is None:
            yield from _settings(form, tree[kind], path)


def _settings(form: Form, held: Mapping[str, Any], where: str) -> Iterator[Mention]:
    for one in form.settings:
        raw, path = held.get(one.name), f"{where}.{one.name}"
        if one.schema is schema.EVENT:
            yield from mention.events(raw, path)
        elif one.schema is schema.TRAIT and isinstance(raw, str):
            yield Mention(mention.TRAIT, raw, path)
        elif one.shape == forms.EVENTS and isinstance(raw, Mapping):
            yield from _settings(forms.OCCURRENCE, raw, path)
        elif one.shape == forms.STEPS and isinstance(raw, list):
            for index, step in enumerate(raw):
                yield from _step(step, places.below(path, index))


def _step(step: Mapping[str, Any], where: str) -> Iterator[Mention]:
    absent = step.get("not")
    if isinstance(absent, Mapping):
        yield from _settings(forms.OCCURRENCE, absent, f"{where}.not")
    elif absent is not None:
        yield from mention.events(absent, f"{where}.not")
    else:
        yield from _settings(forms.STEP, step, where)
