"""The world that a test is played in: made-up people, the whole core in memory, a virtual clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.clock import iso
from tidings.domain import called, feedback
from tidings.domain.message import CallIntent, SendIntent
from tidings.domain.output import FactKind
from tidings.domain.outward import FAILED, OK, Answer
from tidings.domain.profile import ProfileState, Run
from tidings.domain.record import LogRecord
from tidings.hosts.outside import Reply
from tidings.hosts.simulator import Simulator
from tidings.process import profile
from tidings.trials import consent
from tidings.trials.answers import Scripted
from tidings.trials.base import Ended, Person
from tidings.workspace import Definitions

SOURCE = "test"
MOMENT_US = 999
"""How far the machine's clock is past what a test's clock shows: what is due just after an instant has happened at it."""
PUT_OFF_US = 5
"""By how much what was over before it was known is put off, and a little more."""


class TestWorld:
    """See `trials.base.World`."""

    __test__ = False  # pytest would take it for tests

    def __init__(
        self,
        definitions: Definitions,
        *,
        start_us: int,
        people: Mapping[str, Person],
        answers: Mapping[str, Scripted] | None = None,
    ) -> None:
        """Everybody is there from the beginning, with traits and consents."""
        self.start_us = self.now_us = start_us
        self._definitions = definitions
        self._answers = dict(answers or {})
        self._simulator = Simulator(definitions, start_us=start_us - 1, answering=self._answer)
        self._calls = 0
        self._expected: set[str] = set()
        for one in people.values():
            self.meet(one)

    def meet(self, one: Person) -> None:
        """Somebody comes into the world."""
        self.call(one.name, {"type": "identify", "traits": dict(one.traits)})
        every = [name for name, policy in self._definitions.policies.items() if policy.consent]
        for purpose in every if one.consents is None else one.consents:
            self.call(one.name, consent.body(feedback.CONSENT_GIVEN, purpose))

    def call(
        self, who: str, body: Mapping[str, Any], *, device: str = "", known: bool = True, late_us: int = 0
    ) -> None:
        """See `World.call`."""
        self._calls += 1
        ids = {**({"userId": who} if known else {}), **({"anonymousId": device} if device else {})}
        about = {"messageId": f"test-{self._calls}", "timestamp": iso(self.now_us - late_us)}
        self._take(LogRecord(SOURCE, "", 0, msgspec.json.encode({**body, **ids, **about})))

    def say(self, kind: str, body: Mapping[str, Any]) -> None:
        """See `World.say`."""
        self._take(LogRecord(SOURCE, kind, 0, msgspec.json.encode({**body, "timestamp": iso(self.now_us)})))

    def start(self, who: str, journey: str, properties: Mapping[str, Any]) -> None:
        """See `World.start`."""
        self._calls += 1
        call = called.Call(userId=who, properties=dict(properties), messageId=f"test-{self._calls}")
        self._take(called.record(journey, call))

    def _take(self, record: LogRecord) -> None:
        self._simulator.take([record], self.now_us)
        self._simulator.run()
        self.pass_to(self.now_us)

    def pass_to(self, at_us: int) -> None:
        """See `World.pass_to`."""
        self.now_us = max(at_us, self.now_us)
        just_after_us = self._simulator.driver.complete_us + PUT_OFF_US
        self._simulator.advance_to(max(self.now_us + MOMENT_US, just_after_us))

    def script(self, name: str, answer: Scripted) -> None:
        """From now on this webhook, or step, is answered so."""
        self._answers[name] = answer

    def _answer(self, call: CallIntent) -> Reply | None:
        found = self._answers.get(call.step) or self._answers.get(call.webhook)
        if found is None:
            return None
        result = OK if 200 <= found.status < 300 else FAILED
        return Reply(answer=Answer(result=result, status=found.status, body=found.body), after_us=found.after_us)

    # What is so

    def messages(self, who: str) -> list[SendIntent]:
        """See `World.messages`."""
        state = self._person(who)
        mine = (
            {state.profile_id, *(value for kind, value in state.identifiers if kind == "profile")} if state else set()
        )
        sends = [one for one in self._simulator.sink.sends.values() if one.profile_id in mine]
        return sorted(sends, key=lambda one: (one.decided_us, one.message_id))

    def expect(self, message_id: str) -> None:
        """See `World.expect`."""
        self._expected.add(message_id)

    def expected(self, message_id: str) -> bool:
        """See `World.expected`."""
        return message_id in self._expected

    def runs(self, who: str) -> list[Run]:
        """See `World.runs`."""
        state = self._person(who)
        return list(state.runs) if state is not None else []

    def ended(self, who: str) -> list[Ended]:
        """See `World.ended`."""
        state = self._person(who)
        return [
            Ended(journey=fact.subject, outcome=fact.data["outcome"], at_us=fact.known_us)
            for fact in self._simulator.sink.facts
            if fact.kind == FactKind.RUN_ENDED and state is not None and fact.profile_id == state.profile_id
        ]

    def segments(self, who: str) -> list[str]:
        """See `World.segments`."""
        state = self._person(who)
        return sorted(state.segments) if state is not None else []

    def trait(self, who: str, name: str) -> Any:
        """See `World.trait`."""
        state = self._person(who)
        return profile.values(state, self._definitions.layout, self.now_us).get(name) if state is not None else None

    def _person(self, who: str) -> ProfileState | None:
        return self._simulator.person("user_id", who)
