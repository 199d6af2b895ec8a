"""What must hold of a year of decisions, judged from the sends and the run facts alone, by plain Python and the machine's own calendar.

It knows the policy of `deciding_world` by heart, and nothing of the code that decides.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from tests.property.deciding_world import DEFAULT_ZONE, RANKS, Person, World
from tidings.clock import DAY_US, HOUR_US, parse_instant
from tidings.domain.message import SendIntent
from tidings.domain.output import Fact
from tidings.hosts.simulator import MemorySink

COMPETE = ("offers", "tips")
CAPPED = {"offers", "tips", "news"}
PATIENCE_US = {"offers": 2 * DAY_US, "tips": 0, "news": 0}
RETRY_US = 6 * HOUR_US
ZONES = available_timezones()
_UNTIL = re.compile(r"(waits|competes) until (\S+?Z)[: (]")


@dataclass
class Human:
    """One person at the end of the year, with everything that was decided for any of her profiles, in order."""

    sent: list[SendIntent] = field(default_factory=list)
    refused: list[SendIntent] = field(default_factory=list)


class Oracle:
    """Judges one run of a world."""

    def __init__(self, world: World, sink: MemorySink) -> None:
        self.world = world
        self.joined: dict[str, tuple[int, str]] = {}
        """Profile id to (when, the profile it was joined to)."""
        self.names: dict[str, list[str]] = defaultdict(list)
        """Profile id to the identifiers that founded it."""
        self.steps: dict[str, list[Fact]] = defaultdict(list)
        """Run facts by run, in order."""
        for fact in sink.facts:
            self._read(fact)
        self.order = {message_id: place for place, message_id in enumerate(sink.sends)}
        """Of two that were decided for one person at one instant, the one that came out first was decided first."""
        self.humans: dict[str, Human] = defaultdict(Human)
        for intent in sorted(sink.sends.values(), key=self.when):
            human = self.humans[self.final(intent.profile_id)]
            (human.refused if intent.suppressed else human.sent).append(intent)
        self.intents: Counter[str] = Counter(intent.run_id for intent in sink.sends.values())
        self.found: list[str] = []
        """Violations."""

    def _read(self, fact: Fact) -> None:
        if fact.kind == "identified":
            self.names[fact.profile_id].append(str(fact.data["value"]))
        elif fact.kind == "profile_merged":
            self.joined[fact.subject] = (fact.known_us, fact.profile_id)
        elif fact.kind.startswith("run_"):
            self.steps[fact.data["run_id"]].append(fact)

    def when(self, intent: SendIntent) -> tuple[int, int]:
        return intent.decided_us, self.order[intent.message_id]

    def final(self, profile_id: str) -> str:
        while profile_id in self.joined:
            profile_id = self.joined[profile_id][1]
        return profile_id

    def at(self, profile_id: str, at_us: int) -> str:
        """Which profile a profile was part of at an instant."""
        while profile_id in self.joined and self.joined[profile_id][0] <= at_us:
            profile_id = self.joined[profile_id][1]
        return profile_id

    def judge(self) -> list[str]:
        """Every violation, in a sentence."""
        for human in self.humans.values():
            for intent in human.sent:
                self._permitted(intent, human)
            for intent in human.refused:
                self._reasoned(intent, human)
        self._best_went()
        self._none_forgotten()
        return self.found

    def _wrong(self, intent: SendIntent, why: str) -> None:
        at = datetime.fromtimestamp(intent.decided_us / 1e6, UTC)
        self.found.append(f"{intent.journey} {intent.message_id} at {at} ({intent.suppressed or 'sent'}): {why}")

    # What went

    def _permitted(self, intent: SendIntent, human: Human) -> None:
        at_us, category = intent.decided_us, intent.category
        if category == "offers" and not self.consents(intent.profile_id, at_us):
            self._wrong(intent, "without consent")
        if category == "transactional":
            return
        if self.quiet(category, self.zone(intent.profile_id, at_us), at_us):
            self._wrong(intent, f"in quiet hours of {self.zone(intent.profile_id, at_us)}")
        if self.full(intent, human):
            self._wrong(intent, "over a cap")
        if category in COMPETE and self.window(intent, human):
            self._wrong(intent, "within an hour of another")
        if category in COMPETE and self.waited(intent) is None:
            self._wrong(intent, "without a round that others could take part in")

    def hers(self, intent: SendIntent, human: Human) -> list[SendIntent]:
        """What went to her before, as far as it was known to be her, apart from what is exempt."""
        at_us, now = intent.decided_us, self.at(intent.profile_id, intent.decided_us)
        return [
            one
            for one in human.sent
            if one.category in CAPPED and self.when(one) < self.when(intent) and self.at(one.profile_id, at_us) == now
        ]

    def full(self, intent: SendIntent, human: Human) -> list[int]:
        """When each full cap has room again."""
        at_us, before = intent.decided_us, self.hers(intent, human)
        zone = self.zone(intent.profile_id, at_us)
        today = local(at_us, zone).date()
        found = []
        if sum(local(one.decided_us, zone).date() == today for one in before) >= 2:
            found.append(midnight_us(at_us, zone))
        rolling = [(6, 7 * DAY_US, COMPETE)] if intent.category in COMPETE else []
        rolling += [(1, 2 * DAY_US, ("tips",))] if intent.category == "tips" else []
        for most, span_us, categories in rolling:
            counted = [
                one.decided_us for one in before if one.category in categories and one.decided_us > at_us - span_us
            ]
            if len(counted) >= most:
                found.append(counted[len(counted) - most] + span_us)
        return found

    def window(self, intent: SendIntent, human: Human) -> SendIntent | None:
        """The latest that competes too and went less than an hour before."""
        before = [one for one in self.hers(intent, human) if one.category in COMPETE]
        return before[-1] if before and before[-1].decided_us > intent.decided_us - HOUR_US else None

    # What did not

    def _reasoned(self, intent: SendIntent, human: Human) -> None:
        at_us, reason, category = intent.decided_us, intent.suppressed, intent.category
        asked_us = self.asked_us(intent.run_id)
        if reason in ("no_consent", "consent_withdrawn"):
            if category != "offers" or self.consents(intent.profile_id, at_us):
                self._wrong(intent, "she consents")
        elif reason == "quiet_hours":
            if category != "news" or local(at_us, self.zone(intent.profile_id, at_us)).weekday() != 6:
                self._wrong(intent, "it is no sunday")
        elif reason == "frequency_cap":
            free = self.full(intent, human)
            if not free or max(free) <= asked_us + PATIENCE_US[category]:
                self._wrong(intent, f"there is room, or will be in time: {free}")
        elif reason == "lost_arbitration":
            won = self.window(intent, human)
            if won is None or won.decided_us + HOUR_US <= asked_us + RETRY_US:
                self._wrong(intent, "nobody went before, or it could still go in time")
        else:
            self._wrong(intent, "a reason that nobody knows")

    def asked_us(self, run_id: str) -> int:
        """When a run first came to its mail."""
        return next(fact.known_us for fact in self.steps[run_id] if fact.data["step"] == "mail")

    # Who competed

    def _best_went(self) -> None:
        """Of those that were told at one instant that another was first, and had waited for it, none is better than the winner."""
        sent = (one for human in self.humans.values() for one in human.sent if one.category in COMPETE)
        winners = {(self.at(one.profile_id, one.decided_us), one.decided_us): one for one in sent}
        for facts in self.steps.values():
            for waited, asked, fact in zip(facts, facts[1:], facts[2:], strict=False):
                won = winners.get((self.at(fact.profile_id, fact.known_us), fact.known_us))
                if won is not None and asked.data.get("outcome") == "asks again" and self.lost(fact):
                    best = self.waited(won)
                    if best is not None and self.rank(waited) > self.rank(best):
                        self.found.append(
                            f"{fact.subject} lost to {won.journey}, which is worth less, at {fact.known_us}"
                        )

    def lost(self, fact: Fact) -> bool:
        said = str(fact.data["outcome"])
        return "was first" in said or said == "not sent: lost_arbitration"

    def waited(self, won: SendIntent) -> Fact | None:
        """What a winner said before it asked again, and went; None when it went at once."""
        said = (waited for waited, asked in pairwise(self.steps[won.run_id]) if asked.known_us == won.decided_us)
        return next((fact for fact in said if fact.data.get("outcome") != "asks again"), None)

    def rank(self, waited: Fact) -> tuple[int, float]:
        """Priority and value as they were when it said that it waits."""
        rank, value = RANKS[waited.subject]
        if value is not None:
            return rank, value
        said = [(one.since_us, one.predicted) for one in self.everybody(waited.profile_id, waited.known_us)]
        return rank, 2 * max(said)[1]

    # Nobody is forgotten

    def _none_forgotten(self) -> None:
        """Each run that came to its mail has one decision, or was ended from outside, none waits for ever."""
        for run_id, facts in self.steps.items():
            last = facts[-1]
            outside = last.kind == "run_ended" and str(last.data["outcome"]).startswith(("did Left", "merged"))
            if self.intents[run_id] != (0 if outside else 1):
                self.found.append(f"run {run_id} of {last.subject}: {self.intents[run_id]} decisions, {last.data}")
            if last.kind != "run_ended":
                self.found.append(f"run {run_id} of {last.subject} never ended: {last.data}")
            for fact, following in pairwise(facts):
                self._exact(fact, following)

    def _exact(self, fact: Fact, following: Fact) -> None:
        """What waits asks again at the instant it said, to the microsecond."""
        said = _UNTIL.match(str(fact.data.get("outcome")))
        if said is None or following.kind == "run_ended":
            return
        until_us = parse_instant(said[2])
        if following.known_us != until_us or following.data["outcome"] != "asks again":
            self.found.append(f"{fact.subject} said {said[2]}, and came at {following.known_us}: {following.data}")

    # What the world knows

    def who(self, profile_id: str) -> list[Person]:
        return [self.world.people[name] for name in self.names[profile_id] if name in self.world.people]

    def consents(self, profile_id: str, at_us: int) -> bool:
        words = [word for person in self.everybody(profile_id, at_us) for word in person.consent if word[0] <= at_us]
        return bool(words) and max(words, key=lambda word: (word[0], not word[1]))[1]

    def zone(self, profile_id: str, at_us: int) -> str:
        said = [zone for person in self.everybody(profile_id, at_us) for zone in person.zones if zone[0] <= at_us]
        latest = max(said, default=(0, ""))[1]
        return latest if latest in ZONES else DEFAULT_ZONE

    def everybody(self, profile_id: str, at_us: int) -> list[Person]:
        """Everybody who was known to be this person at an instant."""
        now = self.at(profile_id, at_us)
        parts = [now, *(one for one in self.joined if self.at(one, at_us) == now)]
        return [person for part in parts for person in self.who(part)]

    def quiet(self, category: str, zone: str, at_us: int) -> bool:
        shown = local(at_us, zone)
        if category != "news":
            return shown.hour >= 21 or shown.hour < 8
        return shown.hour >= 20 or shown.hour < 9 or shown.weekday() == 6


def local(at_us: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone(ZoneInfo(zone))


def midnight_us(at_us: int, zone: str) -> int:
    """When the next day begins: the first whole minute at which the clock shows another date."""
    today = local(at_us, zone).date()
    minutes = range(at_us // 60_000_000 + 1, at_us // 60_000_000 + 27 * 60)
    after = bisect_right(minutes, False, key=lambda minute: local(minute * 60_000_000, zone).date() > today)
    return minutes[after] * 60_000_000
