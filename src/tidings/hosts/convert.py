"""One rule in its three forms: text, YAML, JSON. All are the same tree, checked by the real parser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tidings.domain import plain
from tidings.errors import InputError
from tidings.process.layout import Layout
from tidings.rules import parse as rule_parse
from tidings.rules import text
from tidings.rules.bands import Score
from tidings.rules.kinds import KINDS
from tidings.rules.write import write

FORMS = ("text", "yaml", "json")
MAX_BYTES = 1_000_000
"""Largest file of a rule."""


class _AnyWorkspace(Layout):
    """A layout in which every segment and score is there: a rule alone does not say which are."""

    @contextmanager
    def inside(self, segment: str, where: str) -> Iterator[Any]:  # noqa: ARG002 - see above
        """See `Traits.inside`."""
        yield {"trait": segment, "exists": True}

    def score(self, name: Any, where: str) -> Score:  # noqa: ARG002 - see above
        """See `Traits.score`."""
        return Score.with_every_band(str(name))


def tree_of(given: str) -> Any:
    """The tree of a rule, from a file that has one or from its text. Raises DefinitionError and InputError."""
    where = "rule"
    if _is_file(given):
        path = Path(given)
        if path.stat().st_size > MAX_BYTES:
            msg = f"{path}: larger than {MAX_BYTES:,} bytes; a rule is shorter"
            raise InputError(msg)
        where = path.name
        try:
            given = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            msg = f"{path}: not UTF-8: {error}; save it as UTF-8"
            raise InputError(msg) from error
    raw = _plain(given, where)
    rule_parse.parse(raw, _AnyWorkspace(), where)
    return text.tree(raw, where)


def _is_file(given: str) -> bool:
    try:
        return Path(given).is_file()
    except (OSError, ValueError):  # too long for a name, or with a character that none has
        return False


def _plain(given: str, where: str) -> Any:
    """YAML and JSON as data; a text as it is. Only the first two begin with the name of a kind and a colon, or a brace."""
    begins = given.lstrip()
    if begins.startswith(("{", "#")) or any(begins.startswith(f"{kind}:") for kind in KINDS):
        return plain.parse(given, where)
    return given


def shown(tree: Any, form: str) -> str:
    """A tree in one of the forms. Raises DefinitionError when a text cannot hold it."""
    if form == "text":
        return write(tree)
    if form == "json":
        return json.dumps(tree, ensure_ascii=False, indent=2)
    dumped: str = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return dumped.rstrip("\n")
