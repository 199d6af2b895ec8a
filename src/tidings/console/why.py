"""Why a message was or was not sent, as a chain: what happened, the steps taken, the permission, the mail, the answers.

Read from the decision's own evidence (`SendIntent.why`), which a replay of the log makes again (law 8), and from the
original events in the log.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
import zstandard

from tidings.clock import format_duration
from tidings.console import people, show
from tidings.console.store import Store
from tidings.domain import feedback
from tidings.domain.event import Event
from tidings.domain.message import SendIntent
from tidings.domain.output import cause_offset
from tidings.recommend.base import Recommendation

MAX_INTENT_BYTES = 1024 * 1024
"""Largest decoded decision."""

REASONS = {
    "no_consent": "This person never agreed to this category, and it needs consent.",
    "consent_withdrawn": "This person withdrew the consent to this category.",
    "frequency_cap": "This person has already had as many messages of this category as the policy allows for the time.",
    "no_address": "No e-mail address is known that mail could be sent to.",
    "unsubscribed": "Between the decision and the hand-over this person unsubscribed.",
    "bounced": "Mail to this address came back for good, so nothing more is sent to it.",
    "complained": "This person reported a mail as spam, so nothing more is sent to the address.",
}
"""Reasons for not sending, in a sentence."""

_ITEMS = msgspec.json.Decoder(list[Recommendation])
_INTENT = msgspec.json.Decoder(SendIntent)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain."""

    kind: str
    """``event``, ``wait``, ``step``, ``yes``, ``no``, ``mail`` or ``answer``: its symbol."""
    title: str
    detail: str = ""
    note: str = ""
    """What it did, in small letters beside the proof."""
    occurred_us: int = 0
    known_us: int = 0
    """Shown when it differs from `occurred_us`: when we learned of it."""
    facts: list[tuple[str, str]] = []
    """Name and value pairs."""
    offset: int | None = None
    """The event in the log that proves it."""


def unpack(row: sqlite3.Row) -> SendIntent:
    """The decision in a ledger row."""
    return _INTENT.decode(zstandard.decompress(row["intent"], max_output_size=MAX_INTENT_BYTES))


def items(row: sqlite3.Row) -> list[Recommendation]:
    """What its slots were filled with, each with its reason."""
    return _ITEMS.decode(row["items"])


def chain(store: Store, row: sqlite3.Row, intent: SendIntent) -> list[Link]:
    """The whole chain, oldest first."""
    links = [_entry(store, intent), *_steps(store, intent), *_permission(store, intent)]
    links.append(_verdict(row, intent))
    if row["template_version"]:
        links.append(_rendered(row))
    links += [_attempt(attempt) for attempt in store.ledger.rows("attempts", row["message_id"])]
    if intent.suppressed == "" and row["state"] == "suppressed":
        links.append(_stopped(row))
    return links + _answers(store, row)


def _entry(store: Store, intent: SendIntent) -> Link:
    cause = str(intent.why.get("entry", ""))
    offset = cause_offset(cause)
    event = people.read_event(store, offset) if offset is not None else None
    if event is None:
        return Link(kind="event", title="The journey began", detail=_cause_words(cause), offset=offset)
    return Link(
        kind="event",
        title=event.name,
        detail=show.headline(event.properties),
        note=f"started the journey {intent.journey.replace('_', ' ')}",
        occurred_us=event.occurred_us,
        known_us=event.received_us,
        offset=offset,
    )


def _steps(store: Store, intent: SendIntent) -> list[Link]:
    links = []
    for step, occurred_us, known_us, outcome, cause in intent.why.get("steps", []):
        offset = cause_offset(str(cause))
        event = people.read_event(store, offset) if offset is not None else None
        waits = str(outcome).startswith(("wait", "no "))
        links.append(
            Link(
                kind="wait" if waits else "step",
                title=_sentence(str(outcome)),
                note=f"step {step}, {_cause_words(str(cause), event)}",
                occurred_us=occurred_us,
                known_us=known_us,
                offset=offset,
            )
        )
    return links


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cause_words(cause: str, event: Event | None = None) -> str:
    if cause.startswith("event:"):
        return f"because of {event.name if event else 'an event'}"
    return "because its timer was due" if cause.startswith("timer:") else "because of the definitions"


