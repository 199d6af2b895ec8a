"""Profile: given traits, computed traits, consents, and the merge of two profiles."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from tidings.accumulate.reading import Reading
from tidings.clock import iso
from tidings.domain import feedback
from tidings.domain.address import address
from tidings.domain.event import Event
from tidings.domain.profile import ADDRESS, ConsentEntry, ProfileState, TraitValue
from tidings.process import admission, arms, session
from tidings.process.layout import Layout

_ENCODE = msgspec.json.encode
CONSENT_EVENTS = frozenset({feedback.UNSUBSCRIBED, feedback.CONSENT_GIVEN, feedback.CONSENT_WITHDRAWN})
"""Events that say something about permission."""
MAX_TRAITS = 200
"""Given traits kept per person: the address, and those whose names sort first, so the bound does not depend on order."""
ZONE = "timezone"
"""The given trait that says what her clock shows; an identify call's context says it too, as SDKs in browsers do."""
MAX_ADDRESSES = 20
"""Addresses remembered per person: those that sort first, so the bound does not depend on order."""
MAX_TRAIT_CHARS = 2_000
"""Longest text kept in one trait; more is cut. A list or object that is longer as JSON is not kept."""
MAX_NAME_CHARS = 200
"""A trait with a longer name is not kept."""
MAX_VALUES_BYTES = 64 * 1024
"""What one message carries along (traits, cart, entering event), as JSON: a template uses little of it, and people may have
200 traits of 2,000 characters. Given traits give way; the rest has bounds of its own."""
LEAST_TRAITS_BYTES = 16 * 1024
"""Given traits may take that much however large the rest is (a full cart of long names)."""
MAX_PURPOSES = 50
"""Consent purposes kept per person: the message categories, and those whose names sort first."""


_NOTHING_GIVEN: list[str] = []


def apply(state: ProfileState, event: Event, layout: Layout) -> tuple[tuple[int, ...], list[str]]:
    """Fold one event into the profile; the slots and the given traits that changed."""
    at_us = event.occurred_us
    state.events += 1
    if not state.first_us or at_us < state.first_us:
        state.first_us = at_us
    if at_us > state.last_us:
        state.last_us = at_us
    slots = layout.fold(state.values, event)
    given = _give(state, event) if event.kind == "identify" else _NOTHING_GIVEN
    if layout.sessions and not event.profile_id:  # a fetched pixel is no visit
        state.sessions = session.fold(state.sessions, at_us)
    return slots, given


def _give(state: ProfileState, event: Event) -> list[str]:
    changed = []
    traits = event.traits
    if ZONE not in traits and isinstance(event.context.get(ZONE), str):
        traits = {**traits, ZONE: event.context[ZONE]}
    if ADDRESS in traits:
        _note_addresses(state, [address(traits[ADDRESS])])
    for name, value in traits.items():
        kept = value[:MAX_TRAIT_CHARS] if isinstance(value, str) else value
        if len(name) > MAX_NAME_CHARS or (isinstance(kept, list | dict) and len(_ENCODE(kept)) > MAX_TRAIT_CHARS):
            continue  # too large to carry along; the log has it
        new = TraitValue(kept, event.occurred_us, event.event_id)
        if wins(new, state.traits.get(name)):
            state.traits[name] = new
            changed.append(name)
    if len(state.traits) > MAX_TRAITS:
        kept = _bounded_traits(state.traits)
        changed += [name for name in state.traits if name not in kept]
        state.traits = kept
    return changed


def _note_addresses(state: ProfileState, given: Collection[str]) -> None:
    """Remember these, whichever of them is the present one."""
    if not {"", *state.addresses}.issuperset(given):
        state.addresses = sorted({*state.addresses, *given} - {""})[:MAX_ADDRESSES]


def _bounded_traits(traits: dict[str, TraitValue]) -> dict[str, TraitValue]:
    names = sorted(traits, key=lambda name: (name != ADDRESS, name))
    return {name: traits[name] for name in names[:MAX_TRAITS]}


def wins(new: TraitValue, old: TraitValue | None) -> bool:
    """Whether the later write is `new`: by instant, then by event id, then by value."""
    if old is None:
        return True
    one, other = (new.occurred_us, new.event_id), (old.occurred_us, old.event_id)
    return one > other if one != other else _ENCODE(new.value) > _ENCODE(old.value)  # two sources may use the same ids


