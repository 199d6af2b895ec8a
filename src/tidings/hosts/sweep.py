"""Going through everybody in pieces, between micro-batches: bringing people over to new definitions, telling them what is
told to everybody. Nobody waits for it: whoever is touched before her turn was brought up then (see `Driver`).
"""

from __future__ import annotations

from collections.abc import Callable

from tidings.domain import profile as profiles
from tidings.domain.profile import ProfileState
from tidings.hosts.batch import Batch
from tidings.hosts.changes import SWEEP, Changes
from tidings.hosts.everybody import Everybody
from tidings.hosts.people import People
from tidings.pipeline import Pipeline
from tidings.state.base import StateStore, moved_to

MAX_FACTS = 20_000
"""Facts of one piece, from which on the rest of it waits for the next."""
LOOK = 1_000
"""People looked at in one piece while telling."""
TOUCH = 100
"""Of those, people to whom something happens: it is they who cost, and timers wait for the commit."""
LEAST = 25
"""So many of them in any case, though the log has something new: else a busy log would leave no room for anybody else."""

Hurried = Callable[[], bool]
"""Whether something new waits. Where a piece ends changes no result."""


def bring_over(pipeline: Pipeline, changes: Changes, people: People, store: StateStore) -> tuple[Batch, int]:
    """The next people who may follow earlier definitions come over; what changed, and how many were looked at."""
    found = store.scan(changes.after(), SWEEP)
    batch, last = Batch(), ""
    for profile_id, raw in found:
        if len(batch.facts) >= MAX_FACTS:
            break
        last = profile_id
        state = _living(people, profile_id, raw)
        if state is not None:
            _bring_over(pipeline, state, batch)
    changes.swept(last)
    return batch, len(found)


def _enough(batch: Batch, hurried: Hurried) -> bool:
    touched = len(batch.touched)
    return touched >= TOUCH or len(batch.facts) >= MAX_FACTS or (touched >= LEAST and hurried())


def tell(
    pipeline: Pipeline, everybody: Everybody, people: People, store: StateStore, hurried: Hurried
) -> tuple[Batch, int]:
    """The next people hear what they have not heard; what changed, and how many were looked at."""
    found = store.scan(everybody.standing.after, LOOK)
    batch, last, looked = Batch(), "", 0
    for profile_id, raw in found:
        if _enough(batch, hurried):
            break
        last, looked = profile_id, looked + 1
        state = _living(people, profile_id, raw)
        if state is not None and state.heard < everybody.last:
            _bring_over(pipeline, state, batch)
            hear(pipeline, everybody, state, _ALL, batch)
    everybody.passed(last)
    return batch, looked


def tell_of_item(
    pipeline: Pipeline, everybody: Everybody, people: People, store: StateStore, hurried: Hurried
) -> tuple[Batch, int]:
    """The next people who look at an item that changed hear of it; what changed, and how many were looked at."""
    listed = everybody.listed()
    batch, last, looked = Batch(), "", 0
    if listed is None:
        return batch, looked
    change, after = listed
    found = store.interested(change.item_id, after, LOOK)
    people.load_many([one for one in found if one not in people.live])
    for profile_id in found:
        if _enough(batch, hurried):
            break
        last, looked = profile_id, looked + 1
        state = people.live.get(profile_id)
        if state is not None:
            _bring_over(pipeline, state, batch)
        if state is None or change.item_id not in pipeline.items_of(state):  # of definitions that are no more
            batch.interests[change.item_id, profile_id] = False
        elif state.heard < everybody.last:
            hear(pipeline, everybody, state, _ALL, batch)
    everybody.list_passed(last if looked else "")
    return batch, looked


_ALL = 1 << 63


def adopt(pipeline: Pipeline, state: ProfileState, known_us: int, batch: Batch) -> None:
    """She comes over to the present definitions."""
    batch.take(pipeline.adopt(state, known_us))
    if pipeline.item_slots:
        batch.note_items(state.profile_id, set(), pipeline.items_of(state))


def hear(pipeline: Pipeline, everybody: Everybody, state: ProfileState, until_us: int, batch: Batch) -> None:
    """She hears what was told to everybody up to an instant and she has not heard; before each, her timers due by then fire."""
    for told in everybody.unheard(state, until_us):
        due = state.next_due_us and state.next_due_us <= told.known_us
        step = pipeline.on_told(state, told)
        state.heard = told.number
        if due or step.facts or step.intents:
            batch.take(step)


def _bring_over(pipeline: Pipeline, state: ProfileState, batch: Batch) -> None:
    if state.layout != pipeline.definitions.layout.layout_id:
        adopt(pipeline, state, 0, batch)


def _living(people: People, profile_id: str, raw: bytes) -> ProfileState | None:
    """The person as she is; None when she was absorbed."""
    state = people.live.get(profile_id)
    return state if state is not None or moved_to(raw) else profiles.decode(raw)
