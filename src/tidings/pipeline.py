"""The main path: what one event, one timer or one merge does to one person, every stage in order.

    identity ─► profile ─► segments ─► journeys ─► decide

Pure: no clock, no chance, no I/O. A `Step` is what changes; a host stores it. The state handed in is consumed: the
caller goes on with the one in the step. Timers live in the state (`next_due_us`), each with the instant it was scheduled
for, so that a late wake-up changes no result (law 3); those due by an event's `received_us` fire before it (law 2).

State and actions part where something is known late. A membership that changed in the past changes at once; what is *done*
about it waits until all that the log took at the same instant is heard. So waits that were over, and the first acts of a run
that a past alarm or a merge began, are due just after that instant, and such a run is taken back if she turns out not to be
in its segment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from tidings.decide import decision, holdout, returned, timers, withdrawal
from tidings.decide import shadow as shadows
from tidings.decide.decision import Asked, Later
from tidings.decide.reasons import SHADOW
from tidings.domain.event import Event
from tidings.domain.everybody import ItemsChanged, Told, cause_of
from tidings.domain.item import ItemChange
from tidings.domain.message import Intent
from tidings.domain.output import Fact, FactKind, event_cause
from tidings.domain.profile import ProfileState, Run
from tidings.process import (
    adopt,
    everybody,
    identity,
    lanes,
    outside,
    profile,
    results,
    segment,
    sends,
    timetable,
    watch,
)
from tidings.process import run as runs
from tidings.process.adopt import Adoption
from tidings.process.journey import Journey, Way, ways
from tidings.process.segment import Change, Segment
from tidings.process.steps.base import Answer, Draft
from tidings.process.timetable import Timed, Timetables
from tidings.process.walk import Walk
from tidings.workspace import Definitions

MAX_TIMERS = 1_000_000
"""Timers of one person that fire in one go: decades of many segments that turn twice a day, as loaded history makes them due. All
must fire at once: what an event finds, and whether entering starts a journey, must not depend on who asks next. More is a
definition that goes round in a circle."""

REHEARSAL = "rehearsal"
"""The cause of a run that only shows how it would go."""
MAX_REHEARSED = 1_000
"""Waits of a run that is rehearsed."""


class Step(msgspec.Struct):
    """What one input changes."""

    state: ProfileState
    facts: list[Fact]
    intents: list[Intent]


class Pipeline:
    """The stages, with the definitions they follow."""

    def __init__(self, definitions: Definitions, adoption: Adoption | None = None) -> None:
        """`adoption` says how people of earlier definitions come over; without it they are judged anew when touched."""
        self.definitions = definitions
        self._adoption = adoption
        self._layout = definitions.layout
        self._segments = definitions.segments
        self._by_entry: dict[str, tuple[Way, ...]] = {}
        self._by_segment: dict[str, tuple[Way, ...]] = {}
        for way in ways(definitions.journeys.values()):
            for name in way.entry.hears():
                self._by_entry[name] = (*self._by_entry.get(name, ()), way)
            if watched := way.entry.watches():
                self._by_segment[watched] = (*self._by_segment.get(watched, ()), way)
        self._by_item = tuple(way for way in ways(definitions.journeys.values()) if way.entry.looks() >= 0)
        self.item_slots = tuple({way.entry.looks(): None for way in self._by_item})
        """Where the items are that journeys look at."""
        self.item_events = frozenset(name for way in self._by_item for one in way.entry.filters() for name in one.names)
        """Names of the events that change them."""
        self._timed = Timetables(ways(definitions.journeys.values()))
        self._by_time = bool(self._timed.by_key)
        self._shadows = shadows.shadows(definitions.versions)
        self._keep = {name: one.keep for name, one in definitions.policies.items()}
        self.reaches_out = any(one.reaches_out() for one in definitions.versions.values())
        self._heard = {name for one in definitions.versions.values() for name in one.listens()}
        self._watches = any(one.reads is not None for one in definitions.versions.values())

    def concerned(self) -> frozenset[str]:
        """Names of the events that can change more than the clock of a person who is known already.

        Identify and alias calls, and whatever tells who somebody is, do that under any name.
        """
        return frozenset(
            (*self._layout.feeds(), *self._by_entry, *self._heard, *profile.CONSENT_EVENTS, *returned.EVENTS)
        )

    @property
    def goes_by_clock(self) -> bool:
        """Whether anything is judged at a person's own clock, which any event of hers moves."""
        return bool(self._segments.by_name) or self._by_time or self._watches

    def on_event(self, state: ProfileState, event: Event) -> Step:
        """One event of this person."""
        step = Step(state, [], [])
        if state.next_due_us and state.next_due_us <= event.received_us:
            self._fire(step, event.received_us)
        slots, given = profile.apply(state, event, self._layout)
        purpose = ""
        if event.name in profile.CONSENT_EVENTS:
            purpose, withdrawn = withdrawal.take(state, event, self.definitions.policies)
            step.intents += withdrawn
        elif event.profile_id and event.name in returned.EVENTS:
            step.intents += returned.take(event)
        fresh = not state.clock_us  # nobody judged her yet: what holds of somebody who did nothing holds of her too
        if event.occurred_us > state.clock_us:
            state.clock_us = event.occurred_us
        touched = self._segments.touched(slots, given)
        if purpose:
            touched = {one.name: one for one in (*touched, *self._segments.asking_for(purpose))}.values()
        if fresh:
            touched = self._segments.first_look(touched, len(state.values))
        told = bool(state.runs) and (
            event.name in self._heard or (self._watches and self._watched(state, slots, given, purpose))
        )
        timed = self._by_time and self._arrange(
            state, self._timed.touched(slots, given, purpose, fresh=fresh), event.received_us
        )
        if not touched and not told and not timed and event.name not in self._by_entry:
            return step  # nothing that waits or watches is concerned
        changed = _changes(state, touched, state.clock_us, event.received_us)
        if changed or told or event.name in self._by_entry:
            walk = self._walk(step, event.received_us, event_cause(event.offset))
            if event.profile_id:
                walk.depth = outside.depth_of(event)
            walk.facts += [_segment_fact(walk, state.profile_id, change) for change in changed]
            if told:
                self._tell(walk, event, slots, given, purpose)
            if not event.backfill:
                self._enter(walk, event, changed)
        self._settle(step, event)
        return step

    def on_timer(self, state: ProfileState, until_us: int) -> Step:
        """All timers of this person that are due by `until_us`, in the order they are due."""
        step = Step(state, [], [])
        self._fire(step, until_us)
        return step

    def on_merge(self, state: ProfileState, other: ProfileState, event: Event) -> Step:
        """`other` turns out to be the same person: everything of hers goes over to `state`."""
        step = Step(state, [], [])
        for one in (state, other):
            if one.next_due_us and one.next_due_us <= event.received_us:
                fired = Step(one, step.facts, step.intents)
                self._fire(fired, event.received_us)
        walk = self._walk(step, event.received_us, event_cause(event.offset))
        sides = [withdrawal.side_of(one) for one in (state, other)]
        for name in sorted(other.segments):
            walk.facts.append(_segment_fact(walk, other.profile_id, Change(name, False, event.occurred_us)))
        links = [*other.identifiers, ("profile", other.profile_id)]
        identity.add_identifiers(state, links)
        everybody.agree(self.definitions.versions, walk, other, event.occurred_us)
        profile.absorb(state, other, self._layout, self.definitions.policies)
        sends.absorb(state, other, self._keep)
        timetable.absorb(state, other)
        self._join_runs(walk, other, event.occurred_us)
        walk.facts.append(
            Fact(
                FactKind.PROFILE_MERGED,
                state.profile_id,
                other.profile_id,
                event.occurred_us,
                event.received_us,
                walk.cause,
            )
        )
        state.clock_us = max(state.clock_us, other.clock_us)
        step.intents += withdrawal.agree(state, sides, event.received_us)
        self._arrange(state, self._timed.all(), event.received_us)
        changed = self._judge(walk, self._segments.all(), state.clock_us)
        self._look_again(walk)
        if not event.backfill:  # what the absorbed one was in already, or out of, is nothing new
            walk.late = True
            fresh = [change for change in changed if change.entered is (change.segment not in other.segments)]
            self._enter_by_segment(walk, fresh)
        self._settle(step, event)
        return step

    def on_told(self, state: ProfileState, told: Told) -> Step:
        """What is told to everybody, at its instant; her timers due by then fire before it."""
        step = Step(state, [], [])
        if state.next_due_us and state.next_due_us <= told.known_us:
            self._fire(step, told.known_us)
        if isinstance(told.what, ItemsChanged):
            came = self._hear_items(step, told.what, told.known_us)
        else:
            walk = self._walk(step, told.known_us, cause_of(told.what, told.offset))
            came = everybody.hear(self.definitions.versions, walk, told, told.what)
        if came:
            timers.reschedule(state)
        return step

    def rehearse(self, state: ProfileState, journey: Journey, item: dict[str, Any], at_us: int) -> Step:
        """How she would walk through a journey from an instant on if nothing else happened; re-entry is not asked.

        `item` is what the run keeps of the event that begins it. Runs of hers elsewhere are left out.
        """
        state.runs, state.alarms = [], {}
        step = Step(state, [], [])
        runs.enter(journey, self._walk(step, at_us, REHEARSAL), at_us, item)
        for _ in range(MAX_REHEARSED):
            timers.reschedule(state)
            if not state.next_due_us:
                break
            self._fire(step, state.next_due_us, entering=False)
        return step

    def wants(self, change: ItemChange) -> bool:
        """Whether a journey is about this change of an item."""
        return any(way.entry.wants(change) for way in self._by_item)

    def items_of(self, state: ProfileState) -> set[str]:
        """The items of whose changes she must be told."""
        return {item for slot in self.item_slots for item in state.values[slot] or ()}

    def _hear_items(self, step: Step, what: ItemsChanged, known_us: int) -> bool:
        """Runs that begin by changes of items; whether any did."""
        began = False
        for way in self._by_item:
            for change in what.changes if step.state.values[way.entry.looks()] else ():
                if way.entry.wants(change) and way.entry.concerns(step.state, change, known_us):
                    walk = self._walk(step, known_us, change.cause)
                    began = (
                        runs.begin(way.journey, walk, known_us, change.values(), entry=way.number, key=change.item_id)
                        or began
                    )
        return began

    def adopt(self, state: ProfileState, known_us: int) -> Step:
        """Bring a state that follows earlier definitions to the present ones. Starts no journey, unless asked.

        A change by the log goes by the instant of its record, not by `known_us`.
        """
        step = Step(state, [], [])
        adoption = self._adoption
        if adoption is None:
            if self._layout.adopt(state):
                self._judge_anew(step, known_us, "definitions")
        elif state.layout != self._layout.layout_id:
            adopt.bring_over(state, self._layout, adoption)
            if adoption.judged:
                walk = self._walk(step, adoption.known_us, adoption.cause)
                adopt.move_runs(walk, self.definitions.journeys, self.definitions.versions, adoption)
                self._judge_anew(step, adoption.known_us, adoption.cause, entering=adoption.entering)
                cause = "" if adoption.entering else adoption.cause  # runs that begin need causes of their own
                self._fire(step, adoption.known_us, entering=adoption.entering, cause=cause)
        return step

    def _judge_anew(self, step: Step, known_us: int, cause: str, *, entering: bool = False) -> None:
        """Judge all segments, and leave those that are gone, as of the latest that happened to her."""
        state = step.state
        gone = [name for name in state.segments if name not in self._segments.by_name]
        walk = self._walk(step, known_us, cause)
        for name in gone:
            del state.segments[name]
            walk.facts.append(_segment_fact(walk, state.profile_id, Change(name, False, state.clock_us)))
        state.alarms = {name: when for name, when in state.alarms.items() if name in self._segments.by_name}
        state.occasions = {key: number for key, number in state.occasions.items() if key in self._timed.by_key}
        self._arrange(state, self._timed.all(), known_us)
        changed = self._judge(walk, self._segments.all(), state.clock_us)
        self._look_again(walk)
        if entering:
            self._enter_by_segment(walk, changed)
        timers.reschedule(state)

    # Timers

    def _settle(self, step: Step, event: Event) -> None:
        """After an event or a merge: what it put into the past rings at once. Loaded history begins no journey that way."""
        state = step.state
        timers.reschedule(state)
        if state.next_due_us and state.next_due_us <= event.received_us:
            self._fire(step, event.received_us, late=True, entering=not event.backfill)
        if state.runs:
            self._take_back(step, event)

    def _take_back(self, step: Step, event: Event) -> None:
        """End runs that began late, at this very instant, by what turns out not to be so."""
        for run in [run for run in step.state.runs if run.late and run.known_us == event.received_us]:
            found = self.definitions.versions.get((run.journey, run.version))
            why = found.denied(step.state, run.entry) if found is not None else ""
            if why:
                walk = self._walk(step, event.received_us, event_cause(event.offset))
                runs.take_back(walk, run, event.occurred_us, why)
                timers.reschedule(step.state)

    def _fire(self, step: Step, until_us: int, *, late: bool = False, entering: bool = True, cause: str = "") -> None:
        """All timers due by `until_us`, in order. `late`: an event just put them into the past.

        Without `entering`, segments that she enters start no journey. Alarms ring by themselves, or because of a `cause`.
        """
        state = step.state
        for _ in range(MAX_TIMERS):
            due_us, scheduled_us, name, run = timers.following(state)
            if not due_us or due_us > until_us:
                break
            if run is not None:
                walk = self._walk(step, due_us, f"timer:{name}:{scheduled_us}")
                fire = runs.on_timer if name == run.run_id else runs.on_look
                fire(self.definitions.versions.get((run.journey, run.version)), walk, run)
            else:
                walk = self._walk(step, due_us, cause or f"timer:{name}:{scheduled_us}")
                walk.late = late or scheduled_us < due_us
                self._ring(walk, name, scheduled_us, entering=entering)
        timers.reschedule(state)

    def _ring(self, walk: Walk, name: str, scheduled_us: int, *, entering: bool) -> None:
        """A segment's alarm: judge it at the instant that the alarm was set for."""
        state = walk.state
        if name in self._timed.by_key:
            self._ring_entry(walk, self._timed.by_key[name], entering=entering)
            return
        del state.alarms[name]
        found = self._segments.by_name.get(name)
        changed = self._judge(walk, (found,), scheduled_us) if found is not None else []
        if changed:  # else nothing happened to her: looking in vain must not show in what comes late
            state.clock_us = max(state.clock_us, scheduled_us)
        if entering:
            self._enter_by_segment(walk, changed)

    def _ring_entry(self, walk: Walk, timed: Timed, *, entering: bool) -> None:
        """The alarm of an entry that goes by time: it begins a run, if it is for her."""
        scheduled_us = walk.state.alarms[timed.key][0]
        if timetable.ring(walk.state, timed, walk.known_us) and entering:
            runs.begin(timed.way.journey, walk, scheduled_us, {}, entry=timed.way.number)

    def _arrange(self, state: ProfileState, concerned: Collection[Timed], known_us: int) -> bool:
        """Set alarms for the next occasions of these; whether there are any."""
        for one in concerned:
            timetable.arrange(state, one, known_us)
        return bool(concerned)

    # Stages

    def _judge(self, walk: Walk, touched: Iterable[Segment], at_us: int) -> list[Change]:
        """Judge these at an instant; what changed."""
        changed = _changes(walk.state, touched, at_us, walk.known_us)
        walk.facts += [_segment_fact(walk, walk.state.profile_id, change) for change in changed]
        return changed

    def _watched(self, state: ProfileState, slots: Sequence[int], given: Sequence[str], purpose: str) -> bool:
        """Whether any of her runs watches a rule that reads any of these."""
        versions = self.definitions.versions
        found = (versions.get((run.journey, run.version)) for run in state.runs)
        return any(one is not None and one.touched(slots, given, purpose) for one in found)

    def _tell(self, walk: Walk, event: Event, slots: Sequence[int], given: Sequence[str], purpose: str) -> None:
        for run in list(walk.state.runs):
            found = self.definitions.versions.get((run.journey, run.version))
            if found is not None and (not run.parent or runs.lives(walk.state, run)):
                walk.late = run.late and run.known_us == walk.known_us  # it may still be taken back
                runs.on_event(found, walk, run, event, touched=found.touched(slots, given, purpose))
        walk.late = False

    def _look_again(self, walk: Walk) -> None:
        """Whatever rules of runs read may have changed."""
        for run in walk.state.runs if self._watches else ():
            found = self.definitions.versions.get((run.journey, run.version))
            if found is not None:
                watch.again(walk, run, found.watched.get(run.step, ()))

    def _enter(self, walk: Walk, event: Event, changed: list[Change]) -> None:
        for way in self._by_entry.get(event.name, ()):
            item = way.entry.begins(event, way.journey.name)
            if item is not None:
                runs.begin(way.journey, walk, event.occurred_us, item, entry=way.number, event=event.name)
        if changed and self._by_segment:
            self._enter_by_segment(walk, changed)

    def _enter_by_segment(self, walk: Walk, changed: list[Change]) -> None:
        for change in changed:
            for way in self._by_segment.get(change.segment, ()):
                if way.entry.turned(change):
                    runs.begin(way.journey, walk, change.occurred_us, {}, entry=way.number)

    def _join_runs(self, walk: Walk, other: ProfileState, occurred_us: int) -> None:
        """Of two runs of one journey (and key) the one with the later wait goes on (the fresher cart); the other ends."""
        state = walk.state
        before = [run for run in state.runs if not run.parent]
        state.runs.extend(other.runs)  # lanes with the runs that they belong to
        for theirs in [run for run in other.runs if not run.parent]:
            mine = next((run for run in before if (run.journey, run.key) == (theirs.journey, theirs.key)), None)
            if mine is not None:
                loser = min(mine, theirs, key=lambda run: (lanes.latest_us(state, run), run.run_id))
                runs.end(walk, loser, occurred_us, "merged with the other run of the same person")

    def _walk(self, step: Step, known_us: int, cause: str) -> Walk:
        def send(run: Run, draft: Draft, occurred_us: int) -> Answer:
            return self._decide(step, run, draft, occurred_us, known_us)

        return Walk(
            step.state, known_us, cause, send, step.facts, intents=step.intents, journeys=self.definitions.journeys
        )

    def _decide(self, step: Step, run: Run, draft: Draft, occurred_us: int, known_us: int) -> Answer:
        """Allow or refuse one message, or ask again later; what became of it."""
        state, definitions = step.state, self.definitions
        policy = definitions.policies.get(draft.category)
        if policy is None:
            return Answer(f"not sent: category {draft.category} is gone from policy.yml")
        journey = definitions.versions.get((run.journey, run.version))
        held = run.held
        if policy.holdout and not held:
            held = holdout.everywhere(state, policy.holdout, known_us)
        shadow = journey is not None and journey.shadow
        priority = journey.priority if journey is not None else "normal"
        asked = Asked(run, draft, occurred_us, known_us, priority, held, shadow)
        seen = shadows.view(state, self._shadows, shadow=shadow) if self._shadows else state
        intent = decision.decide(seen, self._layout, policy, asked)
        if isinstance(intent, Later):
            run.bid = intent.bid
            return Answer(intent.outcome, until_us=intent.until_us)
        run.bid = []
        step.intents.append(msgspec.structs.replace(intent, definitions=definitions.version, bulk=draft.bulk))
        run.sent += 1
        if journey is not None and draft.step in journey.asked:
            results.note_message(run, draft.step, intent.message_id, intent.suppressed)
        if intent.suppressed == SHADOW:
            sends.note_ghost(state, decision.sent(policy, intent, asked), self._keep)
            return Answer(f"would send {draft.template} (shadow)")
        if intent.suppressed:
            return Answer(f"not sent: {intent.suppressed}")
        sends.note(state, decision.sent(policy, intent, asked), self._keep)
        return Answer(f"decided to send {draft.template}")


def _changes(state: ProfileState, touched: Iterable[Segment], at_us: int, known_us: int) -> list[Change]:
    """Judge these at an instant; what changed."""
    changed = []
    for one in touched:
        change = segment.judge(state, one, at_us, known_us)
        if change is not None:
            changed.append(change)
    return changed


def _segment_fact(walk: Walk, profile_id: str, change: Change) -> Fact:
    kind = FactKind.SEGMENT_ENTERED if change.entered else FactKind.SEGMENT_LEFT
    return Fact(kind, profile_id, change.segment, change.occurred_us, walk.known_us, walk.cause)
