"""Draws that hold: what a split or a holdout drew for a person is remembered, so that she stays where she is.

A draw is a hash of the profile, the journey and the step. A merge changes her profile id, and would throw the dice again; what was
drawn first for either of the two people stands (at the same instant, the word that sorts first). It stands when weights change too: new
weights are for those who come new.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import msgspec

from tidings.clock import iso
from tidings.domain.profile import ProfileState
from tidings.ids import draw

EVERYWHERE = "/"
"""The key of the draw that holds for all journeys."""
MAX_ARMS = 100
"""Draws kept per person: the latest."""


class Draw(msgspec.Struct, frozen=True):
    """One draw as it is remembered."""

    key: str
    """``journey/step``."""
    word: str
    """What was drawn."""
    of_100: float
    """The number that decided, at least 0 and less than 100."""
    purpose: str
    """``split`` or ``holdout``."""


def drawn(state: ProfileState, purpose: str, journey: str, step: str, shares: tuple[tuple[str, int], ...]) -> Draw:
    """What is drawn for her among words with whole percent; what stands already, if it is still one of them."""
    key = f"{_escaped(journey)}/{step}"
    stands = state.arms.get(key)
    if stands is not None and any(word == stands[0] for word, _ in shares):
        return Draw(key, stands[0], stands[2], purpose)
    number = draw(purpose, journey, step, state.profile_id) * 100
    ends = accumulate(percent for _, percent in shares)
    word = next(word for (word, _), end in zip(shares, ends, strict=True) if number < end)
    return Draw(key, word, round(number, 2), purpose)


def words(state: ProfileState, found: Draw, shown: str) -> str:
    """The draw for people."""
    stands = state.arms.get(found.key)
    if stands is not None and stands[0] == found.word:
        return f"stays with {shown}, drawn {iso(stands[1])}"
    return f"drew {found.of_100:.2f} of 100: {shown}"


def keep(state: ProfileState, found: Draw, known_us: int) -> None:
    """Remember a draw, unless it stands already."""
    stands = state.arms.get(found.key)
    if stands is not None and stands[0] == found.word:
        return
    state.arms.pop(found.key, None)
    state.arms[found.key] = [found.word, known_us, found.of_100, found.purpose]
    _bound(state)


def absorb(state: ProfileState, other: ProfileState) -> None:
    """Both people's draws: of two for one step, the earlier."""
    if not other.arms:
        return
    for key, theirs in other.arms.items():
        mine = state.arms.get(key)
        if mine is None or (theirs[1], theirs[0]) < (mine[1], mine[0]):
            state.arms[key] = theirs
    _bound(state)


def _bound(state: ProfileState) -> None:
    if len(state.arms) > MAX_ARMS:
        own = [key for key in state.arms if key != EVERYWHERE]  # which is the oldest as a rule, and must hold longest
        order = sorted(own, key=lambda key: (state.arms[key][1], key))
        for key in order[: len(state.arms) - MAX_ARMS]:
            del state.arms[key]


def evidence(state: ProfileState, journey: str) -> list[dict[str, Any]]:
    """Each draw of hers in a journey, or that holds for all journeys, for the explanation of a message."""
    prefix = f"{_escaped(journey)}/"
    mine = {key: found for key, found in state.arms.items() if key == EVERYWHERE or key.startswith(prefix)}
    return [
        {
            "what": purpose,
            "name": key.removeprefix(prefix) or (journey if key != EVERYWHERE else "all journeys"),
            "drawn": of_100,
            "arm": word,
            "known_us": known_us,
        }
        for key, (word, known_us, of_100, purpose) in mine.items()
    ]


def _escaped(journey: str) -> str:
    """So that no two pairs of a journey and a step have one key."""
    return journey.replace("%", "%25").replace("/", "%2F")
