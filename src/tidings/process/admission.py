"""Who may enter a journey: one run at a time (per order, item or whatever it is about), re-entry, and how often at all.

What is remembered for it is in the state, by journey: when runs ended (`ended`) and, where a journey is limited, when they began
(`entries`). Where runs are one per key, `ended` has an instant for each of the latest `MAX_KEYS` keys; older ones are forgotten, and
a run about one of those may begin as if it were the first.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import format_duration, parse_duration
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError

MAX_RUNS = 50
"""Active runs per person."""
MAX_KEYS = 200
"""Keys of one journey of which it is remembered when the last run ended."""
MAX_OTHERS = 100
"""Broadcasts, and journeys that are gone, of which it is remembered when the last run ended."""
MAX_KEY_CHARS = 200
"""Longest key; a longer one is cut."""
MOST_ENTRIES = 100
"""Entries that a limit may count up to."""
REFUSALS = ("full", "running", "once", "too_soon", "limit", "no_key")
"""Words for why somebody does not enter: too many runs, one of this journey (and key), only one ever, too soon after the last,
entered as often as she may, nothing that says what it is about."""
_SEPARATOR = "\n"
PER = {
    "anyOf": [
        schema.NAME,
        schema.settings(
            {
                "property": schema.NAME,
                "in": {
                    "type": "object",
                    "additionalProperties": schema.NAME,
                    "description": "Events that have it under another name.",
                },
            },
            ["property"],
        ),
    ]
}
LIMIT = schema.settings({"at_most": schema.whole(1, MOST_ENTRIES), "per": schema.SPAN}, ["at_most"])


class Per(msgspec.Struct, frozen=True):
    """What a run is about beside the person, where a journey has one run per such."""

    name: str
    """The property that tells."""
    elsewhere: dict[str, str] = {}
    """Events that have it under another name."""

    def key(self, properties: dict[str, Any], event: str = "") -> str:
        """The key that an event has; empty when it has none."""
        value = properties.get(self.elsewhere.get(event, self.name))
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return str(value)[:MAX_KEY_CHARS]

    def concerns(self, key: str, event: Event) -> bool:
        """Whether an event speaks of this key: it has the same, or says nothing of any."""
        return self.key(event.properties, event.name) in ("", key)


class Limit(msgspec.Struct, frozen=True):
    """How often one person may enter."""

    most: int
    span_us: int
    """In any stretch of this length; 0 for ever."""

    def reached(self, entries: list[int], known_us: int) -> bool:
        """Whether there were so many already."""
        since_us = known_us - self.span_us if self.span_us else -1
        return sum(1 for at_us in entries if at_us > since_us) >= self.most

    def words(self) -> str:
        """For people: ``at most 3 in 365d``."""
        return f"at most {self.most} {f'in {format_duration(self.span_us)}' if self.span_us else 'ever'}"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How often one gets into a journey."""

    reentry_us: int = 0
    """A new run may start so long after the last one ended; -1 for never again."""
    per: Per | None = None
    """What there is one run of at a time; None for the person herself."""
    limit: Limit | None = None


def refusal(journey: str, rules: Rules, state: ProfileState, known_us: int, key: str) -> str:
    """Why nobody of this state gets in, in a word of `REFUSALS`; empty when she does."""
    if rules.per is not None and not key:
        return "no_key"
    if len(state.runs) >= MAX_RUNS:
        return "full"
    if any(run.journey == journey and run.key == key for run in state.runs):
        return "running"
    if rules.limit is not None and rules.limit.reached(state.entries.get(journey, []), known_us):
        return "limit"
    ended_us = state.ended.get(_about(journey, key))
    if ended_us is None:
        return ""
    if rules.reentry_us < 0:
        return "once"
    return "too_soon" if known_us < ended_us + rules.reentry_us else ""


def note_entry(journey: str, state: ProfileState, known_us: int) -> None:
    """Remember that she entered a journey that is limited."""
    state.entries[journey] = [*state.entries.get(journey, []), known_us][-MOST_ENTRIES:]


def forget_entry(journey: str, state: ProfileState, known_us: int) -> None:
    """She did not really enter it."""
    if known_us in state.entries.get(journey, ()):
        state.entries[journey].remove(known_us)


