"""From the YAML of a journey to the journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidings.accumulate.base import only
from tidings.domain import filter as event_filter
from tidings.domain.filter import EventFilter
from tidings.domain.names import known
from tidings.errors import DefinitionError
from tidings.process import admission, moves, results, watch
from tidings.process.admission import Rules
from tidings.process.entries import kinds as entry_kinds
from tidings.process.entries.base import Entry
from tidings.process.journey import PRIORITIES, Journey
from tidings.process.steps import holdout, kinds
from tidings.process.steps.base import EXIT, Step
from tidings.process.steps.webhook import Webhook
from tidings.process.watch import Awaited, Reads
from tidings.rules.base import Traits

SETTINGS = {
    "journey",
    "description",
    "entry",
    "reentry",
    "per",
    "limit",
    "priority",
    "goal",
    "exit_on",
    "exit_if",
    "holdout",
    "moves",
    "shadow",
    "steps",
}
"""What a file of a journey may say."""


def parse(raw: Any, version: str, traits: Traits, where: str, *, entered: bool = True) -> Journey:
    """A journey from its YAML. Raises DefinitionError.

    A version that is not entered any more has no entries: what they speak of may be gone, and its runs need them no longer.
    """
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs a journey", got=raw)
    only(raw, SETTINGS, where)
    name = raw.get("journey")
    if not isinstance(name, str) or not name:
        raise DefinitionError(where, "needs `journey`: its name", got=name)
    entries = entry_kinds.parse(raw.get("entry"), traits, f"{where}: entry") if entered else ()
    steps = _parse_steps(raw.get("steps"), traits, f"{where}: steps")
    goal = watch.parse(raw["goal"], traits, f"{where}: goal") if raw.get("goal") is not None else None
    exit_if = _parse_exit_if(raw.get("exit_if"), traits, f"{where}: exit_if")
    watched = {step.id: watch.watched(goal, exit_if, step.awaits()) for step in steps.values()}
    reads = [read for rules in watched.values() for one in rules for read in one.awaited.rule.reads()]
    return Journey(
        name=name,
        version=version,
        description=str(raw.get("description", "")),
        entries=entries,
        admits=_admits(raw, entries, where),
        exit_on=_parse_exit_on(raw.get("exit_on"), f"{where}: exit_on"),
        steps=steps,
        moves=moves.parse(raw.get("moves"), steps, f"{where}: moves"),
        holdout=holdout.percent_of(raw["holdout"], f"{where}: holdout") if "holdout" in raw else 0,
        shadow=_parse_shadow(raw.get("shadow", False), f"{where}: shadow"),
        asked=frozenset(one for step in steps.values() for one, _ in step.asks()),
        priority=_parse_priority(raw.get("priority", "normal"), f"{where}: priority"),
        goal=goal,
        exit_if=exit_if,
        watched={step_id: rules for step_id, rules in watched.items() if rules},
        reads=Reads(reads) if reads or any(watched.values()) else None,
    )


def _parse_shadow(raw: Any, where: str) -> bool:
    if not isinstance(raw, bool):
        raise DefinitionError(where, "not yes or no", got=raw, wanted="true or false")
    return raw


def _admits(raw: dict[str, Any], entries: Sequence[Entry], where: str) -> Rules:
    rules = admission.parse(raw, where)
    if rules.per is not None and entries and not any(entry.hears() for entry in entries):
        do = f"enter by an event that has {rules.per.name}, or leave out `per`"
        raise DefinitionError(f"{where}: per", "nobody would enter: no entry is by an event", got=rules.per.name, do=do)
    return rules


def _parse_priority(raw: Any, where: str) -> str:
    if raw not in PRIORITIES:
        raise DefinitionError(where, "unknown", got=raw, wanted="high, normal or low")
    return str(raw)


def _parse_exit_on(raw: Any, where: str) -> tuple[EventFilter, ...]:
    """A name, names, or settings of events, alone or in a list with others."""
    if not raw:
        return ()
    if isinstance(raw, dict):
        only(raw, {"event", "where"}, where)
        return (event_filter.parse(raw.get("event"), raw.get("where"), where),)
    if isinstance(raw, list) and any(isinstance(one, dict) for one in raw):
        return tuple(found for index, one in enumerate(raw) for found in _parse_exit_on(one, f"{where}[{index}]"))
    return (event_filter.parse(raw, None, where),)


def _parse_exit_if(raw: Any, traits: Traits, where: str) -> tuple[Awaited, ...]:
    """A rule, or a list of them."""
    if raw is None:
        return ()
    if isinstance(raw, list):
        return tuple(watch.of_rule(one, traits, f"{where}[{index}]") for index, one in enumerate(raw))
    return (watch.of_rule(raw, traits, where),)


def _parse_steps(raw: Any, traits: Traits, where: str) -> dict[str, Step]:
    if not isinstance(raw, list) or not raw:
        raise DefinitionError(
            where, "needs a list of steps", got=raw, wanted="such as [{id: hello, send: {template: welcome}}]"
        )
    ids = [one.get("id") if isinstance(one, dict) else None for one in raw]
    steps: dict[str, Step] = {}
    for index, one in enumerate(raw):
        following = ids[index + 1] if index + 1 < len(raw) and isinstance(ids[index + 1], str) else EXIT
        step = kinds.parse(one, str(following), traits, f"{where}[{index}]")
        if step.id in steps:
            raise DefinitionError(
                f"{where}[{index}].id", "two steps have the same id", got=step.id, do="give each its own"
            )
        steps[step.id] = step
    for index, step in enumerate(steps.values()):
        for target in step.targets():
            if target != EXIT:
                known(
                    target, steps, "step", _goes(raw[index], target, f"{where}[{index}]"), "name a step of this journey"
                )
        for asked, words in step.asks():
            _check_asked(asked, words, steps, f"{where}[{index}]")
        for asked in step.answers():
            callers = [one.id for one in steps.values() if isinstance(one, Webhook) and one.timeout_us]
            known(asked, callers, "webhook step", f"{where}[{index}]", "name a webhook step that waits for its answer")
    return steps


def _check_asked(asked: str, words: tuple[str, ...], steps: Mapping[str, Step], where: str) -> None:
    """Refuse to go by a step that is not there, or by what cannot come of it."""
    known(asked, steps, "step", where, "name a step of this journey")
    possible = steps[asked].results()
    if not possible:
        raise DefinitionError(where, f"nothing comes of step {asked!r} that one could go by", got=asked)
    for word in words:
        if not results.known(word, possible):
            known(word, possible, f"result of step {asked!r}", where, "use a word that can come of it")


def _goes(raw: Mapping[str, Any], target: str, where: str) -> str:
    """The path of the setting of a step that names another one."""
    for kind, settings in raw.items():
        named = [name for name, value in settings.items() if value == target] if isinstance(settings, dict) else []
        if named:
            return f"{where}.{kind}.{named[-1]}"
    return where
