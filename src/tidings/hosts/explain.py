"""Why a message was or was not sent: the ledger's row, the decision's evidence, and the events behind it, from the log."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.clock import SystemClock, format_duration, iso
from tidings.config import Config
from tidings.deliver.ledger import Ledger
from tidings.domain import wire
from tidings.domain.event import Event
from tidings.domain.message import SendIntent
from tidings.domain.output import cause_offset
from tidings.errors import InputError
from tidings.log.base import Log
from tidings.log.sqlite import SqliteLog


class CausingEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event that the decision rests on."""

    offset: int
    name: str
    event_id: str
    occurred: str
    received: str
    properties: dict[str, Any]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one decision, in plain data."""

    message_id: str
    state: str
    reason: str
    subject: str
    profile_id: str
    journey: str
    journey_version: str
    template: str
    template_version: str
    category: str
    mode: str
    decided: str
    finished: str
    events: list[CausingEvent]
    steps: list[dict[str, str]]
    """Step, when (occurred and known), outcome, cause."""
    consent: dict[str, Any]
    """The consent entry that it rests on; empty when none was needed."""
    cap: dict[str, Any]
    """The frequency cap and how many were counted against it."""
    segments: list[str]
    """Segments that the person was in."""
    items: list[dict[str, Any]]
    """Recommended items, each with its reason."""
    attempts: list[dict[str, Any]]
    """Tries to hand it over, with the server's answer."""

    def lines(self) -> list[str]:
        """For people, a line a fact."""
        verdict = f"{self.state}{f' ({self.reason})' if self.reason else ''}"
        lines = [f"Message {self.message_id}: {verdict}", f"  {self.subject or '(not rendered)'}"]
        lines.append(f"  decided {self.decided} by journey {self.journey} version {self.journey_version}")
        lines.append(f"  template {self.template} {self.template_version}, category {self.category}, {self.mode}")
        lines.append("Because of")
        lines += [f"  {e.occurred}  {e.name}  (offset {e.offset}, known {e.received})" for e in self.events]
        lines.append("Steps")
        lines += [f"  {s['occurred']}  {s['step']}: {s['outcome']}" for s in self.steps]
        lines.append("Permission")
        lines.append(f"  consent: {_consent_words(self.consent)}")
        lines.append(f"  cap: {_cap_words(self.cap)}")
        if self.items:
            lines.append("Recommended")
            lines += [f"  {item['name']}: {item['reason']}" for item in self.items]
        if self.attempts:
            lines.append("Handed over")
            lines += [f"  {a['started']}  try {a['n']}: {a['reply']}" for a in self.attempts]
        return lines


def _consent_words(consent: dict[str, Any]) -> str:
    if not consent:
        return "none on record"
    word = "given" if consent["granted"] else "withdrawn"
    return f"{consent['purpose']} {word} {iso(consent['occurred_us'])} by {consent['method'] or 'an event'} (offset {consent['offset']})"


def _cap_words(cap: dict[str, Any]) -> str:
    if not cap:
        return "not reached or not set"
    return f"{cap['counted']} of at most {cap['at_most']} in {format_duration(cap['per_us'])} before this one"


def explain(config: Config, message_id: str) -> Explanation:
    """The explanation of one decision. Raises InputError when the ledger does not know it."""
    ledger = Ledger(config.data / "ledger.db")
    log = SqliteLog(config.data / "log.db", SystemClock())
    try:
        row, intent = ledger.message(message_id), ledger.intent(message_id)
        if row is None or intent is None:
            msg = f"message: the ledger in {config.data} has no {message_id!r}; the console lists all messages"
            raise InputError(msg)
        return Explanation(
            message_id=message_id,
            state=row.state,
            reason=row.reason,
            subject=row.subject,
            profile_id=row.profile_id,
            journey=row.journey,
            journey_version=row.journey_version,
            template=row.template,
            template_version=row.template_version,
            category=row.category,
            mode=row.mode,
            decided=iso(row.decided_us),
            finished=iso(row.finished_us) if row.finished_us else "",
            events=_events(log, intent),
            steps=[_step(entry) for entry in intent.why.get("steps", [])],
            consent=intent.why.get("consent", {}),
            cap=intent.why.get("cap", {}),
            segments=intent.why.get("segments", []),
            items=[msgspec.to_builtins(item) for item in ledger.items(message_id)],
            attempts=[
                {"n": one.n, "started": iso(one.started_us), "reply": one.reply or "no answer yet"}
                for one in ledger.attempts(message_id)
            ],
        )
    finally:
        ledger.close()
        log.close()


def _step(entry: list[Any]) -> dict[str, str]:
    step, occurred_us, known_us, outcome, cause = entry
    return {"step": step, "occurred": iso(occurred_us), "known": iso(known_us), "outcome": outcome, "cause": cause}


def _events(log: Log, intent: SendIntent) -> list[CausingEvent]:
    causes = [intent.why.get("entry", ""), *(entry[4] for entry in intent.why.get("steps", []))]
    offsets = {offset for cause in causes if (offset := cause_offset(cause)) is not None}
    consent = intent.why.get("consent")
    if consent:
        offsets.add(int(consent["offset"]))
    found = []
    for offset in sorted(offsets):
        blocks = log.read(offset, 1)
        if not blocks or blocks[0].first_offset != offset:
            continue  # trimmed by retention: the path still says what happened
        event = wire.normalise(blocks[0].records[0], offset, blocks[0].taken_us)
        if isinstance(event, Event):
            found.append(
                CausingEvent(
                    offset=offset,
                    name=event.name,
                    event_id=event.event_id,
                    occurred=iso(event.occurred_us),
                    received=iso(event.received_us),
                    properties=event.properties,
                )
            )
    return found