def note_end(journey: str, key: str, state: ProfileState, known_us: int, present: Collection[str]) -> None:
    """Remember that a run ended. Of what is no `present` journey (broadcasts, journeys that are gone) the latest are kept."""
    state.ended[_about(journey, key)] = known_us
    if key:
        _bound(journey, state)
    if len(state.ended) > MAX_OTHERS:
        others = [about for about in state.ended if about.split(_SEPARATOR)[0] not in present]
        for about in sorted(others, key=lambda one: (state.ended[one], one))[:-MAX_OTHERS]:
            del state.ended[about]


def absorb(state: ProfileState, other: ProfileState) -> None:
    """Remember the entries and ends of both."""
    for about, ended_us in other.ended.items():
        state.ended[about] = max(ended_us, state.ended.get(about, 0))
    for journey in {about.split(_SEPARATOR)[0] for about in other.ended if _SEPARATOR in about}:
        _bound(journey, state)
    for journey, entries in other.entries.items():
        state.entries[journey] = sorted([*state.entries.get(journey, []), *entries])[-MOST_ENTRIES:]


def _about(journey: str, key: str) -> str:
    return f"{journey}{_SEPARATOR}{key}" if key else journey


def _bound(journey: str, state: ProfileState) -> None:
    """Keep the latest keys of a journey; of those that ended at one instant the ones that sort last."""
    keyed = [about for about in state.ended if about.startswith(f"{journey}{_SEPARATOR}")]
    if len(keyed) > MAX_KEYS:
        for about in sorted(keyed, key=lambda one: (state.ended[one], one))[:-MAX_KEYS]:
            del state.ended[about]


def words(rules: Rules) -> str:
    """For people: ``again 1d after the last run, at most 3 in 365d, one at a time per order_id``."""
    after = f"again {format_duration(rules.reentry_us)} after the last run" if rules.reentry_us else "again and again"
    found = ["only once" if rules.reentry_us < 0 else after]
    if rules.limit is not None:
        found.append(rules.limit.words())
    if rules.per is not None:
        found.append(f"one at a time per {rules.per.name}")
    return ", ".join(found)


def parse(raw: dict[str, Any], where: str) -> Rules:
    """The settings `reentry`, `per` and `limit` of a journey. Raises DefinitionError."""
    return Rules(
        reentry_us=_parse_reentry(raw.get("reentry", "always"), f"{where}: reentry"),
        per=_parse_per(raw["per"], f"{where}: per") if raw.get("per") is not None else None,
        limit=_parse_limit(raw["limit"], f"{where}: limit") if raw.get("limit") is not None else None,
    )


def _parse_reentry(raw: Any, where: str) -> int:
    if raw in ("always", "once"):
        return 0 if raw == "always" else -1
    try:
        return parse_duration(raw["after"] if isinstance(raw, dict) and len(raw) == 1 else raw)
    except (ValueError, KeyError) as error:
        raise DefinitionError(where, "unknown", got=raw, wanted="always, once, or {after: 24h}") from error


def _parse_per(raw: Any, where: str) -> Per:
    settings = {"property": raw} if isinstance(raw, str) else raw
    if not isinstance(settings, dict):
        raise DefinitionError(where, "needs the name of a property", got=raw, wanted="such as order_id")
    only(settings, {"property", "in"}, where)
    name, elsewhere = settings.get("property"), settings.get("in", {})
    if not isinstance(name, str) or not name:
        raise DefinitionError(where, "needs `property`: its name", got=name)
    if not isinstance(elsewhere, dict) or not all(isinstance(one, str) and one for one in elsewhere.values()):
        raise DefinitionError(f"{where}.in", "needs events with the name that they have for it", got=elsewhere)
    return Per(name, {str(event): one for event, one in elsewhere.items()})


def _parse_limit(raw: Any, where: str) -> Limit:
    if not isinstance(raw, dict) or "at_most" not in raw:
        raise DefinitionError(where, "needs `at_most`, and may have `per`", got=raw, wanted="{at_most: 3, per: 365d}")
    only(raw, {"at_most", "per"}, where)
    most = raw["at_most"]
    if type(most) is not int or not 1 <= most <= MOST_ENTRIES:
        raise DefinitionError(f"{where}.at_most", "out of range", got=most, wanted=f"1 to {MOST_ENTRIES}")
    try:
        return Limit(most, parse_duration(raw["per"]) if "per" in raw else 0)
    except ValueError as error:
        raise DefinitionError(f"{where}.per", str(error)) from error
