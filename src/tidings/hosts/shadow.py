"""`tidings shadow`: what a journey in shadow mode would have sent, beside what another tool says it has sent.

Ours is what the ledger has of the journey; theirs is a file, or events in the log that the other tool sends about its own mails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from tidings.clock import SECOND_US, SystemClock, format_duration, iso
from tidings.config import Config
from tidings.console import why_not
from tidings.console.store import Store
from tidings.decide import reasons
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Row
from tidings.domain.message import DeliveryState
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import InputError
from tidings.hosts import asof
from tidings.hosts.why_not import journey_of
from tidings.lake import query
from tidings.lake.duck import run
from tidings.measure import beside, report
from tidings.measure.beside import Apart, Beside, Day, Pair, Send
from tidings.sources import sent
from tidings.workspace import Definitions

EVENTS = ("Email Sent",)
"""Events by which another tool says that it sent something, unless others are named."""
MAX_EXPLAINED = 500
"""Messages of theirs alone for which it is asked why ours would not have sent them."""
MAX_SHOWN = 100
"""People in the page and on the screen."""
NOT_ASKED = "not_asked"
_GONE = (DeliveryState.ACCEPTED, DeliveryState.QUEUED, DeliveryState.ATTEMPTING, DeliveryState.IN_DOUBT)
_PAGE = 1_000
_KNOWN = """SELECT profile_id FROM identifiers WHERE kind IN ('user_id', 'email', 'anonymous_id') AND value IN (?1, ?2)
  UNION SELECT profile_id FROM people WHERE email IN (?1, ?2) UNION SELECT profile_id FROM people WHERE profile_id = ?1 LIMIT 2"""
_SAID = """SELECT profile, epoch_us(occurred_at), COALESCE({what}, '') FROM events
  WHERE kind = 'track' AND name IN ({names}) AND source <> ? AND (? = '' OR source = ?) ORDER BY occurred_at, event_id"""
_WHAT = ("template", "campaign_name", "campaign", "campaign_id", "message_name", "name", "email_subject", "subject")


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared."""

    journey: str
    file: Path | None = None
    """What the other tool sent; None to look for events in the log."""
    columns: Mapping[str, str] = {}
    """Which of its columns is ``person``, ``at`` or ``what``."""
    events: Sequence[str] = EVENTS
    source: str = ""
    """Only events of this source; empty for any but our own."""
    only: str = ""
    """Only messages of theirs that are called so (template, campaign); empty for all."""
    within_us: int
    """How far apart a pair may be."""
    from_us: int = 0
    """From here on; 0 for the first decision of the journey."""
    to_us: int = 0
    """Up to here; 0 for now."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why messages of theirs are not ours."""

    reason: str
    words: str
    count: int


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """A message that only one side sent."""

    kind: str
    """``only_ours`` or ``only_theirs``."""
    person: str
    """Profile id, or what the other tool calls somebody whom nobody knows here."""
    shown: str
    """User id or address."""
    at: str
    what: str
    reason: str
    """A word, as in `Report.reasons`; empty for ours."""
    why: str
    """A sentence."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison. Counts are messages."""

    journey: str
    beside: str
    """Where theirs is from."""
    since: str
    until: str
    within: str
    both: int
    only_ours: int
    only_theirs: int
    apart: Apart
    days: list[Day]
    reasons: list[Reason]
    """Of theirs alone, the most frequent first."""
    people: list[Alone]
    """Every message of one side alone, in order of time; in the page the first `MAX_SHOWN`."""
    left_out: int = 0
    notes: list[str] = []
    pairs: list[Pair] = []


class _Theirs(msgspec.Struct):
    sends: list[Send]
    beside: str
    notes: list[str]
    shown: dict[str, str]


def compare(config: Config, ask: Ask) -> Report:
    """Compare. Raises InputError."""
    definitions = asof.running(config)
    name = journey_of(definitions, ask.journey).name
    now_us = SystemClock().now_us()
    rows = _rows(config, name)
    theirs = _from_file(config, ask) if ask.file is not None else _from_log(config, ask)
    first_us = min([row.decided_us for row in rows] or [one.at_us for one in theirs.sends], default=now_us)
    from_us = ask.from_us or max(0, first_us - ask.within_us)
    to_us = ask.to_us or now_us
    ours = _ours(config, [row for row in rows if from_us <= row.decided_us <= to_us])
    given = [one for one in theirs.sends if from_us <= one.at_us <= to_us and ask.only in ("", one.what)]
    found = beside.beside(ours, given, ask.within_us)
    with Store(config, SystemClock()) as store:
        explained = _explain(store, definitions, name, found.only_theirs, rows, ask.within_us)
    notes = [*theirs.notes, *_notes(definitions, name, rows, len(theirs.sends) - len(given), from_us)]
    return _report(config, name, theirs, found, explained, notes, (from_us, to_us, ask.within_us))


