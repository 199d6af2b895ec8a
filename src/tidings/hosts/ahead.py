"""The next day under some definitions: copies of people, their timers, and the production pipeline under a virtual clock.

Nothing is sent and nothing is stored. It tells what follows by time alone; nobody does anything in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tidings.clock import ManualClock
from tidings.domain import profile as profiles
from tidings.domain.message import SendIntent
from tidings.hosts.drive import Driver
from tidings.hosts.simulator import MemorySink
from tidings.log.memory import MemoryLog
from tidings.pipeline import Pipeline
from tidings.process.adopt import Adoption
from tidings.state.base import Commit, Wake
from tidings.state.memory import MemoryState
from tidings.versions.planned import Messages
from tidings.workspace import Definitions


def ahead(
    definitions: Definitions, people: Mapping[str, bytes], from_us: int, until_us: int, adoption: Adoption | None = None
) -> list[Messages]:
    """What is decided for these people (encoded states by id) from one instant to another."""
    pipeline, state, sink = Pipeline(definitions, adoption), MemoryState(), MemorySink(keep_outcomes=False)
    wakes, states = [], {}
    for raw in dict.fromkeys(people.values()):
        one = profiles.decode(raw)
        decided = pipeline.adopt(one, from_us).intents
        sink.sends |= {intent.message_id: intent for intent in decided if isinstance(intent, SendIntent)}
        one.indexed_us = one.next_due_us
        if one.next_due_us:
            wakes.append(Wake(one.next_due_us, one.profile_id))
        states[one.profile_id] = profiles.encode(one)
    state.commit(
        Commit(states=states, links={}, seen=[], seen_us=0, wakes=wakes, unwakes=[], offset=0, seq=0, outputs=b"")
    )
    driver = Driver(pipeline, MemoryLog(ManualClock(from_us)), state, sink)
    while driver.fire(until_us):
        pass
    return _tally(sink)


def _tally(sink: MemorySink) -> list[Messages]:
    by_template: dict[str, Counter[str]] = {}
    for intent in sink.sends.values():
        by_template.setdefault(intent.template, Counter())[intent.suppressed] += 1
    return [
        Messages(template=name, send=counts.pop("", 0), refused=dict(sorted(counts.items())))
        for name, counts in sorted(by_template.items())
    ]
