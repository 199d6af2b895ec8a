"""What another tool says it has sent: a CSV file with a line a message."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tidings.clock import SECOND_US, parse_instant
from tidings.errors import InputError

COLUMNS: dict[str, tuple[str, ...]] = {
    "person": ("user_id", "userid", "customer_id", "profile_id", "external_id", "email", "email_address", "address", "recipient", "to"),
    "at": ("sent_at", "sentat", "sent", "send_time", "timestamp", "time", "date", "created_at"),
    "what": ("template", "campaign", "campaign_name", "message_name", "name", "subject"),
}  # fmt: skip
"""What is looked for in a line, and the columns that are taken for it, the best first; case and blanks do not count."""
MOST_PROBLEMS = 10
"""Lines that cannot be read which are shown."""


class SentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    person: str
    """As the file has it: a user id, an address."""
    at_us: int
    what: str


class SentFile(msgspec.Struct, frozen=True, kw_only=True):
    """What was read."""

    rows: list[SentRow]
    problems: list[str]
    """Lines that cannot be read, with why; the first ones."""
    unread: int
    """How many there are."""
    columns: dict[str, str]
    """Which column was taken for what."""


def read(path: Path, named: Mapping[str, str]) -> SentFile:
    """Read it; `named` says which column is ``person``, ``at`` or ``what``. Raises InputError when one is missing."""
    rows: list[SentRow] = []
    problems: list[str] = []
    unread = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file)
        columns = _columns(path, lines.fieldnames or [], named)
        for number, line in enumerate(lines, 2):
            try:
                rows.append(_row(line, columns))
            except ValueError as error:
                unread += 1
                problems += [f"line {number}: {error}"] if len(problems) < MOST_PROBLEMS else []
    return SentFile(rows=rows, problems=problems, unread=unread, columns=columns)


def _columns(path: Path, header: Sequence[str], named: Mapping[str, str]) -> dict[str, str]:
    plain = {one.strip().lower().replace(" ", "_"): one for one in header}
    found = {}
    for what, known in COLUMNS.items():
        wanted = named.get(what)
        if wanted is not None and wanted not in header:
            msg = f"{path}: got no column {wanted!r} for {what}, wanted one of {', '.join(header) or 'none'}"
            raise InputError(msg)
        column = wanted or next((plain[one] for one in known if one in plain), "")
        if not column and what != "what":
            msg = f"{path}: no column says {what}; got {', '.join(header) or 'no header'}; name it with --map {what}=COLUMN"
            raise InputError(msg)
        found[what] = column
    return found


def _row(line: Mapping[str, str | None], columns: Mapping[str, str]) -> SentRow:
    """Raises ValueError."""
    person, at = ((line.get(columns[name]) or "").strip() for name in ("person", "at"))
    if not person:
        raise ValueError("nobody is named")
    what = (line.get(columns["what"]) or "").strip() if columns["what"] else ""
    return SentRow(person=person, at_us=_instant(at), what=what)


def _instant(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) in (10, 13):
        return int(text) * (SECOND_US if len(text) == 10 else 1_000)
    try:
        return parse_instant(text)
    except ValueError as error:
        msg = f"got {text!r}, wanted an instant such as 2026-01-31T12:00:00Z, or seconds since 1970"
        raise ValueError(msg) from error
