"""A hand-made stream of output blocks with its log, for tests of the followers: people who browse, log in, buy, merge.

It is a small model of processing, made from a seed, so that a child process can make the same stream again. It also
keeps plain books of what a follower must end up with.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec

from tidings.clock import ManualClock
from tidings.domain.output import APPLIED, DUPLICATE, REJECTED, Fact, FactKind, Outcome, OutputBlock
from tidings.domain.profile import ConsentEntry, ProfileState, TraitValue, encode, new
from tidings.domain.record import BACKFILL, LogBlock, LogRecord
from tidings.ids import profile_id
from tidings.log.memory import MemoryLog

START_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000


class Stream:
    """`blocks` are the output blocks of `log`; the rest are the books."""

    def __init__(self, seed: int, events: int, batch: int = 7) -> None:
        self.rng = random.Random(seed)
        self.clock = ManualClock(START_US)
        self.log = MemoryLog(self.clock)
        self.blocks: list[OutputBlock] = []
        self.states: dict[str, ProfileState] = {}
        self.survivor: dict[str, str] = {}
        self.counts: Counter[tuple[str, int]] = Counter()
        self.applied: dict[int, str] = {}
        self._identifiers: dict[tuple[str, str], str] = {}
        self._outcomes: list[Outcome] = []
        self._facts: list[Fact] = []
        self._touched: dict[str, None] = {}
        self._offset = 0
        for number in range(events):
            self._event(number)
            if self.rng.random() < 1 / batch:
                self._cut()
            if self.rng.random() < 0.02:
                self._timer(number)
        self._cut()

    def final(self, profile: str) -> str:
        """Who this profile is now."""
        while profile in self.survivor:
            profile = self.survivor[profile]
        return profile

    def members(self) -> dict[str, set[str]]:
        """Members by segment."""
        found: dict[str, set[str]] = {}
        for state in self.states.values():
            for segment in state.segments:
                found.setdefault(segment, set()).add(state.profile_id)
        return found

    def _event(self, number: int) -> None:
        self.clock.advance(self.rng.choice([1_000, 250_000, HOUR_US]))
        anonymous, person = f"a{self.rng.randrange(60)}", f"u{self.rng.randrange(25)}"
        roll = self.rng.random()
        if roll < 0.08:
            self._take(number, "web", REJECTED, {"type": "nonsense"}, reason="unknown_type: type: got 'nonsense'")
        elif roll < 0.16:
            self._take(number, "app", DUPLICATE, {"type": "track", "event": "Seen", "userId": person})
        elif roll < 0.3:
            self._identify(number, anonymous, person)
        else:
            self._track(number, anonymous if self.rng.random() < 0.6 else "", person)

    def _take(
        self, number: int, source: str, status: int, body: dict[str, Any], *, to: str = "", reason: str = ""
    ) -> int:
        late_us = self.rng.choice([0, 0, 5_000_000, 30 * HOUR_US])
        at = {"messageId": f"m{number}", "timestamp": (self.clock.now_us() - late_us) // 1000}
        flags = BACKFILL if number % 17 == 0 else 0
        self.log.append([LogRecord(source, "", 0, msgspec.json.encode(body | at), flags)])
        self._outcomes.append(Outcome(self._offset, status, source, to, reason))
        self.counts[source, status] += 1
        if status == APPLIED:
            self.applied[self._offset] = to
        self._offset += 1
        return self._offset - 1

    def _profile(self, kind: str, value: str) -> ProfileState:
        found = self._identifiers.get((kind, value))
        if found is None:
            found = profile_id(kind, value)
            self._link(new(found, "none", 0), kind, value)
        state = self.states[found]
        self._touched[found] = None
        return state

    def _link(self, state: ProfileState, kind: str, value: str) -> None:
        self.states[state.profile_id] = state
        self._identifiers[kind, value] = state.profile_id
        state.identifiers = sorted([*state.identifiers, (kind, value)])
        self._fact(FactKind.IDENTIFIED, state.profile_id, kind, {"kind": kind, "value": value})

    def _fact(self, kind: str, profile: str, subject: str, data: dict[str, Any] | None = None) -> None:
        now_us = self.clock.now_us()
        self._facts.append(Fact(kind, profile, subject, now_us - 7, now_us, f"event:{self._offset}", data or {}))

    def _identify(self, number: int, anonymous: str, person: str) -> None:
        state = self._profile("user_id", person)
        other = self._identifiers.get(("anonymous_id", anonymous))
        if other is None:
            self._link(state, "anonymous_id", anonymous)
        elif other != state.profile_id and len(self.states[other].identifiers) == 1:
            self._absorb(state, self.states[other])
        traits = {"email": f"{person}@x.example", "firstName": person.upper(), "lastName": "Ü\u0000"}
        for name, value in traits.items():
            state.traits[name] = TraitValue(value, self.clock.now_us(), f"m{number}")
        state.consents["marketing"] = ConsentEntry(True, self.clock.now_us(), f"m{number}", self._offset, "checkbox")
        body = {"type": "identify", "userId": person, "anonymousId": anonymous, "traits": traits}
        self._count(state, self._take(number, "crm", APPLIED, body, to=state.profile_id))

    def _absorb(self, state: ProfileState, other: ProfileState) -> None:
        self._fact(FactKind.PROFILE_MERGED, state.profile_id, other.profile_id)
        for identifier in other.identifiers:
            self._identifiers[identifier] = state.profile_id
        state.identifiers = sorted([*state.identifiers, *other.identifiers])
        state.events += other.events
        # The survivor inherits memberships without a new fact, and drops one of its own without one: the state decides.
        state.segments = {name: at for name, at in {**state.segments, **other.segments}.items() if name != "fresh"}
        self.survivor[other.profile_id] = state.profile_id
        del self.states[other.profile_id]
        self._touched[other.profile_id] = None

    def _count(self, state: ProfileState, _: int) -> None:
        state.events += 1
        state.last_us = self.clock.now_us()
        state.first_us = state.first_us or state.last_us

    def _track(self, number: int, anonymous: str, person: str) -> None:
        state = self._profile("anonymous_id", anonymous) if anonymous else self._profile("user_id", person)
        name = self.rng.choice(["Product Viewed", "Product Added", "Order Completed"])
        properties = {
            "product_id": f"P{self.rng.randrange(9)}",
            "price": 2.5,
            "note": "ż\u2028\u0000\"'\n",
            "tags": [1, 2],
        }
        self._behave(state, name)
        body: dict[str, Any] = {"type": "track", "event": name, "properties": properties}
        body |= {"anonymousId": anonymous} if anonymous else {"userId": person}
        self._count(state, self._take(number, "web", APPLIED, body, to=state.profile_id))

    def _behave(self, state: ProfileState, name: str) -> None:
        who, now_us = state.profile_id, self.clock.now_us()
        if name == "Order Completed" and "buyers" not in state.segments:
            state.segments["buyers"] = now_us - 7
            self._fact(FactKind.SEGMENT_ENTERED, who, "buyers")
        elif name == "Product Viewed" and "buyers" in state.segments and self.rng.random() < 0.3:
            del state.segments["buyers"]
            self._fact(FactKind.SEGMENT_LEFT, who, "buyers")
        elif name == "Product Added":
            state.segments["fresh"] = now_us - 7
            self._fact(FactKind.SEGMENT_ENTERED, who, "fresh")
            run = {"run_id": f"r{len(self.blocks)}-{self._offset}", "version": "v1"}
            self._fact(FactKind.RUN_STARTED, who, "cart", run | {"step": "wait"})
            self._fact(FactKind.RUN_STEP, who, "cart", run | {"step": "wait", "outcome": "waits 5m", "next": "send"})
            if self.rng.random() < 0.5:
                self._fact(FactKind.RUN_ENDED, who, "cart", run | {"step": "send", "outcome": "sent"})

    def _timer(self, number: int) -> None:
        """A micro-batch without records: only time passed."""
        if self.states:
            state = self.rng.choice(sorted(self.states.values(), key=lambda s: s.profile_id))
            state.segments["quiet"] = self.clock.now_us() - 7
            self._touched[state.profile_id] = None
            self._fact(FactKind.SEGMENT_ENTERED, state.profile_id, "quiet", {"number": number})
        self._cut()

    def _cut(self) -> None:
        states = [(who, encode(self.states[who]) if who in self.states else b"") for who in self._touched]
        block = OutputBlock(len(self.blocks) + 1, self._offset, self._outcomes, self._facts, states)
        self.blocks.append(block)
        self._outcomes, self._facts, self._touched = [], [], {}


class SlowLog:
    """A log that hands out tiny pieces, as a reader in the middle of a group sees them."""

    def __init__(self, log: MemoryLog, piece: int) -> None:
        self._log = log
        self._piece = piece

    def read(self, offset: int, limit: int) -> list[LogBlock]:
        """At most `piece` records."""
        return self._log.read(offset, min(limit, self._piece))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