def _rows(config: Config, journey: str) -> list[Row]:
    """All decisions of a journey, the latest first."""
    found: list[Row] = []
    with closing(Ledger(config.data / "ledger.db")) as ledger:
        before = None
        while page := ledger.recent(_PAGE, before, journey=journey):
            found += page
            before = (page[-1].decided_us, page[-1].message_id)
    return found


def _ours(config: Config, rows: Sequence[Row]) -> list[Send]:
    """What would have gone, and what went when the journey was let loose, under the ids that people have by now."""
    goes = [row for row in rows if row.state != DeliveryState.SUPPRESSED or row.reason == reasons.SHADOW]
    with Store(config, SystemClock()) as store:
        return [Send(person=_survivor(store, row.profile_id), at_us=row.decided_us, what=row.template) for row in goes]


def _survivor(store: Store, profile_id: str) -> str:
    while (row := store.serving.row("survivor", profile_id)) is not None:
        profile_id = row["survivor"]
    return profile_id


def _from_file(config: Config, ask: Ask) -> _Theirs:
    assert ask.file is not None
    read = sent.read(ask.file, ask.columns)
    notes = [f"{read.unread:,} lines of {ask.file.name} cannot be read; {one}" for one in read.problems[:1]]
    people = _known(config, sorted({row.person for row in read.rows}))
    unknown = {row.person for row in read.rows if row.person not in people}
    if unknown:
        notes.append(f"{len(unknown):,} people of {ask.file.name} are not known here; they count as only theirs")
    sends = [Send(person=people.get(row.person, row.person), at_us=row.at_us, what=row.what) for row in read.rows]
    shown = {people.get(row.person, row.person): row.person for row in read.rows}
    return _Theirs(sends=sends, beside=ask.file.name, notes=notes, shown=shown)


def _known(config: Config, named: Sequence[str]) -> dict[str, str]:
    """The profile ids of those who are known by one of these names; who shares hers with others is not."""
    found = {}
    with closing(asof.serving(config)) as db:
        for name in named:
            rows = db.execute(_KNOWN, (name, name.lower())).fetchall()
            if len(rows) == 1:
                found[name] = str(rows[0][0])
    return found


def _from_log(config: Config, ask: Ask) -> _Theirs:
    what = ", ".join(f"json_extract_string(properties, '$.{name}')" for name in _WHAT)
    statement = _SAID.format(what=what, names=", ".join("?" * len(ask.events)))
    with closing(query.connect(config.data)) as db:
        rows = run(db, statement, [*ask.events, INTERNAL_SOURCE, ask.source, ask.source])
    sends = [Send(person=str(row[0]), at_us=int(row[1]), what=str(row[2])) for row in rows]
    place = f"events {' or '.join(ask.events)}{f' of {ask.source}' if ask.source else ''}"
    notes = (
        [] if sends else [f"no {place} in the lake, which has all records below offset {asof.complete_to(config):,}"]
    )
    return _Theirs(sends=sends, beside=place, notes=notes, shown={})


def _notes(definitions: Definitions, journey: str, rows: Sequence[Row], outside: int, from_us: int) -> Iterator[str]:
    if not definitions.journeys[journey].shadow:
        yield f"{journey} is not in shadow mode now: what it really sent counts as ours too"
    if not rows:
        yield f"{journey} has decided on nothing yet: everything is only theirs"
    if outside:
        yield f"{outside:,} messages of theirs are outside of the time or the name that is compared (from {iso(from_us)})"


# Why only theirs


def _explain(
    store: Store, definitions: Definitions, journey: str, alone: Sequence[Send], rows: Sequence[Row], within_us: int,
) -> dict[Send, tuple[str, str]]:  # fmt: skip
    """(reason, sentence) for each message of theirs alone: what ours decided about then, else why it decided on nothing."""
    refused: dict[str, list[Row]] = {}
    for row in rows:
        if row.state == DeliveryState.SUPPRESSED and row.reason != reasons.SHADOW:
            refused.setdefault(_survivor(store, row.profile_id), []).append(row)
    found = {}
    for number, one in enumerate(alone):
        near = [row for row in refused.get(one.person, ()) if abs(row.decided_us - one.at_us) <= within_us]
        if near:
            row = min(near, key=lambda each: (abs(each.decided_us - one.at_us), each.message_id))
            found[one] = (
                row.reason,
                f"Ours was decided {iso(row.decided_us)} and not sent. {reasons.words(row.reason)}",
            )
        elif store.serving.row("person", one.person) is None:
            found[one] = ("unknown_person", "Nobody is known here by that name.")
        elif number >= MAX_EXPLAINED:
            found[one] = (NOT_ASKED, f"Not looked at: the first {MAX_EXPLAINED} are.")
        else:
            found[one] = _asked(store, definitions, journey, one, within_us)
    return found