def consent_of(event: Event) -> tuple[str, ConsentEntry] | None:
    """(purpose, entry) when the event gives or withdraws consent; None otherwise."""
    if event.name not in CONSENT_EVENTS:
        return None
    if event.name in (feedback.CONSENT_GIVEN, feedback.CONSENT_WITHDRAWN):
        purpose = event.properties.get("purpose", "marketing")
    else:
        purpose = event.properties.get("category", "marketing")
    method = event.properties.get("method", "")
    entry = ConsentEntry(
        granted=event.name == feedback.CONSENT_GIVEN,
        occurred_us=event.occurred_us,
        event_id=event.event_id,
        offset=event.offset,
        method=method[:100] if isinstance(method, str) else "",
    )
    return (purpose[:100], entry) if isinstance(purpose, str) and purpose else None


def note_consent(state: ProfileState, purpose: str, entry: ConsentEntry, categories: Collection[str]) -> bool:
    """Take the entry if it is the latest word on its purpose; whether it was. `categories` stay when there are too many."""
    old = state.consents.get(purpose)
    if old is not None and _consent_order(old) >= _consent_order(entry):
        return False
    state.consents[purpose] = entry
    if len(state.consents) > MAX_PURPOSES:
        del state.consents[max(state.consents, key=lambda name: (name not in categories, name))]
    return purpose in state.consents


def _consent_order(entry: ConsentEntry) -> tuple[int, bool, str]:
    return entry.occurred_us, not entry.granted, entry.event_id


def absorb(state: ProfileState, other: ProfileState, layout: Layout, categories: Collection[str]) -> None:
    """Make `state` the state of both people's events. Runs, sends, segments and timers are the callers' business."""
    state.first_us = min(filter(None, (state.first_us, other.first_us)), default=0)
    state.last_us = max(state.last_us, other.last_us)
    state.events += other.events
    for name, value in other.traits.items():
        if wins(value, state.traits.get(name)):
            state.traits[name] = value
    state.traits = _bounded_traits(state.traits)
    _note_addresses(state, other.addresses)
    state.values = layout.merge(state.values, other.values)
    state.sessions = session.merge(state.sessions, other.sessions)
    for purpose, entry in other.consents.items():
        note_consent(state, purpose, entry, categories)
    arms.absorb(state, other)
    admission.absorb(state, other)


def computed(state: ProfileState, layout: Layout, at_us: int = 0) -> dict[str, Any]:
    """Computed traits by name, as people and templates see them at an instant: an instant is an ISO text here.

    Without `at_us`, as of the latest instant at which something happened to her.
    """
    known = {name: _show(reading, state, at_us or state.clock_us) for name, reading in layout.traits()}
    known["sessions"] = session.count(state.sessions)
    return known


def _show(reading: Reading, state: ProfileState, at_us: int) -> Any:
    shown = reading.read(state.values, at_us)
    return iso(shown) if reading.instant and shown is not None else shown


def bound(carried: dict[str, Any], state: ProfileState, layout: Layout) -> list[str]:
    """Take the largest given traits out of what a message carries until it fits `MAX_VALUES_BYTES`; their names, sorted.

    The address, what is computed, the cart and the event stay.
    """
    total = len(_ENCODE(carried))
    if total <= MAX_VALUES_BYTES:
        return []
    person = carried["person"]
    given = [name for name in state.traits if name in person and name != ADDRESS and layout.computed(name) is None]
    sizes = {name: len(_ENCODE({name: person[name]})) - 1 for name in given if name != "sessions"}  # {} for one comma
    taken = sum(sizes.values())
    room = max(MAX_VALUES_BYTES - (total - taken), LEAST_TRAITS_BYTES)
    dropped = []
    for name in sorted(sizes, key=lambda one: (-sizes[one], one)):
        if taken <= room:
            break
        taken -= sizes[name]
        del person[name]
        dropped.append(name)
    return sorted(dropped)


def values(state: ProfileState, layout: Layout, at_us: int = 0) -> dict[str, Any]:
    """Given and computed traits by name; a computed one wins over a given one of the same name."""
    return {**{name: given.value for name, given in state.traits.items()}, **computed(state, layout, at_us)}
