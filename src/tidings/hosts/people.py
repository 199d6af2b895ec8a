"""The people that a driver works on: their states and identifiers, read in bulk and kept for a while."""

from __future__ import annotations

from itertools import islice

from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState
from tidings.process import identity
from tidings.state.base import StateStore, moved_to


class People:
    """What is in memory is what was committed, or is about to be."""

    def __init__(self, state: StateStore, cache: int) -> None:
        self._state = state
        self._cache = cache
        self.live: dict[str, ProfileState] = {}
        self.links: dict[str, str] = {}

    def prefetch(self, events: list[Event]) -> None:
        """Look up all identifiers and states of a batch in two reads."""
        links = self.links
        keys: set[str] = set()
        for event in events:
            if event.user_id and not event.profile_id:
                keys.add(f"user_id:{event.user_id}")
            if event.anonymous_id and not event.profile_id:
                keys.add(f"anonymous_id:{event.anonymous_id}")
            if event.previous_id:
                keys.update((f"user_id:{event.previous_id}", f"anonymous_id:{event.previous_id}"))
        unknown = [key for key in keys if key not in links]
        for key, profile_id in zip(unknown, self._state.links(unknown), strict=True):
            if profile_id is not None:
                links[key] = profile_id
        found = {links[key] for key in keys if key in links} | {
            event.profile_id for event in events if event.profile_id
        }
        self.load_many([profile_id for profile_id in found if profile_id not in self.live])

    def load_many(self, profile_ids: list[str]) -> None:
        """Read these; those that are not known, or were absorbed, stay unknown."""
        for profile_id, raw in zip(profile_ids, self._state.states(profile_ids), strict=True):
            if raw is not None and not moved_to(raw):
                self.live[profile_id] = profiles.decode(raw)

    def load(self, profile_id: str) -> ProfileState | None:
        """One person."""
        state = self.live.get(profile_id)
        if state is None:
            self.load_many([profile_id])
            state = self.live.get(profile_id)
        return state

    def finder(self, moved: dict[str, str]) -> identity.Find:
        """How to find the profile that an identifier points to; `moved` holds merges that are not committed yet."""
        links, live = self.links, self.live

        def find(kind: str, value: str) -> str:
            profile_id = value if kind == "profile" else links.get(f"{kind}:{value}", "")
            return profile_id if not profile_id or profile_id in live else self.survivor(profile_id, moved)

        return find

    def survivor(self, profile_id: str, moved: dict[str, str]) -> str:
        """Follow merges to the profile that lives."""
        for _ in range(identity.MAX_IDENTIFIERS):
            if profile_id in self.live:
                return profile_id
            survivor = moved.get(profile_id)
            if survivor is None:
                raw = self._state.states([profile_id])[0]
                survivor = moved_to(raw) if raw is not None else ""
            if not survivor:
                return profile_id
            profile_id = survivor
        return profile_id

    def forget(self) -> None:
        """Keep the caches within their bound: the longest untouched go first."""
        excess = len(self.live) - self._cache  # a few each time: to free half the cache at once would hold up timers
        for profile_id in list(islice(self.live, max(0, excess))):
            del self.live[profile_id]
        if len(self.links) > 4 * self._cache:
            self.links.clear()
