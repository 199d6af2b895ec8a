"""Records to everybody at the driver's place in the log: which hold, who has heard them, which are to come.

What stands commits together with the offset. So after a crash, and in a replay from empty, everybody hears the same at the
same instants (law 2). Nobody is loaded when a record comes: whoever is reached by then hears what she has not heard, and one
pass after the other goes through everybody, between micro-batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from tidings.domain.everybody import Asked, Cancel, Coming, ItemsChanged, Pause, Resume, Start, Told
from tidings.domain.item import ItemChange
from tidings.domain.message import HoldIntent
from tidings.domain.profile import ProfileState
from tidings.errors import TidingsError
from tidings.process.journey import Journey
from tidings.state.base import StateStore
from tidings.versions.standing import META, Broadcasting, BroadcastState, Standing

MAX_ACTIVE = 64
"""Records that not everybody has heard; before another one is taken, a pass is brought to its end."""
TELL_EVERY = 16
"""Pieces of a pass after which others are told how far it is."""
MAX_SCHEDULED = 1_000
"""Starts to come; more are refused."""
MAX_BROADCASTS = 1_000
"""Broadcasts remembered; of those that began the longest ago, those that nobody waits for go first."""

Versions = Mapping[tuple[str, str], Journey]

_log = logging.getLogger("tidings.everybody")
_MOVES: dict[type, tuple[tuple[str, ...], str, str]] = {
    Pause: ((BroadcastState.RUNNING,), BroadcastState.PAUSED, HoldIntent.HELD),
    Resume: ((BroadcastState.PAUSED,), BroadcastState.RUNNING, HoldIntent.OPEN),
    Cancel: (
        (BroadcastState.SCHEDULED, BroadcastState.RUNNING, BroadcastState.PAUSED),
        BroadcastState.CANCELLED,
        HoldIntent.CANCELLED,
    ),
}


def quiet(standing: Standing) -> None:
    """Tells nobody."""


class Everybody:
    """Follows the records to everybody for one driver."""

    def __init__(self, state: StateStore, tell: Callable[[Standing], None] = quiet) -> None:
        """`tell` is given what stands whenever that was committed anew."""
        raw = state.meta(META)
        self.standing = msgspec.json.decode(raw, type=Standing) if raw else Standing()
        self._tell = tell
        self._dirty = self._news = False
        self._untold = 0
        self._note()
        self.tell(state.position()[0])

    def _note(self) -> None:
        """What is asked again and again, made ready."""
        now = self.standing
        self.last = now.count - 1
        """Number of the latest that holds; whoever heard it has nothing to hear."""
        self.due_us = now.scheduled[0].known_us if now.scheduled else 0
        """When the next one begins to hold; 0 for none."""

    def _change(self, **more: object) -> None:
        self.standing = msgspec.structs.replace(self.standing, **more)
        self._dirty = self._news = True
        self._note()

    def _go_on(self, **place: object) -> None:
        """A pass came further; that is no news."""
        self.standing = msgspec.structs.replace(self.standing, **place)
        self._dirty = True

    def to_commit(self) -> dict[str, bytes]:
        """What changed since the last time, to be committed with the offset."""
        return {META: msgspec.json.encode(self.standing)} if self._dirty else {}

    def committed(self, offset: int) -> None:
        """It was; others may know."""
        if not self._dirty:
            return
        self._dirty, self._untold = False, self._untold + 1
        if self._news or self._untold >= TELL_EVERY:
            self.tell(offset)

    def tell(self, offset: int) -> None:
        """Tell others what was committed."""
        self._news, self._untold = False, 0
        self._tell(msgspec.structs.replace(self.standing, offset=offset))

    # Records

    def take(self, asked: Asked | None, offset: int, taken_us: int, versions: Versions) -> list[HoldIntent]:
        """A record of the log; what the outbox is told. One that does not fit how things stand changes nothing."""
        self._dirty = self._news = True  # whoever asked waits for a word, also when nothing changes
        if asked is None:
            _log.warning("the record to everybody at offset %d cannot be read; nothing changed", offset)
            return []
        try:
            if isinstance(asked, Start):
                return self._start(asked, offset, taken_us, versions)
            return self._move(asked, offset, taken_us)
        except TidingsError as error:
            _log.warning("the record to everybody at offset %d changes nothing: %s", offset, error)
            return []

    def _start(self, asked: Start, offset: int, taken_us: int, versions: Versions) -> list[HoldIntent]:
        name, before = asked.broadcast, self.standing.broadcasts.get(asked.broadcast)
        journey = versions.get((name, asked.version))
        if journey is None or journey.broadcast is None:
            raise TidingsError(f"broadcast {name!r}: version {asked.version} is not what runs")
        if before is not None and (not asked.again or before.start == asked.start):
            raise TidingsError(f"broadcast {name!r}: it was started before, as {before.start}")
        if before is not None and before.state in (BroadcastState.SCHEDULED, BroadcastState.PAUSED):
            raise TidingsError(f"broadcast {name!r}: it is {before.state}")
        if len(self.standing.scheduled) >= MAX_SCHEDULED:
            raise TidingsError(f"{MAX_SCHEDULED} broadcasts wait for their instant already")
        begins_us = max(taken_us, journey.broadcast.begins_us(taken_us))
        now = Broadcasting(
            name=name,
            version=asked.version,
            start=asked.start,
            state=BroadcastState.SCHEDULED,
            asked_us=taken_us,
            begins_us=begins_us,
            audience=asked.audience,
            since_us=taken_us,
            who=asked.who,
        )
        coming = Coming(offset=offset, known_us=begins_us, what=asked)
        self._change(broadcasts=self._remembered(now))
        if begins_us == taken_us:
            return self._begin(coming)
        later = sorted((*self.standing.scheduled, coming), key=lambda one: (one.known_us, one.offset))
        self._change(scheduled=tuple(later))
        return []

    def _move(self, asked: Pause | Resume | Cancel, offset: int, taken_us: int) -> list[HoldIntent]:
        name, now = asked.broadcast, self.standing.broadcasts.get(asked.broadcast)
        fitting, then, hold = _MOVES[type(asked)]
        if now is None or now.state not in fitting:
            raise TidingsError(f"broadcast {name!r}: it is {now.state if now else 'not started'}")
        scheduled = tuple(one for one in self.standing.scheduled if one.what.broadcast != name)
        moved = msgspec.structs.replace(now, state=then, since_us=taken_us, who=asked.who)
        self._change(broadcasts=self._remembered(moved), scheduled=scheduled)
        if now.state == BroadcastState.SCHEDULED:
            return []  # nobody has heard of it
        number = self._hold(asked, offset, taken_us)
        return [HoldIntent(journey=name, state=hold, number=number, known_us=taken_us)]

    def begin(self, versions: Versions) -> list[HoldIntent]:
        """The next scheduled one holds from its instant on; what the outbox is told. It goes by the version it was started with."""
        first, *others = self.standing.scheduled
        self._change(scheduled=tuple(others))
        now = self.standing.broadcasts[first.what.broadcast]
        if (now.name, now.version) in versions:
            return self._begin(first)
        _log.error("broadcast %r is not sent: version %s needs what is not defined any more", now.name, now.version)
        gone = msgspec.structs.replace(now, state=BroadcastState.CANCELLED, since_us=first.known_us, who="")
        self._change(broadcasts=self._remembered(gone))
        return []

    def _begin(self, coming: Coming) -> list[HoldIntent]:
        number = self._hold(coming.what, coming.offset, coming.known_us)
        name, since_us = coming.what.broadcast, coming.known_us
        now = self.standing.broadcasts[name]
        begun = msgspec.structs.replace(now, state=BroadcastState.RUNNING, number=number, since_us=since_us)
        self._change(broadcasts=self._remembered(begun))
        return [HoldIntent(journey=name, state=HoldIntent.OPEN, number=number, known_us=since_us)]

    def _hold(self, what: Asked | ItemsChanged, offset: int, known_us: int) -> int:
        """It holds now: it has its number, and everybody is to hear it."""
        number = self.standing.count
        told = Told(number=number, offset=offset, known_us=known_us, what=what)
        self._change(count=number + 1, active=(*self.standing.active, told))
        return number

    def change_items(self, changes: Sequence[ItemChange], offset: int, known_us: int) -> None:
        """These changes of items hold."""
        self._hold(ItemsChanged(changes=tuple(changes)), offset, known_us)

    def _remembered(self, one: Broadcasting) -> dict[str, Broadcasting]:
        found = {name: other for name, other in self.standing.broadcasts.items() if name != one.name}
        over = [other.name for other in found.values() if other.state == BroadcastState.CANCELLED or other.number >= 0]
        if len(found) >= MAX_BROADCASTS and over:
            del found[over[0]]
        return {**found, one.name: one}

    # Who has heard what

    def unheard(self, state: ProfileState, until_us: int) -> Iterator[Told]:
        """What she is to hear, in order, of what holds from an instant up to `until_us`."""
        now = self.standing
        passed = now.upto if state.profile_id <= now.after else -1
        heard = max(state.heard, passed)
        return (told for told in now.active if told.number > heard and told.known_us <= until_us)

    def room_for(self, more: int) -> bool:
        """Whether so many may be taken before a pass must end."""
        return len(self.standing.active) + more <= MAX_ACTIVE

    def passing(self) -> bool:
        """Whether there may be people who have not heard all; then a pass goes on, or begins. Items have lists of their own."""
        if all(isinstance(told.what, ItemsChanged) for told in self.standing.active):
            return False
        if self.standing.upto < 0:
            self._change(upto=self.last, after="")
        return True

    def passed(self, upto_id: str) -> None:
        """Everybody up to this id has heard; with an empty id everybody has."""
        if upto_id:
            self._go_on(after=upto_id)
            return
        now = self.standing
        left = tuple(told for told in now.active if told.number > now.upto or isinstance(told.what, ItemsChanged))
        self._change(active=left, upto=-1, after="")

    def listed(self) -> tuple[ItemChange, str] | None:
        """The change of an item that people are told of now, and up to which profile id they were; None when there is none."""
        now = self.standing
        told = next((told for told in now.active if isinstance(told.what, ItemsChanged)), None)
        if told is None or not isinstance(told.what, ItemsChanged):
            return None
        return told.what.changes[now.place], now.place_after

    def list_passed(self, upto_id: str) -> None:
        """Of that change all whom it concerns up to this id have heard; with an empty id all have."""
        now = self.standing
        told = next(told for told in now.active if isinstance(told.what, ItemsChanged))
        if upto_id:
            self._go_on(place_after=upto_id)
        elif isinstance(told.what, ItemsChanged) and now.place + 1 < len(told.what.changes):
            self._change(place=now.place + 1, place_after="")
        else:
            self._change(active=tuple(one for one in now.active if one is not told), place=0, place_after="")
