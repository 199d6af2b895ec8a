"""Why a message was or was not sent, as a chain: what happened, the steps taken, the permission, the mail, the answers.

Read from the decision's own evidence (`SendIntent.why`), which a replay of the log makes again (law 8), and from the
original events in the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec
import zstandard

from tidings.clock import iso
from tidings.console import grounds, people, show
from tidings.console.store import Store
from tidings.decide import evidence, reasons
from tidings.domain import feedback
from tidings.domain.event import Event
from tidings.domain.message import SendIntent
from tidings.domain.output import cause_offset
from tidings.feedback import deliveries
from tidings.feedback.reasons import COMPLAINT, HARD, REASONS
from tidings.process import path
from tidings.recommend.base import Recommendation
from tidings.render.template import Template

MAX_INTENT_BYTES = 1024 * 1024
"""Largest decoded decision."""

_ANSWERS = msgspec.json.encode(
    [
        feedback.EMAIL_DELIVERED,
        feedback.EMAIL_DEFERRED,
        feedback.EMAIL_BOUNCED,
        feedback.EMAIL_COMPLAINED,
        feedback.EMAIL_OPENED,
        feedback.EMAIL_CLICKED,
        feedback.UNSUBSCRIBED,
    ]
).decode()
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
    template = grounds.template_of(store, row, intent)
    links = [_entry(store, intent), *steps(store, intent.why.get("steps", [])), *_draws(intent)]
    links += [*decision(store, row, intent), _versions(store, row, intent), *_values(store, intent, template)]
    if row["template_version"]:
        links.append(_rendered(row))
    links += [_attempt(attempt) for attempt in store.ledger.rows("attempts", row["message_id"])]
    if intent.suppressed == "" and row["state"] == "suppressed":
        links.append(_stopped(row))
    return links + _answers(store, row)


def decision(store: Store, row: sqlite3.Row, intent: SendIntent) -> list[Link]:
    """What the decision went by, and what it was."""
    return [*_permission(store, intent), _verdict(row, intent)]


_MARKS = {"event": "*", "wait": "~", "step": ">", "yes": "+", "no": "x", "mail": "@", "answer": "<"}


def lines(link: Link) -> list[str]:
    """A link for a terminal."""
    when = f"{iso(link.occurred_us)}  " if link.occurred_us else ""
    known = f"known {iso(link.known_us)}" if link.known_us > link.occurred_us else ""
    place = f"offset {link.offset}" if link.offset is not None else ""
    aside = ", ".join(filter(None, [link.note, known, place]))
    said = [f"{_MARKS.get(link.kind, '-')} {when}{link.title}{f'  ({aside})' if aside else ''}"]
    if link.detail:
        said.append(f"    {link.detail}")
    return [*said, *(f"    {name}: {text}" for name, text in link.facts)]


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


def steps(store: Store, taken: Sequence[Sequence[Any]]) -> list[Link]:
    """The steps of a run's path (see `Run.path`)."""
    over = {(one.step, one.from_us): one for one in path.waits(taken)}
    links = []
    for step, occurred_us, known_us, outcome, cause in taken:
        offset = cause_offset(str(cause))
        event = people.read_event(store, offset) if offset is not None else None
        waited = over.get((step, occurred_us))
        waits = waited is not None or str(outcome).startswith(("wait", "no "))
        links.append(
            Link(
                kind="wait" if waits else "step",
                title=_sentence(str(outcome)),
                detail=f"Waited {show.span(waited.until_us - waited.from_us)}, until {iso(waited.until_us)}: {waited.ended}."
                if waited is not None
                else "",
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
    if cause.startswith("broadcast:"):
        return f"because of {cause.partition('@')[0].replace(':', ' ')}"
    if cause.startswith("item:"):
        return f"because item {cause.removeprefix('item:').rpartition('@')[0]} changed"
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
    return [*links, *(_check(store, one) for one in evidence.checks(intent.why))]


def _check(store: Store, one: evidence.Check) -> Link:
    """Quiet hours, a cap or arbitration, with the messages that it speaks of."""
    return Link(
        kind="yes" if one.passed else "no",
        title=one.title,
        detail=one.detail,
        facts=[
            (iso(found.decided_us), f"{found.template} ({found.state})") for found in grounds.named(store, one.messages)
        ],
    )


def drawn(intent: SendIntent) -> list[path.Drawn]:
    """Everything that was drawn by hash on the way to this decision: splits, and what deciding itself drew."""
    said = intent.why.get("draws") or []
    more = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return [_draw(one) for one in more] or path.draws(intent.why.get("steps", []))


def _draw(said: dict[str, Any]) -> path.Drawn:
    """A draw in the words of whoever drew: ``what``, ``name``, ``drawn`` and ``arm`` as far as they are given."""
    number = said.get("drawn", said.get("draw", 0.0))
    return path.Drawn(
        what=str(said.get("what", "draw")),
        name=str(said.get("name", said.get("step", ""))),
        drawn=float(number) if isinstance(number, int | float) else 0.0,
        arm=str(said.get("arm", "")),
    )


def _draws(intent: SendIntent) -> list[Link]:
    found = drawn(intent)
    if not found:
        return []
    facts = [(f"{one.what} {one.name}", f"drew {one.drawn:.2f} of 100: {one.arm}") for one in found]
    note = "each draw is a hash of ids that stay the same, so a replay draws the same"
    return [Link(kind="step", title="Drawn by hash", facts=facts, note=note)]


def _versions(store: Store, row: sqlite3.Row, intent: SendIntent) -> Link:
    facts = [("journey", f"{intent.journey} {intent.journey_version}")]
    if row["template_version"]:
        facts.append(("template", f"{intent.template} {row['template_version']}"))
    if intent.definitions:
        facts.append(("definitions", intent.definitions))
        entry = grounds.applied(store, intent.definitions)
        if entry is not None:
            facts.append(("applied", f"{iso(entry.at_us)} by {entry.who}: {entry.why}"))
    return Link(kind="step", title="By these definitions", facts=facts, note="tidings history has them all")


def _shown(value: Any) -> str:
    """A value in one line; of things that have names, the names."""
    named = [one.get("name") for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    return ", ".join(map(str, named)) if named and all(named) else show.value(value)


def _values(store: Store, intent: SendIntent, template: Template | None) -> list[Link]:
    found = grounds.values(store, intent, template)
    if not found:
        return []
    facts = [(one.name, f"{_shown(one.value)} (read by {' and '.join(one.by)})") for one in found]
    return [Link(kind="step", title="With these values", facts=facts, note="as they were at the decision")]


def _verdict(row: sqlite3.Row, intent: SendIntent) -> Link:
    if intent.suppressed or (row["reason"] == "no_address" and not row["attempts"]):
        reason = intent.suppressed or row["reason"]
        return Link(
            kind="no",
            title="Decided not to send",
            detail=reasons.words(reason),
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
    detail = reasons.words(row["reason"])
    return Link(kind="no", title="Stopped before the hand-over", detail=detail, occurred_us=row["finished_us"] or 0)


def _answers(store: Store, row: sqlite3.Row) -> list[Link]:
    """What came back: how it was delivered, opens, clicks, an unsubscribe, a complaint."""
    found = []
    for event in store.serving.rows("timeline_named", row["profile_id"], _ANSWERS, 500):
        said = msgspec.json.decode(event["summary"], type=dict[str, Any])
        if said.get("message_id") == row["message_id"]:
            found.append(_answer(event, said))
    return sorted(found, key=lambda link: link.occurred_us)


def _answer(event: sqlite3.Row, said: dict[str, Any]) -> Link:
    machine = " by a machine, as it seems" if said.get("machine") else ""
    return Link(
        kind="answer",
        title=f"{event['name']}{machine}",
        detail=_said(event["name"], said),
        occurred_us=event["occurred_us"],
        offset=event["offset"],
    )


def _said(name: str, said: dict[str, Any]) -> str:
    if name == feedback.UNSUBSCRIBED:
        return str(said.get("category") or "")
    why = REASONS.get(str(said.get("reason") or ""))
    if why is None:
        return str(said.get("url") or "")
    ended = "; nothing more is sent to the address" if why.kind in (HARD, COMPLAINT) else ""
    told = f" (told by {said['provider']})" if said.get("provider") not in (None, "", deliveries.MAIL) else ""
    return f"{said.get('kind') or why.kind}: {why.means}{ended}{told}"
