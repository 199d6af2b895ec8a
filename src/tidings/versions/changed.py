"""Which definitions differ between two versions, each with its text before and after.

What is compared is what they mean, as read from YAML: comments, quotes, layout and the order of names make no difference, nor does it
whether a rule is written as a text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from tidings.domain import plain
from tidings.process import broadcast_parse, journey_form
from tidings.rules import text as rule_text
from tidings.versions.files import Files, difference
from tidings.workspace import version_of

Meant = tuple[Any, str | None]
"""A definition as plain data, or as itself; its text when that is what it means."""

KINDS = {
    "traits.yml": "trait",
    "segments.yml": "segment",
    "policy.yml": "policy",
    "scores.yml": "score",
    "settings.yml": "setting",
}
"""Files that hold definitions by name, and what each of them is."""


class ChangedDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One definition that differs."""

    kind: str
    """``trait``, ``segment``, ``policy``, ``score``, ``cut points``, ``setting``, ``journey``, ``template``, ``source`` or ``file``."""
    name: str
    how: str
    """``added``, ``changed`` or ``removed``."""
    diff: str
    """Unified diff of its text; of what is read from YAML as it would be written, so that it shows what differs."""


def changed(before: Files, after: Files) -> list[ChangedDefinition]:
    """Each definition that differs. When there is none, files that differ in comments or layout come as kind ``file``."""
    old, new = dict(_definitions(before)), dict(_definitions(after))
    found = [_compare(key, old.get(key), new.get(key)) for key in [*new, *(one for one in old if one not in new)]]
    real = [one for one in found if one is not None]
    if real:
        return real
    return [
        ChangedDefinition(kind="file", name=path, how=how, diff=text) for path, how, text in difference(before, after)
    ]


def _definitions(files: Files) -> Iterator[tuple[tuple[str, str], Meant]]:
    """Everything by (kind, name)."""
    for path, content in files.items():
        text = content.decode("utf-8", "replace")
        folder, _, name = path.rpartition("/")
        if path in KINDS:
            for one, raw in (plain.parse(text, path) or {}).items():
                yield (KINDS[path], str(one)), ({one: raw}, None)
        elif folder == "journeys" and name.endswith(".yml"):
            raw = plain.parse(text, path)
            yield ("journey", str(raw.get("journey")) if isinstance(raw, dict) else name), (raw, None)
        elif folder == "broadcasts" and name.endswith(".yml"):
            raw = plain.parse(text, path)
            yield ("broadcast", str(raw.get("broadcast")) if isinstance(raw, dict) else name), (raw, None)
        elif folder == "sources" and name.endswith(".yml"):
            yield ("source", name.removesuffix(".yml")), (plain.parse(text, path), None)
        elif folder == "cuts" and name.endswith(".yml"):
            yield ("cut points", name.removesuffix(".yml")), (plain.parse(text, path), None)
        elif folder == "templates":
            yield ("template", name.removesuffix(".mjml")), (None, text)
        else:
            yield ("file", path), (None, text)


def _compare(key: tuple[str, str], old: Meant | None, new: Meant | None) -> ChangedDefinition | None:
    if old is not None and new is not None:
        if _version(key[0], old) == _version(key[0], new):
            return None
        old = (_like(old[0], new[0]), old[1])
    how = "added" if old is None else "removed" if new is None else "changed"
    lines = list(difflib.unified_diff(_lines(old), _lines(new), lineterm="", n=2))[2:]
    return ChangedDefinition(kind=key[0], name=key[1], how=how, diff="".join(f"{line}\n" for line in lines))


def _version(kind: str, one: Meant) -> str:
    """As segments and journeys are named by: the same content is the same version, and a rule may be a text."""
    raw, text = one
    if kind == "journey":
        raw = journey_form.tree(raw, kind)
    if kind == "broadcast":
        raw = broadcast_parse.tree(raw, kind)
    if kind == "segment":
        raw = {name: _segment(own, name) for name, own in raw.items()}
    return version_of(raw) if text is None else text


def _segment(raw: Any, where: str) -> Any:
    return {**raw, "rule": rule_text.tree(raw["rule"], where)} if isinstance(raw, dict) and "rule" in raw else raw


def _like(old: Any, new: Any) -> Any:
    """`old` with its names in the order of `new`, so that a diff of the two shows no moves."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*(name for name in new if name in old), *(name for name in old if name not in new)]
        return {name: _like(old[name], new.get(name)) for name in names}
    if isinstance(old, list) and isinstance(new, list):
        return [_like(one, new[index] if index < len(new) else None) for index, one in enumerate(old)]
    return old


def _lines(one: Meant | None) -> list[str]:
    if one is None:
        return []
    raw, text = one
    shown: str = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=110) if text is None else text
    return shown.splitlines()
