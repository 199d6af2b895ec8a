"""Workspaces written in a test, and people to whom things happen, for the tests of the keyed core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from tidings import workspace
from tidings.domain.message import SendIntent
from tidings.domain.output import Fact
from tidings.domain.profile import ProfileState
from tidings.domain.record import BACKFILL, LogRecord
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import call
from tidings.workspace import Definitions

START_US = 1_800_000_000_000_000
POLICY = "marketing: {consent: not_needed}\ntransactional: {consent: not_needed}"


def write(folder: Path, *, traits: str = "", segments: str = "", policy: str = POLICY, **journeys: str) -> Path:
    """A workspace folder with these files; what was in it before is replaced."""
    (folder / "journeys").mkdir(parents=True, exist_ok=True)
    for old in (folder / "journeys").iterdir():
        old.unlink()
    for name, text in {"traits": traits, "segments": segments, "policy": policy}.items():
        (folder / f"{name}.yml").write_text(dedent(text), "utf-8")
    for name, text in journeys.items():
        (folder / "journeys" / f"{name}.yml").write_text(f"journey: {name}\n{dedent(text)}", "utf-8")
    return folder


def definitions(folder: Path, **files: str) -> Definitions:
    """The definitions in such a folder."""
    return workspace.load(write(folder, **files))


class World:
    """One simulator; things happen in it at seconds from the start."""

    def __init__(self, what: Definitions, *, max_batch: int = 5_000) -> None:
        self.simulator = Simulator(what, max_batch=max_batch)
        self._count = 0

    def record(self, kind: str, at_s: float, event: str = "", properties: Any = None, **more: Any) -> LogRecord:
        """One call with an id of its own; `more` holds user, anonymous, traits, previousId."""
        self._count += 1
        if kind == "track":
            more |= {"event": event, "properties": properties or {}}
        return call(kind, more.pop("id", f"e{self._count}"), START_US + int(at_s * 1_000_000), **more)

    def take(self, records: Sequence[LogRecord], at_s: float) -> None:
        """The log takes these in one block, and they are processed."""
        self.simulator.take(records, START_US + int(at_s * 1_000_000))
        self.simulator.run()

    def track(self, at_s: float, event: str, properties: Any = None, *, user: str = "ann", **more: Any) -> None:
        """It happens and is received at the same instant, unless `received_s` says otherwise."""
        received_s = more.pop("received_s", at_s)
        self.take([self.record("track", at_s, event, properties, user=user, **more)], received_s)

    def loaded(self, at_s: float, event: str, received_s: float, *, user: str = "ann") -> None:
        """History that is loaded."""
        record = self.record("track", at_s, event, user=user)
        self.take([LogRecord(record.source, record.kind, record.sent_us, record.body, BACKFILL)], received_s)

    def identify(self, at_s: float, *, user: str = "ann", anonymous: str = "", **traits: Any) -> None:
        self.take([self.record("identify", at_s, user=user, anonymous=anonymous, traits=traits)], at_s)

    def alias(self, at_s: float, previous: str, user: str) -> None:
        self.take([self.record("alias", at_s, user=user, previousId=previous)], at_s)

    def until(self, at_s: float) -> None:
        self.simulator.advance_to(START_US + int(at_s * 1_000_000))

    def person(self, user: str = "ann", kind: str = "user_id") -> ProfileState:
        found = self.simulator.person(kind, user)
        assert found is not None
        return found

    def facts(self, *kinds: str) -> list[Fact]:
        return [fact for fact in self.simulator.sink.facts if not kinds or fact.kind in kinds]

    def ends(self) -> list[tuple[str, str]]:
        """(journey, outcome) of each run that ended, in order."""
        return [(fact.subject, fact.data["outcome"]) for fact in self.facts("run_ended")]

    def sends(self) -> list[SendIntent]:
        return sorted(self.simulator.sink.sends.values(), key=lambda intent: (intent.decided_us, intent.message_id))