def _asked(store: Store, definitions: Definitions, journey: str, one: Send, within_us: int) -> tuple[str, str]:
    said = why_not.why_not(store, definitions, journey, one.person, one.at_us + within_us, None).verdict
    if said.because == reasons.SHADOW or (said.kind in _GONE and not said.because):
        return "another_time", f"Ours went further away in time than a pair may be: {said.sentence}"
    because = f": {said.because}" if said.because else ""
    return f"{said.kind}{because}", said.sentence


# What is said


def _report(
    config: Config, journey: str, theirs: _Theirs, found: Beside, explained: Mapping[Send, tuple[str, str]],
    notes: list[str], span: tuple[int, int, int],
) -> Report:  # fmt: skip
    counts = Counter(reason for reason, _ in (explained[one] for one in found.only_theirs))
    from_us, to_us, within_us = span
    to_us -= to_us % SECOND_US
    return Report(
        journey=journey,
        beside=theirs.beside,
        since=iso(from_us),
        until=iso(to_us),
        within=format_duration(within_us),
        both=len(found.both),
        only_ours=len(found.only_ours),
        only_theirs=len(found.only_theirs),
        apart=beside.apart(found.both),
        days=beside.days(found),
        reasons=[
            Reason(reason=reason, words=_words(reason), count=count)
            for reason, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        ],
        people=_people(config, theirs, found, explained),
        notes=notes,
        pairs=found.both,
    )


_KINDS = {
    "another_time": "Ours went at another time, further away than a pair may be",
    "unknown_person": "Nobody is known here by that name",
    NOT_ASKED: f"Not looked at: the first {MAX_EXPLAINED} are",
    "running": "A run of ours was going on, at step",
    "not_again": "It came again and began no other run",
    "ended": "The run of ours ended without a message",
}


def _words(reason: str) -> str:
    if reason in reasons.REASONS:
        return reasons.words(reason)
    kind, _, because = reason.partition(": ")
    return f"{_KINDS.get(kind, kind.replace('_', ' ').capitalize())}{f': {because}' if because else ''}"


def _people(config: Config, theirs: _Theirs, found: Beside, explained: Mapping[Send, tuple[str, str]]) -> list[Alone]:
    told = [("only_ours", one, ("", "The other tool sent nothing about then.")) for one in found.only_ours]
    told += [("only_theirs", one, explained[one]) for one in found.only_theirs]
    shown = {one[0]: one[1] or one[2] for one in asof.shown(config, sorted({one.person for _, one, _ in told}))}
    return [
        Alone(
            kind=kind,
            person=one.person,
            shown=theirs.shown.get(one.person) or shown.get(one.person) or one.person,
            at=iso(one.at_us),
            what=one.what,
            reason=reason,
            why=sentence,
        )
        for kind, one, (reason, sentence) in sorted(told, key=lambda each: (each[1].at_us, each[1].person, each[0]))
    ]


def shortened(found: Report) -> Report:
    """For a page or a screen: the first `MAX_SHOWN` people, no pairs."""
    left = max(0, len(found.people) - MAX_SHOWN)
    return msgspec.structs.replace(found, people=found.people[:MAX_SHOWN], left_out=left, pairs=[])


def html(found: Report) -> str:
    """The page."""
    return report.page(shortened(found), found.days)


def lines(found: Report) -> list[str]:
    """For people."""
    said = [f"{found.journey} in the shadow of {found.beside}, {found.since} to {found.until}"]
    said += [f"note: {note}" for note in found.notes]
    said += [f"  {found.both:,} both, {found.only_ours:,} only ours, {found.only_theirs:,} only theirs"]
    if found.both:
        later, near = report.span(found.apart.median_us), report.span(found.apart.p95_us)
        said.append(f"  theirs is {later} later in the median; 95 in 100 are no further apart than {near}")
    said += ["Why only theirs", *(f"  {one.count:>8,}  {one.words}" for one in found.reasons)] if found.reasons else []
    return said


def columns(named: Sequence[str]) -> dict[str, str]:
    """``person=Recipient`` and so on, as given. Raises InputError."""
    found = {}
    for one in named:
        what, equals, column = one.partition("=")
        if not equals or what not in sent.COLUMNS:
            msg = f"--map: got {one!r}, wanted one of {', '.join(f'{name}=COLUMN' for name in sent.COLUMNS)}"
            raise InputError(msg)
        found[what] = column
    return found
