"""Identity: which profile an event belongs to, and when two profiles turn out to be one person.

Rules:

- A `user_id` founds a profile whose id depends only on it, so a known person has the same profile id whatever the order
  of arrival.
- An `anonymous_id` seen together with a `user_id` is linked to it, and the anonymous profile is absorbed with its whole
  history. An anonymous id that is linked stays with its first person: a shared computer never joins two people.
- `alias` joins explicitly, two known people too; the earlier id points to the person from now on, of whichever kind it is,
  so that it does not matter whether its own events came before the alias.

Pure: looks identifiers up through the two functions it is given, and returns what to link and what to absorb.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tidings.domain.event import Event
from tidings.domain.profile import ProfileState
from tidings.ids import profile_id

MAX_IDENTIFIERS = 200
"""Identifiers of one profile; a further link or merge is refused, so that a public computer or a robot makes no giant."""

Find = Callable[[str, str], str]
"""(kind, value) to the profile id that it points to; empty when unknown."""


class Resolution(msgspec.Struct, gc=False):
    """Where an event goes."""

    profile_id: str
    """The profile it is applied to."""
    links: list[tuple[str, str]]
    """Identifiers that point to this profile from now on."""
    absorbed: list[str]
    """Profiles that are merged into it first."""
    founded: str = ""
    """Kind of the identifier that founds the profile; empty when it exists."""


def is_known(state: ProfileState | None) -> bool:
    """Whether the profile has a user id."""
    return state is not None and any(kind == "user_id" for kind, _ in state.identifiers)


def resolve(event: Event, find: Find, load: Callable[[str], ProfileState | None]) -> Resolution:
    """The profile of `event`, given what identifiers point to now."""
    if event.profile_id:
        return Resolution(find("profile", event.profile_id) or event.profile_id, [], [])
    if event.kind == "alias" and event.previous_id not in ("", event.user_id or event.anonymous_id):
        return _alias(event, find)
    if event.user_id:
        return _known(event.user_id, event.anonymous_id, find, load)
    found = find("anonymous_id", event.anonymous_id)
    if found:
        return Resolution(found, [], [])
    key = ("anonymous_id", event.anonymous_id)
    return Resolution(profile_id(*key), [key], [], "anonymous_id")


def _known(user: str, anonymous: str, find: Find, load: Callable[[str], ProfileState | None]) -> Resolution:
    found = find("user_id", user)
    target = found or profile_id("user_id", user)
    resolution = Resolution(target, [] if found else [("user_id", user)], [], "" if found else "user_id")
    if not anonymous:
        return resolution
    other = find("anonymous_id", anonymous)
    if not other:
        resolution.links.append(("anonymous_id", anonymous))
    elif other != target and not is_known(load(other)):
        resolution.absorbed.append(other)
    return resolution


def _alias(event: Event, find: Find) -> Resolution:
    current = ("user_id", event.user_id) if event.user_id else ("anonymous_id", event.anonymous_id)
    found = find(*current)
    resolution = Resolution(found or profile_id(*current), [] if found else [current], [], "" if found else current[0])
    # A device that is renamed does not become a known person by it.
    kinds = ("user_id", "anonymous_id") if event.user_id else ("anonymous_id",)
    for kind in ("user_id", "anonymous_id"):
        other = find(kind, event.previous_id)
        if not other and kind in kinds:
            resolution.links.append((kind, event.previous_id))
        elif other not in ("", resolution.profile_id, *resolution.absorbed):
            resolution.absorbed.append(other)
    return resolution


def room_for(state: ProfileState, other: ProfileState) -> bool:
    """Whether the two may become one: together they keep within the bound, so nobody is lost in a chain of merges."""
    return len(state.identifiers) + len(other.identifiers) < MAX_IDENTIFIERS


def add_identifiers(state: ProfileState, links: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Note identifiers on the profile, sorted; those that are new and within the bound."""
    fresh = [link for link in links if link not in state.identifiers][: MAX_IDENTIFIERS - len(state.identifiers)]
    if fresh:
        state.identifiers = sorted([*state.identifiers, *fresh])
    return fresh