def _permission(store: Store, intent: SendIntent) -> list[Link]:
    links = []
    given = intent.why.get("consent")
    if isinstance(given, dict):
        event = people.read_event(store, int(given["offset"]))
        wording = event.properties.get("wording") if event else None
        word = "given" if given["granted"] else "withdrawn"
        links.append(
            Link(
                kind="yes" if given["granted"] else "no",
                title=f"Consent to {given['purpose']} {word}",
                detail=f"“{wording}”" if isinstance(wording, str) else "",
                occurred_us=given["occurred_us"],
                note=f"by {given['method'] or 'an event'}",
                offset=given["offset"],
            )
        )
    cap = intent.why.get("cap")
    if isinstance(cap, dict):
        free = cap["counted"] < cap["at_most"]
        links.append(
            Link(
                kind="yes" if free else "no",
                title="Frequency cap not reached" if free else "Frequency cap reached",
                detail=f"{cap['counted']} of at most {cap['at_most']} {intent.category} messages within "
                f"{format_duration(cap['per_us'])} before this one.",
            )
        )
    return links


def _verdict(row: sqlite3.Row, intent: SendIntent) -> Link:
    if intent.suppressed or (row["reason"] == "no_address" and not row["attempts"]):
        reason = intent.suppressed or row["reason"]
        return Link(
            kind="no",
            title="Decided not to send",
            detail=REASONS.get(reason, f"Reason: {reason}."),
            occurred_us=intent.occurred_us,
            known_us=intent.decided_us,
        )
    return Link(
        kind="yes",
        title=f"Decided to send {intent.template}",
        detail=f"Journey version {intent.journey_version}, category {intent.category}, {intent.mode.replace('_', ' ')}.",
        occurred_us=intent.occurred_us,
        known_us=intent.decided_us,
    )


def _rendered(row: sqlite3.Row) -> Link:
    facts = [("template", f"{row['template']} {row['template_version']}"), ("sender", row["sender_version"])]
    facts.append(("digest of the bytes", row["digest"]))
    return Link(kind="mail", title=f"Rendered “{row['subject']}”", facts=[(name, text) for name, text in facts if text])


def _attempt(row: sqlite3.Row) -> Link:
    took = f" after {(row['ended_us'] - row['started_us']) / 1000:.0f} ms" if row["ended_us"] else ""
    return Link(
        kind="mail",
        title=f"Handed over, attempt {row['n']}",
        detail=f"Answer{took}: {row['reply']}" if row["reply"] else "No answer yet.",
        occurred_us=row["started_us"],
    )


def _stopped(row: sqlite3.Row) -> Link:
    detail = REASONS.get(row["reason"], f"Reason: {row['reason']}.")
    return Link(kind="no", title="Stopped before the hand-over", detail=detail, occurred_us=row["finished_us"] or 0)


def _answers(store: Store, row: sqlite3.Row) -> list[Link]:
    """What came back: opens, clicks, an unsubscribe."""
    names = (feedback.EMAIL_OPENED, feedback.EMAIL_CLICKED, feedback.UNSUBSCRIBED, "")
    found = []
    for event in store.serving.rows("timeline_named", row["profile_id"], *names, 500):
        said = msgspec.json.decode(event["summary"], type=dict[str, Any])
        if said.get("message_id") == row["message_id"]:
            machine = " by a machine, as it seems" if said.get("machine") else ""
            title, detail = (
                f"{event['name']}{machine}",
                str(said.get("url") or (event["name"] == feedback.UNSUBSCRIBED and said.get("category")) or ""),
            )
            found.append(
                Link(
                    kind="answer", title=title, detail=detail, occurred_us=event["occurred_us"], offset=event["offset"]
                )
            )
    return sorted(found, key=lambda link: link.occurred_us)
