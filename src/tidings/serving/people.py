"""A profile's state as a row of `people`, and its segment memberships as rows of `members`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from tidings.domain.profile import ProfileState, decode
from tidings.ids import profile_id

Computed = Callable[[ProfileState], dict[str, Any]]
"""Computed traits of a profile, by name."""

_UPSERT = """INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (profile_id) DO UPDATE SET
  user_id = excluded.user_id, email = excluded.email, name = excluded.name, known = excluded.known,
  first_us = excluded.first_us, last_us = excluded.last_us, events = excluded.events, traits = excluded.traits,
  computed = excluded.computed, segments = excluded.segments, consents = excluded.consents,
  known_us = MAX(known_us, excluded.known_us)"""
_DELETE = "DELETE FROM people WHERE profile_id = ?"
_MEMBERS = "SELECT segment, entered_us FROM members WHERE profile_id = ?"
_LEAVE = "DELETE FROM members WHERE segment = ? AND profile_id = ?"
_ENTER = """INSERT INTO members VALUES (?, ?, ?, ?)
  ON CONFLICT (segment, profile_id) DO UPDATE SET entered_us = excluded.entered_us"""


def store(db: sqlite3.Connection, profiles: dict[str, bytes], known: dict[str, int], computed: Computed | None) -> None:
    """Write each profile as it is now; empty bytes mean that it was absorbed. `known` says as of when."""
    rows = []
    for who, data in profiles.items():
        if not data:
            db.execute(_DELETE, (who,))
            _reconcile(db, who, {}, 0)
            continue
        state = decode(data)
        known_us = known.get(who, 0)
        rows.append(_row(state, known_us, computed(state) if computed else {}))
        _reconcile(db, who, state.segments, known_us)
    db.executemany(_UPSERT, rows)


def _row(state: ProfileState, known_us: int, computed: dict[str, Any]) -> tuple[object, ...]:
    traits = {name: given.value for name, given in state.traits.items()}
    identifiers = dict(reversed(state.identifiers))  # the first of each kind
    user_id = _user_id(state)
    return (
        state.profile_id,
        user_id,
        _text(traits.get("email")) or identifiers.get("email"),
        name_of(traits),
        user_id is not None,
        state.first_us,
        state.last_us,
        state.events,
        _json(traits),
        _json(computed),
        _json(state.segments),
        _json({purpose: _consent(entry) for purpose, entry in state.consents.items()}),
        known_us,
    )


def _user_id(state: ProfileState) -> str | None:
    """The user id that founded the profile; of others (by alias, or without it) the first."""
    found = [value for kind, value in state.identifiers if kind == "user_id"]
    if len(found) < 2:
        return found[0] if found else None
    return next((value for value in found if profile_id("user_id", value) == state.profile_id), found[0])


def _consent(entry: Any) -> dict[str, object]:
    return {
        "granted": entry.granted,
        "occurred_us": entry.occurred_us,
        "event_id": entry.event_id,
        "method": entry.method,
    }


def name_of(traits: dict[str, Any]) -> str | None:
    """A person's display name from given traits: ``name``, or first and last name in either spelling."""
    whole = _text(traits.get("name"))
    if whole:
        return whole
    first = _text(traits.get("firstName")) or _text(traits.get("first_name"))
    last = _text(traits.get("lastName")) or _text(traits.get("last_name"))
    return " ".join(part for part in (first, last) if part) or None


def _reconcile(db: sqlite3.Connection, profile_id: str, segments: dict[str, int], known_us: int) -> None:
    """Facts tell of each enter and leave; after a merge, or when a segment's definition goes, the state decides."""
    have = dict(db.execute(_MEMBERS, (profile_id,)).fetchall())
    if have == segments:
        return
    db.executemany(_LEAVE, [(segment, profile_id) for segment in have if segment not in segments])
    entered = [(s, profile_id, at_us, known_us) for s, at_us in segments.items() if have.get(s) != at_us]
    db.executemany(_ENTER, entered)


def _text(value: object) -> str | None:
    return value[:500] if isinstance(value, str) and value else None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
