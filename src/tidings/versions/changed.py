"""Which definitions differ between two versions, each with its text before and after."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from tidings.domain import plain
from tidings.versions.files import Files, difference

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
    """``trait``, ``segment``, ``policy``, ``score``, ``setting``, ``journey``, ``template``, ``source`` or ``file``."""
    name: str
    how: str
    """``added``, ``changed`` or ``removed``."""
    diff: str
    """Unified diff of its text."""


def changed(before: Files, after: Files) -> list[ChangedDefinition]:
    """Each definition that differs. Files that differ in comments or layout only come as kind ``file``."""
    old, new = dict(_definitions(before)), dict(_definitions(after))
    found = [_compare(key, old.get(key), new.get(key)) for key in [*new, *(one for one in old if one not in new)]]
    real = [one for one in found if one is not None]
    if real:
        return real
    return [
        ChangedDefinition(kind="file", name=path, how=how, diff=text) for path, how, text in difference(before, after)
    ]


def _definitions(files: Files) -> Iterator[tuple[tuple[str, str], tuple[Any, str]]]:
    """((kind, name), (what is compared, text))."""
    for path, content in files.items():
        text = content.decode("utf-8", "replace")
        folder, _, name = path.rpartition("/")
        if path in KINDS:
            for one, raw in (plain.parse(text, path) or {}).items():
                yield (KINDS[path], str(one)), (raw, _dump({one: raw}))
        elif folder == "journeys" and name.endswith(".yml"):
            raw = plain.parse(text, path)
            yield ("journey", str(raw.get("journey")) if isinstance(raw, dict) else name), (raw, text)
        elif folder == "templates":
            yield ("template", name.removesuffix(".mjml")), (text, text)
        elif folder == "sources":
            yield ("source", name.removesuffix(".yml")), (text, text)
        else:
            yield ("file", path), (text, text)


def _dump(raw: Any) -> str:
    text: str = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=110)
    return text


def _compare(
    key: tuple[str, str], old: tuple[Any, str] | None, new: tuple[Any, str] | None
) -> ChangedDefinition | None:
    if old is not None and new is not None and old[0] == new[0]:
        return None
    how = "added" if old is None else "removed" if new is None else "changed"
    before, after = (old or ("", ""))[1].splitlines(), (new or ("", ""))[1].splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    return ChangedDefinition(kind=key[0], name=key[1], how=how, diff="".join(f"{line}\n" for line in lines))
