"""Shadow mode: a journey decides for real people beside those that send, and neither side notices the other.

``shadow: true`` on a journey. Each of its messages passes everything that a real one passes; what would have gone is recorded as not sent
because of ``shadow``. Real messages do not see it: no cap counts it, no round waits for it. It sees the real ones and its own kind, as it
would if it were let loose.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tidings.domain.profile import ProfileState
from tidings.process.journey import Journey

Key = tuple[str, str]
"""Name and version of a journey."""


def shadows(versions: Mapping[Key, Journey]) -> frozenset[Key]:
    """The versions that are in shadow mode."""
    return frozenset(key for key, journey in versions.items() if journey.shadow)


def view(state: ProfileState, among: frozenset[Key], *, shadow: bool) -> ProfileState:
    """The state as a decision sees it: of a shadow with all that shadows would have sent, else without their runs."""
    if shadow:
        return msgspec.structs.replace(state, sends=sorted([*state.sends, *state.ghosts]))
    return msgspec.structs.replace(state, runs=[run for run in state.runs if (run.journey, run.version) not in among])
