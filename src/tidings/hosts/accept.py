"""From records of the log to the events that the core hears: neither bad nor heard before."""

from __future__ import annotations

from tidings.domain import wire
from tidings.domain.event import Event, Rejected
from tidings.domain.output import DUPLICATE, REJECTED, Outcome
from tidings.domain.record import LogBlock
from tidings.hosts.batch import Batch, seen_key
from tidings.state.base import StateStore


def accept(blocks: list[LogBlock], batch: Batch, store: StateStore) -> list[Event]:
    """Events of these blocks that are neither bad nor seen before; the others get their outcome here."""
    events: list[Event] = []
    ids: list[str] = []
    for block in blocks:
        taken_us = block.taken_us
        for index, record in enumerate(block.records):
            offset = block.first_offset + index
            event = wire.normalise(record, offset, taken_us, context=False)
            if isinstance(event, Rejected):
                reason = f"{event.reason}: {event.detail}"
                batch.outcomes.append(Outcome(offset, REJECTED, record.source, "", reason))
            else:
                events.append(event)
                ids.append(seen_key(event))
    fresh: list[Event] = []
    taken: set[str] = set()
    for event, key, seen in zip(events, ids, store.seen(ids, blocks[0].taken_us), strict=True):
        if seen or key in taken:
            batch.outcomes.append(Outcome(event.offset, DUPLICATE, event.source))
        else:
            taken.add(key)
            fresh.append(event)
    batch.seen = list(taken)
    batch.seen_us = blocks[-1].taken_us
    return fresh
