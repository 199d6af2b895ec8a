"""Id types and stable hashing.

Chance in Tidings is a hash of stable ids (a split, a holdout), never a random number, so that a replay of the
log takes the same decisions. All hashes are BLAKE2b (RFC 7693), keyed by a purpose so that draws made for
different purposes are independent.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NewType

ProfileId = NewType("ProfileId", str)
"""Our own id of one person: 24 hexadecimal digits."""
EventId = NewType("EventId", str)
"""Client-made unique id of one event; the basis of deduplication."""
MessageId = NewType("MessageId", str)
"""Id of one intended communication to one profile: 32 hexadecimal digits."""
RunId = NewType("RunId", str)
"""Id of one profile's walk through one journey: 24 hexadecimal digits."""


def digest(purpose: str, *parts: str, size: int = 12) -> bytes:
    """`size` bytes that depend on `purpose` and on each part; no two lists of parts run together."""
    h = blake2b(digest_size=size, person=purpose.encode()[:16])
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        h.update(len(data).to_bytes(4, "little"))
        h.update(data)
    return h.digest()


def profile_id(kind: str, value: str) -> ProfileId:
    """The profile id that an identifier founds, e.g. ``profile_id("user_id", "17850")``."""
    return ProfileId(digest("profile", kind, value).hex())


def run_id(profile: str, journey: str, entry_ref: str) -> RunId:
    """The id of the run that `entry_ref` (the entering event or timer) started."""
    return RunId(digest("run", profile, journey, entry_ref).hex())


def message_id(run: str, step: str, occurrence: int) -> MessageId:
    """The id of the message that `step` of `run` decides on for the `occurrence`-th time."""
    return MessageId(digest("message", run, step, str(occurrence), size=16).hex())


def lane_id(run: str, step: str, path: str, cause: str) -> RunId:
    """The id of the lane that `run` begins for a path at `step`, because of `cause`."""
    return RunId(digest("lane", run, step, path, cause).hex())


def ask_id(run: str, step: str, arrived_us: int) -> EventId:
    """The id of what `step` of `run`, reached at an instant, wants done outside: of the event, or of the call."""
    return EventId(digest("ask", run, step, str(arrived_us), size=16).hex())


def draw(purpose: str, *parts: str) -> float:
    """A number in [0, 1) that depends only on its arguments; uniform over parts."""
    return int.from_bytes(digest(purpose, *parts, size=8), "big") / 2**64
