"""Broadcasts as commands and pages handle them: whom one would reach, starting, pausing and giving up, and how it stands.

What is asked for goes into the log as a record to everybody; the processor does it when it comes there.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from secrets import token_hex

from tidings.clock import SystemClock, iso
from tidings.config import Config
from tidings.domain.everybody import Asked, Cancel, Pause, Resume, Start
from tidings.domain.names import nearest
from tidings.domain.sql import LAKE, Query
from tidings.errors import InputError
from tidings.hosts import asof
from tidings.hosts.door import Door
from tidings.hosts.shelf import LOOK_S
from tidings.lake import query
from tidings.lake.duck import run
from tidings.process.broadcast import Broadcast
from tidings.process.journey import Journey
from tidings.process.steps.send import Send
from tidings.versions.broadcasts import Checked, Progress, progress
from tidings.versions.standing import Broadcasting, BroadcastState, standing
from tidings.workspace import Definitions

PATIENCE_S = 60.0
"""How long the processor may take to come to a record."""

Tell = Callable[[Asked], int]
"""Put it into the log; the offset of its record."""


def find(definitions: Definitions, name: str) -> tuple[Journey, Broadcast]:
    """A broadcast of the definitions that run. Raises InputError."""
    journey = definitions.broadcasts.get(name)
    if journey is None or journey.broadcast is None:
        near = nearest(name, definitions.broadcasts)
        do = f"did you mean {near}?" if near else f"write broadcasts/{name}.yml and run `tidings apply`"
        raise InputError(f"broadcast {name!r}: it is not among the definitions that run; {do}")
    return journey, journey.broadcast


def check(config: Config, name: str) -> Checked:
    """Whom it would reach, and when. Raises InputError when it cannot be started."""
    journey, found = find(asof.running(config), name)
    now_us = SystemClock().now_us()
    if found.day is not None and found.last_us() < now_us:
        raise InputError(f"broadcast {name!r}: {iso(found.last_us())} is past; give `at` an instant to come, or now")
    audience = count(config, found, now_us)
    begins_us = max(now_us, found.begins_us(now_us))
    last_us = max(begins_us, found.last_us()) + found.span_us(audience)
    send = next(step for step in journey.steps.values() if isinstance(step, Send))
    before = standing(config.data).broadcasts.get(name)
    return Checked(
        name=name,
        version=journey.version,
        words=found.words(),
        template=send.template,
        category=send.category,
        audience=audience,
        begins=iso(begins_us),
        ends=iso(last_us),
        before=before.start if before is not None else "",
        started=iso(before.asked_us) if before is not None else "",
    )


def count(config: Config, found: Broadcast, now_us: int) -> int:
    """How many people are meant: of a segment as the serving copy knows it, of a rule by its SQL over the lake."""
    if found.rule is None:
        with closing(_serving(config.data)) as db:
            row = db.execute("SELECT members FROM segment_counts WHERE segment = ?", (found.segment,)).fetchone()
        return int(row[0]) if row else 0
    asked = Query(now_us, now_us)
    with closing(query.connect(config.data, known_us=now_us)) as lake:
        counted = f"SELECT count(*) FROM ({found.rule.sql(asked)})"
        return int(run(lake, asked.statement(LAKE, counted))[0][0])


def _serving(data: Path) -> sqlite3.Connection:
    path = data / "serving.db"
    if not path.exists():
        raise InputError(f"{path}: no serving copy yet; start `tidings serve` on this data directory first")
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)


def start(config: Config, checked: Checked, who: str, *, again: bool = False, tell: Tell | None = None) -> Broadcasting:
    """Start it; how it stands then. Raises InputError when it does not fit how things stand, or stood when it was checked."""
    before = standing(config.data).broadcasts.get(checked.name)
    if before is not None and not again:
        raise InputError(
            f"broadcast {checked.name!r}: it was started on {iso(before.asked_us)}; give it a new name, or say --again"
        )
    if (before.start if before is not None else "") != checked.before:
        raise InputError(f"broadcast {checked.name!r}: somebody started it since you looked; look again")
    asked = Start(
        broadcast=checked.name,
        version=checked.version,
        start=token_hex(8),
        audience=checked.audience,
        again=again,
        who=who,
    )
    now = _told(config, asked, tell)
    if now.start != asked.start:
        raise InputError(f"broadcast {checked.name!r}: it was not started: it is {now.state}; see logs/process.log")
    return now


_MOVES: dict[str, tuple[type[Pause] | type[Resume] | type[Cancel], str]] = {
    "pause": (Pause, BroadcastState.PAUSED),
    "resume": (Resume, BroadcastState.RUNNING),
    "cancel": (Cancel, BroadcastState.CANCELLED),
}
MOVES = tuple(_MOVES)
"""What may be done to one that was started."""


def move(config: Config, name: str, what: str, who: str, tell: Tell | None = None) -> Broadcasting:
    """Pause, resume or cancel it; how it stands then. Raises InputError when it does not fit how it stands."""
    before = standing(config.data).broadcasts.get(name)
    kind, then = _MOVES[what]
    if before is None:
        raise InputError(f"broadcast {name!r}: it was never started")
    if before.state == then:
        return before
    now = _told(config, kind(broadcast=name, who=who), tell)
    if now.state != then:
        raise InputError(f"broadcast {name!r}: it is {now.state}, so there is nothing to {what}")
    return now


def _told(config: Config, asked: Asked, tell: Tell | None) -> Broadcasting:
    """How the broadcast stands once the processor has taken the record."""
    offset = (tell or Door(config).tell)(asked)
    until_s = time.monotonic() + PATIENCE_S
    while standing(config.data).offset <= offset:
        if time.monotonic() > until_s:
            raise InputError(
                f"the processor did not come to offset {offset} of the log within {PATIENCE_S:.0f} s; does it run? "
                f"See `tidings doctor`; it is done when the processor comes there"
            )
        time.sleep(LOOK_S / 4)
    now = standing(config.data).broadcasts.get(asked.broadcast)
    if now is None:
        raise InputError(
            f"broadcast {asked.broadcast!r}: the processor refused the record at offset {offset}; see logs/process.log"
        )
    return now


def status(config: Config, name: str = "") -> list[Progress]:
    """How broadcasts stand, the latest start first. Raises InputError when one is asked for that was never started."""
    found = progress(config.data, SystemClock().now_us())
    if name and all(one.name != name for one in found):
        raise InputError(f"broadcast {name!r}: it was never started")
    return [one for one in found if not name or one.name == name]
