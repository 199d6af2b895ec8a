"""Journeys tested from Python: a workspace in memory, made-up people, a clock that moves when told.

shop = Rehearsal("workspace")
ann = shop.person("ann")
ann.does("Product Added", product_id="P1", price=20)
shop.clock.advance("5m")
shop.expect_message("abandoned_cart", to=ann, at="5m")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tidings import workspace
from tidings.clock import parse_instant
from tidings.errors import DefinitionError
from tidings.testing import trials
from tidings.testing.world import TestWorld
from tidings.trials import answers, expect
from tidings.trials.base import Person, When, World, span
from tidings.trials.parse import START

_HERE = "test"


class Rehearsal:
    """A workspace and its people, from `start` on."""

    def __init__(
        self, folder: Path | str, *, start: str = START, webhooks: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """`webhooks`: what they answer, by webhook or step, such as ``{"crm": {"status": 200, "body": {"score": 7}}}``.

        Raises DefinitionError when something is wrong with the workspace.
        """
        self.world = TestWorld(
            workspace.load(Path(folder)),
            start_us=parse_instant(start),
            people={},
            answers=answers.parse(dict(webhooks or {}), "webhooks"),
        )
        self.clock = Clock(self.world)

    def person(
        self,
        name: str,
        *,
        email: str | None = "",
        consents: Sequence[str] | None = None,
        timezone: str = "",
        **traits: Any,
    ) -> Someone:
        """Somebody with an address (None for none) who agreed to these categories; to all of them, if it is not said."""
        address = f"{name}@test.example" if email == "" else email
        given = {"email": address, "timezone": timezone or None, **traits}
        known = {key: value for key, value in given.items() if value is not None}
        self.world.meet(Person(name=name, traits=known, consents=tuple(consents) if consents is not None else None))
        return Someone(self.world, name)

    def expect_message(self, template: str, *, to: Someone, at: str = "", **more: Any) -> None:
        """One that was not expected before has gone. Raises AssertionError with what there is instead."""
        self.expect({"message": template, **({"at": at} if at else {}), **more}, of=to)

    def expect_no_message(self, template: str = "", *, to: Someone) -> None:
        """None has gone but those that were expected."""
        self.expect({"no_message": template or True}, of=to)

    def expect_refused(self, template: str, *, to: Someone, reason: str = "") -> None:
        """One was decided on, and did not go."""
        self.expect({"refused": template, **({"reason": reason} if reason else {})}, of=to)

    def expect_run(self, journey: str, *, of: Someone, step: str = "") -> None:
        """A run is under way, at this step."""
        self.expect({"run": journey, **({"step": step} if step else {})}, of=of)

    def expect_ended(self, journey: str, *, of: Someone, outcome: str = "") -> None:
        """The latest run is over, with this outcome."""
        self.expect({"ended": journey, **({"outcome": outcome} if outcome else {})}, of=of)

    def expect(self, what: Mapping[str, Any], *, of: Someone) -> None:
        """Anything that a test in YAML may expect. Raises AssertionError, or DefinitionError when it is no expectation."""
        problem = expect.parse(dict(what), {}, When(who=of.name), _HERE).play(self.world)
        if problem:
            raise AssertionError(problem)


class Clock:
    """Moves when told."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def now_us(self) -> int:
        """What it shows."""
        return self._world.now_us

    def advance(self, by: str) -> None:
        """Let a span such as ``5m`` pass; whatever is due on the way happens at its instant."""
        self._world.pass_to(self._world.now_us + span(by, "advance"))

    def set(self, to: str) -> None:
        """Let time pass to an instant. Raises DefinitionError when it is over."""
        at_us = parse_instant(to)
        if at_us < self._world.now_us:
            raise DefinitionError("set", "this instant is over", got=to)
        self._world.pass_to(at_us)


class Someone:
    """A person."""

    def __init__(self, world: TestWorld, name: str) -> None:
        self._world = world
        self.name = name

    def does(
        self, event: str, /, *, device: str = "", anonymous: bool = False, late: str = "", **properties: Any
    ) -> None:
        """An event with these properties; `late`: it happened so long before. `anonymous`: she is not signed in."""
        body = {"type": "track", "event": event, "properties": properties}
        late_us = span(late, "late") if late else 0
        self._world.call(self.name, body, device=device, known=not anonymous, late_us=late_us)

    def has(self, **traits: Any) -> None:
        """An identify call with these traits."""
        self._world.call(self.name, {"type": "identify", "traits": traits})

    @property
    def segments(self) -> list[str]:
        """Segments that she is in."""
        return self._world.segments(self.name)

    def trait(self, name: str) -> Any:
        """A given or computed trait; None when unknown."""
        return self._world.trait(self.name, name)


def workspace_tests(folder: Path | str) -> list[WorkspaceTest]:
    """Its own tests, to be parameters of one of pytest's: ``@pytest.mark.parametrize("test", …, ids=str)``. Each runs when it is called."""
    return [
        WorkspaceTest(Path(folder), file.name, one.name) for file in trials.files(Path(folder)) for one in file.trials
    ]


class WorkspaceTest:
    """One test of a workspace, to be called."""

    def __init__(self, folder: Path, file: str, name: str) -> None:
        self._folder, self._file, self._name = folder, file, name

    def __str__(self) -> str:
        return f"{self._file}: {self._name}"

    def __call__(self) -> None:
        """Run it. Raises AssertionError with file and line of what is not as expected."""
        for result in trials.run(self._folder, f"{self._file} {self._name}"):
            if result.failure:
                raise AssertionError(result.failure)
