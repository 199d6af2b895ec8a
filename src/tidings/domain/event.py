"""An event: an immutable fact about one person at one time."""

from __future__ import annotations

from typing import Any

import msgspec

KINDS = ("track", "identify", "page", "screen", "group", "alias")
"""The six call types of the Segment specification."""


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One accepted event, as the keyed core sees it."""

    event_id: str
    """Client-made unique id; what deduplication goes by."""
    kind: str
    """One of `KINDS`."""
    name: str
    """The track call's event name, else the call type with a capital: ``Page``, ``Identify``, …"""
    occurred_us: int
    """When it happened, corrected by the client's clock skew; never later than `received_us`."""
    received_us: int
    """When the log took it. Actions go by this time, state by `occurred_us`."""
    offset: int
    """Its place in the log."""
    source: str = ""
    """Which source it came from."""
    user_id: str = ""
    """The shop's own id of a known person, or empty."""
    anonymous_id: str = ""
    """Device-made id before login, or empty."""
    previous_id: str = ""
    """For alias: the id that the person had before."""
    profile_id: str = ""
    """Set only on our own feedback events (opens, clicks, …), which know whom their message went to."""
    backfill: bool = False
    """True for history that is loaded: it builds state and enters no journey."""
    properties: dict[str, Any] = {}
    """What the event says about itself."""
    traits: dict[str, Any] = {}
    """What it says about the person (identify; also `context.traits`)."""
    context: dict[str, Any] = {}
    """Circumstances: page, device, campaign, locale, timezone."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A bad event as a value: kept with its reason and its original bytes in the dead-letter store."""

    reason: str
    """A short machine-readable word such as ``missing_identifier``."""
    detail: str
    """One sentence: what, where, got, wanted."""
