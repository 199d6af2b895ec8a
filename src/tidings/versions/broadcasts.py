"""How far broadcasts are, for those who show it: what stands, the runs that wait, the messages by what became of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from tidings.clock import iso
from tidings.versions.in_force import share
from tidings.versions.standing import Broadcasting, BroadcastState, Standing, standing

_WAITING = "SELECT count(*) FROM runs WHERE journey = ? AND state = 'active'"
_ENDED = "SELECT count(*) FROM runs WHERE journey = ? AND state = 'ended' AND known_us >= ?"
_MESSAGES = "SELECT state, n FROM tallies WHERE journey = ? AND n > 0"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A broadcast as it would be sent now."""

    name: str
    version: str
    words: str
    template: str
    category: str
    audience: int
    """How many people are meant as of now."""
    begins: str
    """When the first could get it."""
    ends: str
    """When the last would, if the mail server takes them as fast."""
    before: str = ""
    """The start that stands, so that nobody starts it again without having seen that one; empty when it was never started."""
    started: str = ""
    """When that was asked for."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One broadcast as it is known to stand."""

    name: str
    state: str
    """A `BroadcastState`, or ``done``."""
    start: str
    who: str
    asked: str
    begins: str
    since: str
    """When it came to its state."""
    audience: int
    """Counted when it was asked for."""
    told: float
    """The share of all people who have heard of it, from 0 to 1."""
    waiting: int
    """People whose turn is to come."""
    over: int
    """People whose turn is over."""
    messages: dict[str, int]
    """Messages by what became of them, of all its starts."""
    left_s: float | None
    """Seconds until nobody waits for a turn any more, as it went so far; None when that cannot be said."""


def progress(data: Path, now_us: int) -> list[Progress]:
    """All that were ever started, the latest first."""
    now = standing(data)
    found = sorted(now.broadcasts.values(), key=lambda one: (one.asked_us, one.name), reverse=True)
    return [_progress(data, now, one, now_us) for one in found]


def _progress(data: Path, now: Standing, one: Broadcasting, now_us: int) -> Progress:
    waiting, over = _runs(data, one)
    messages = dict(_rows(data / "ledger.db", _MESSAGES, one.name))
    told = _told(now, one)
    queued = messages.get("queued", 0) + messages.get("attempting", 0)
    done = one.state == BroadcastState.RUNNING and told == 1 and not waiting and not queued
    return Progress(
        name=one.name,
        state="done" if done else one.state,
        start=one.start,
        who=one.who,
        asked=iso(one.asked_us),
        begins=iso(one.begins_us),
        since=iso(one.since_us),
        audience=one.audience,
        told=told,
        waiting=waiting,
        over=over,
        messages=messages,
        left_s=_left_s(one, over, waiting, now_us),
    )


def _told(now: Standing, one: Broadcasting) -> float:
    if one.number < 0:
        return 0.0
    if all(told.number != one.number for told in now.active):
        return 1.0
    return share(now.after) if one.number <= now.upto else 0.0


def _left_s(one: Broadcasting, over: int, waiting: int, now_us: int) -> float | None:
    """By how many had their turn since it began. A pause makes it too long for a while."""
    gone_us = now_us - one.begins_us
    left = max(waiting, one.audience - over)
    if one.state != BroadcastState.RUNNING or not over or gone_us <= 0:
        return None
    return left * gone_us / over / 1_000_000


def _runs(data: Path, one: Broadcasting) -> tuple[int, int]:
    (waiting,) = next(iter(_rows(data / "serving.db", _WAITING, one.name)), (0,))
    (ended,) = next(iter(_rows(data / "serving.db", _ENDED, one.name, one.begins_us)), (0,))
    return waiting, ended


def _rows(path: Path, question: str, *values: object) -> list[Any]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)) as db:
        try:
            return db.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            return []  # the file was just made, its tables come next
