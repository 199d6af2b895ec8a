"""given.yml: the events and traits that come from outside, listed, so that a name that is none of them is a mistake.

Both lists are optional. Without one, names of its kind are open: what nobody sent yet may still come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.domain import event, feedback, mention, schema
from tidings.domain.mention import Mention
from tidings.domain.names import known
from tidings.errors import DefinitionError
from tidings.rules import in_list

FILE = "given.yml"
MAX_NAMES = 5_000
"""Names in one list."""
OURS = (
    *(value for name, value in vars(feedback).items() if name.isupper()),
    *(kind.capitalize() for kind in event.KINDS if kind != "track"),
    in_list.JOINED,
    in_list.LEFT,
)
"""Events that are there without being listed: what comes back from mails, calls that are no `track`, lists."""

_NAMES = {
    "type": ["array", "null"],
    "maxItems": MAX_NAMES,
    "items": {"anyOf": [schema.NAME, schema.settings({"name": schema.NAME, "description": schema.SENTENCE}, ["name"])]},
}
SCHEMA = schema.settings({"traits": _NAMES, "events": _NAMES}, more={"type": ["object", "null"]})


class Given(msgspec.Struct, frozen=True):
    """What the workspace lists; None where it lists nothing."""

    traits: Sequence[str] | None = None
    events: Sequence[str] | None = None

    def check(self, mentions: Iterable[Mention], computed: Sequence[str]) -> None:
        """Refuse a name that nothing gives. Raises DefinitionError."""
        traits = None if self.traits is None else [*computed, *self.traits]
        events = None if self.events is None else [*self.events, *OURS]
        for one in mentions:
            names = traits if one.kind == mention.TRAIT else events
            if names is not None:
                known(one.name, names, one.kind, one.where, f"add it to {FILE}")


def parse(raw: Any) -> Given:
    """The lists of a given.yml. Raises DefinitionError."""
    only(raw, {"traits", "events"}, FILE)
    return Given(**{kind: _names(raw.get(kind), f"{FILE}: {kind}") for kind in ("traits", "events")})


def _names(raw: Any, where: str) -> list[str] | None:
    if raw is None:
        return None
    if not isinstance(raw, list) or len(raw) > MAX_NAMES:
        raise DefinitionError(where, f"needs a list of at most {MAX_NAMES:,} names", got=raw)
    found: dict[str, None] = {}
    for index, one in enumerate(raw):
        name = _name(one, f"{where}[{index}]")
        if name in found:
            raise DefinitionError(f"{where}[{index}]", "a name comes twice", got=name, do="leave one out")
        found[name] = None
    return list(found)


def _name(raw: Any, where: str) -> str:
    if isinstance(raw, dict):
        only(raw, {"name", "description"}, where)
        raw = raw.get("name")
    if not isinstance(raw, str) or not raw:
        raise DefinitionError(where, "needs a name", got=raw, wanted="a text, or `name` and `description`")
    return raw
