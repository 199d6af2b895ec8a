"""From the YAML of a broadcast to the journey that it is under the hood; its JSON Schema, and where it names events and traits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from tidings.accumulate.base import only
from tidings.clock import parse_duration
from tidings.domain import schema
from tidings.domain.mention import Mention
from tidings.errors import DefinitionError
from tidings.process import broadcast as broadcasts
from tidings.process.broadcast import Broadcast
from tidings.process.journey import Journey
from tidings.process.steps import holdout
from tidings.process.steps.base import EXIT, Step
from tidings.process.steps.base import text as text_of
from tidings.process.steps.bulk import SendBulk, Still, Turn
from tidings.rules import local_time, mentions, text
from tidings.rules import parse as rule_parse
from tidings.rules import schema as rule_schema
from tidings.rules.base import Traits

DEFAULT_RATE = "500/s"
"""As fast as it goes unless a file says otherwise: a mail server takes few more, and others' mails are not held up."""
_AT = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{1,2}:\d{2})")
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*([smhd])\s*")
_PASSED = (broadcasts.NEXT_DAY, broadcasts.NOW, broadcasts.SKIP)
_SETTINGS = {
    "broadcast": {"description": "Its name; no journey may have it too.", **schema.NAME},
    "description": schema.SENTENCE,
    "segment": {"description": "Its members get it.", **schema.NAME},
    "rule": rule_schema.RULE,
    "template": schema.NAME,
    "category": schema.NAME,
    "at": {
        "type": "string",
        "pattern": r"^(now|\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2})$",
        "description": "now, or a day and a time such as 2026-12-01 09:00.",
    },
    "local": {**schema.FLAG, "description": "Whether `at` is by each person's own clock."},
    "passed": {**schema.one_of(_PASSED), "description": "Where that time has passed when it begins."},
    "over": schema.SPAN,
    "holdout": holdout.SCHEMA,
    "rate": {"type": "string", "pattern": r"^\s*[0-9]{1,9}\s*/\s*[smhd]\s*$", "description": "Such as 10000/h."},
}


def schema_of_file() -> schema.Schema:
    """A file of one broadcast, as JSON Schema; it speaks of rules."""
    return schema.settings(_SETTINGS, ["broadcast", "template"])


def tree(raw: Any, where: str) -> Any:
    """A broadcast whose rule is read, if it is a text; whether it parses or not. Raises DefinitionError."""
    return {**raw, "rule": text.tree(raw["rule"], f"{where}: rule")} if isinstance(raw, dict) and "rule" in raw else raw


def mentioned(raw: Mapping[str, Any], where: str) -> Iterator[Mention]:
    """Every event and trait that a broadcast which parses names."""
    if "rule" in raw:
        yield from mentions.mentions(raw["rule"], f"{where}: rule")


def parse(raw: Any, version: str, traits: Traits, where: str) -> Journey:
    """A broadcast from its YAML. Raises DefinitionError."""
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs a broadcast", got=raw)
    only(raw, set(_SETTINGS), where)
    name, template = text_of(raw, "broadcast", where), text_of(raw, "template", where)
    category = text_of(raw, "category", where, "marketing")
    found = _broadcast(raw, traits, where)
    steps: tuple[Step, ...] = (
        Turn(broadcasts.TURN, broadcasts.STILL),
        Still(broadcasts.STILL, broadcasts.SEND, broadcast=found),
        SendBulk(broadcasts.SEND, EXIT, template=template, category=category),
    )
    return Journey(
        name=name,
        version=version,
        description=str(raw.get("description", "")),
        entries=(),
        exit_on=(),
        steps={step.id: step for step in steps},
        holdout=holdout.percent_of(raw["holdout"], f"{where}: holdout") if "holdout" in raw else 0,
        broadcast=found,
    )


def _broadcast(raw: dict[str, Any], traits: Traits, where: str) -> Broadcast:
    if ("segment" in raw) == ("rule" in raw):
        raise DefinitionError(where, "needs either `segment` or `rule`: whom it is for", got=sorted(raw))
    day, at_s = _at(raw.get("at", "now"), f"{where}: at")
    local, passed = raw.get("local", False), raw.get("passed", broadcasts.NEXT_DAY)
    if not isinstance(local, bool):
        raise DefinitionError(f"{where}: local", "must be true or false", got=local)
    if passed not in _PASSED:
        raise DefinitionError(f"{where}: passed", "unknown", got=passed, wanted=", ".join(_PASSED))
    if day is None and (local or "passed" in raw):
        raise DefinitionError(f"{where}: {'local' if local else 'passed'}", "needs a day and a time in `at`", got="now")
    if "over" in raw and "rate" in raw:
        raise DefinitionError(f"{where}: rate", "use `over` or `rate`, not both", got=raw["rate"])
    return Broadcast(
        segment=text_of(raw, "segment", where) if "segment" in raw else "",
        rule=rule_parse.parse(raw["rule"], traits, f"{where}: rule") if "rule" in raw else None,
        day=day,
        at_s=at_s,
        local=local,
        passed=passed,
        over_us=_over(raw["over"], f"{where}: over") if "over" in raw else 0,
        rate_us=_rate(raw.get("rate", DEFAULT_RATE), f"{where}: rate"),
        zone=traits.zone,
    )


def _at(raw: Any, where: str) -> tuple[date | None, int]:
    """(day, seconds after its midnight); no day for now."""
    if raw == "now":
        return None, 0
    found = _AT.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        raise DefinitionError(where, "is no instant", got=raw, wanted="now, or a day and a time: 2026-12-01 09:00")
    try:
        day = date.fromisoformat(found[1])
    except ValueError as error:
        raise DefinitionError(where, str(error), got=raw, wanted="a day such as 2026-12-01") from error
    return day, local_time.seconds(found[2].rjust(5, "0"), where) % 86_400


def _over(raw: Any, where: str) -> int:
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(where, str(error)) from error


def _rate(raw: Any, where: str) -> float:
    """Microseconds a person."""
    found = _RATE.fullmatch(raw) if isinstance(raw, str) else None
    if found is None or not int(found[1]):
        raise DefinitionError(where, "is no rate", got=raw, wanted="people per s, m, h or d, such as 10000/h")
    return parse_duration(f"1{found[2]}") / int(found[1])
