"""The messages that a person's state remembers, so that caps and arbitration can count them: the latest of each category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tidings.domain.profile import ProfileState, Sent


def note(state: ProfileState, sent: Sent, keep: Mapping[str, int]) -> None:
    """Remember a message; `keep` says how many of each category."""
    most = keep.get(sent.category, 0)
    if not most:
        return
    state.sends.append(sent)
    if len(state.sends) > most:  # else there is room, whatever they are
        own = [one for one in state.sends if one.category == sent.category]
        if len(own) > most:
            state.sends.remove(own[0])


def note_ghost(state: ProfileState, sent: Sent, keep: Mapping[str, int]) -> None:
    """Remember a message that a journey in shadow mode would have sent."""
    if keep.get(sent.category):
        state.ghosts = _bounded([*state.ghosts, sent], keep)


def absorb(state: ProfileState, other: ProfileState, keep: Mapping[str, int]) -> None:
    """Both people's messages are one person's."""
    if other.sends:
        state.sends = _bounded(sorted([*state.sends, *other.sends]), keep)
    if other.ghosts:
        state.ghosts = _bounded(sorted([*state.ghosts, *other.ghosts]), keep)


def _bounded(sends: Iterable[Sent], keep: Mapping[str, int]) -> list[Sent]:
    """The latest of each category: many receipts must not push news out, or its cap would forget it."""
    counts: Counter[str] = Counter()
    kept = []
    for one in reversed(list(sends)):
        counts[one.category] += 1
        if counts[one.category] <= keep.get(one.category, 0):
            kept.append(one)
    return kept[::-1]
