"""Records about items: their states are kept by item, and what changed is told to whom it concerns."""

from __future__ import annotations

from itertools import takewhile

import msgspec

from tidings.domain import item as known
from tidings.domain.event import Rejected
from tidings.domain.item import Item, ItemChange
from tidings.domain.output import APPLIED, REJECTED, Outcome
from tidings.domain.record import LogBlock
from tidings.hosts.batch import Batch
from tidings.state.base import StateStore

TOLD = 200
"""Changes that are told at once."""
MAX_TAKEN = 5_000
"""Records about items in one micro-batch."""


def take(block: LogBlock, store: StateStore, batch: Batch) -> tuple[list[ItemChange], int]:
    """What the records about items that a block begins with change, and how many records those are."""
    records = list(takewhile(known.is_item, block.records[:MAX_TAKEN]))
    said: list[tuple[int, Item]] = []
    for offset, record in enumerate(records, block.first_offset):
        verdict = known.normalise(record, block.taken_us)
        if isinstance(verdict, Rejected):
            reason = f"{verdict.reason}: {verdict.detail}"
            batch.outcomes.append(Outcome(offset, REJECTED, record.source, "", reason))
        else:
            batch.outcomes.append(Outcome(offset, APPLIED, record.source))
            said.append((offset, verdict))
    names = list(dict.fromkeys(item.item_id for _, item in said))
    states = {name: known.decode(raw) for name, raw in zip(names, store.items(names), strict=True)}
    changes = [
        msgspec.structs.replace(change, offset=offset)
        for offset, item in said
        for change in known.on_item(states[item.item_id], item)
    ]
    batch.items = {name: known.encode(state) for name, state in states.items()}
    return changes, len(records)
