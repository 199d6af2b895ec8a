"""The way back: a rule as a line of text, in one normal form that reads to the same tree.

Mixed `and` and `or` stand in parentheses; what leads comes first, then comparisons, then settings in the order of the form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tidings.domain.compare import OPERATORS
from tidings.errors import DefinitionError
from tidings.rules import form as forms
from tidings.rules import tokens
from tidings.rules.form import Form, Setting
from tidings.rules.kinds import KINDS

_JOINED = {"all": "and", "any": "or"}
_MAX_NESTING = 32
"""Deeper than any rule that is taken."""


def write(tree: Any, where: str = "rule") -> str:
    """The text of a rule. Raises DefinitionError when it is none, or none that a text can hold."""
    text, _ = _rule(tree, where, 0)
    tokens.cut(text, where)  # not longer than what is read
    return text


def _rule(raw: Any, where: str, depth: int) -> tuple[str, bool]:
    """Its text, and whether it must stand in parentheses beside others."""
    kind = next((name for name in raw if name in KINDS), "") if isinstance(raw, dict) else ""
    alone = kind in forms.JOINTS or (kind and forms.of(kind).value is None)
    if not kind or (alone and len(raw) != 1) or depth > _MAX_NESTING:
        raise DefinitionError(where, "no rule that a text can hold", got=raw)
    if kind in _JOINED:
        return _list(raw[kind], kind, f"{where}.{kind}", depth)
    if kind == "not":
        return f"not {_single(raw[kind], f'{where}.not', depth)}", False
    form = forms.of(kind)
    held = raw[kind] if form.value is None else {name: one for name, one in raw.items() if name != kind}
    own = "" if form.value is None else f" {_value(raw[kind])}"
    return kind + own + "".join(f" {part}" for part in _settings(form, held, f"{where}.{kind}")), False


def _single(raw: Any, where: str, depth: int) -> str:
    text, joined = _rule(raw, where, depth + 1)
    return f"({text})" if joined else text


def _list(parts: Any, kind: str, where: str, depth: int) -> tuple[str, bool]:
    if not isinstance(parts, list) or not parts:
        raise DefinitionError(where, "needs a list of conditions", got=parts)
    if len(parts) == 1:
        return f"{kind} ({_rule(parts[0], f'{where}[0]', depth + 1)[0]})", False
    texts = [_single(part, f"{where}[{index}]", depth) for index, part in enumerate(parts)]
    return f" {_JOINED[kind]} ".join(texts), True


def _settings(form: Form, held: Any, where: str) -> list[str]:
    """What stands after the kind."""
    if not isinstance(held, Mapping):
        raise DefinitionError(where, "needs settings", got=held)
    unknown = [
        name for name in held if name not in form.comparisons and name not in [one.name for one in form.settings]
    ]
    missing = [one.name for one in form.leading if one.name not in held]
    if unknown or missing:
        problem = f"needs `{missing[0]}`" if missing else "unknown setting"
        raise DefinitionError(where, problem, got=None if missing else unknown[0])
    parts = [f"{one.word} {_shaped(one, held[one.name], where)}".strip() for one in form.leading]
    compared = " and ".join(_comparison(name, held[name]) for name in held if name in form.comparisons)
    parts += [compared] if compared else []
    for one in form.named.values():
        if one.name in held and not (one.shape == forms.WHERE and not held[one.name]):
            parts.append(f"{_spaced(one.name)} {_shaped(one, held[one.name], f'{where}.{one.name}')}")
    return parts


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _comparison(name: str, wanted: Any, *, plain: bool = False) -> str:
    words = {"not_equals": "is not"} if plain else {"equals": "is", "not_equals": "is not"}
    return f"{words.get(name, _spaced(name))} {_json(wanted)}"


def _shaped(setting: Setting, value: Any, where: str) -> str:
    if setting.shape == forms.WHERE:
        return _properties(value, where)
    if setting.shape == forms.EVENTS:
        parts = _settings(forms.OCCURRENCE, value, where)
        return parts[0] if len(parts) == 1 else f"({' '.join(parts)})"
    if setting.shape == forms.STEPS:
        if not isinstance(value, list) or not value:
            raise DefinitionError(where, "needs a list", got=value)
        return f"({' then '.join(_step(one, f'{where}[{index}]') for index, one in enumerate(value))})"
    return _value(value)


def _step(raw: Any, where: str) -> str:
    if isinstance(raw, Mapping) and "not" in raw:
        absent = raw["not"] if isinstance(raw["not"], Mapping) else {"event": raw["not"]}
        beside = {name: one for name, one in raw.items() if name != "not"}
        if "within" in absent or "event" in beside:
            raise DefinitionError(where, "unknown setting beside `not`", got=raw)
        return f"not {' '.join(_settings(forms.STEP, {**absent, **beside}, where))}"
    return " ".join(_settings(forms.STEP, raw, where))


def _properties(raw: Any, where: str) -> str:
    if not isinstance(raw, Mapping):
        raise DefinitionError(where, "needs properties with comparisons", got=raw)
    texts = []
    for name, tests in raw.items():
        if not isinstance(tests, Mapping):
            texts.append(f"{_name(name)} is {_json(tests)}")
            continue
        unknown = [one for one in tests if one not in OPERATORS]
        if unknown or not tests:
            raise DefinitionError(f"{where}.{name}", "unknown comparison", got=unknown[0] if unknown else None)
        # `is` alone is the plain value, so `equals` says its name; one with an object can only be the comparison
        compared = [_comparison(one, wanted, plain=True) for one, wanted in tests.items()]
        texts.append(f"{_name(name)} {' and '.join(compared)}")
    return " and ".join(texts)


def _name(name: str) -> str:
    bare = tokens.BARE.fullmatch(name) and name not in forms.reserved()
    return name if bare or tokens.BARE_TIME.fullmatch(name) else _json(name)


def _value(value: Any) -> str:
    """A value where names need no quotes."""
    if isinstance(value, str):
        return _name(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
