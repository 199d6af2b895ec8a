"""Running the tests of a workspace: each file of its folder `tests`, each test in a world of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tidings import workspace
from tidings.domain import plain
from tidings.domain.names import known
from tidings.errors import DefinitionError, InputError
from tidings.located import located, placed, read_text
from tidings.testing.world import TestWorld
from tidings.trials import parse
from tidings.trials.base import JOURNEY, SEGMENT, TEMPLATE
from tidings.trials.parse import Trial
from tidings.versions.files import TESTS
from tidings.workspace import Definitions


class TrialFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of tests."""

    name: str
    """Path in the workspace."""
    text: str
    trials: Sequence[Trial]


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one test."""

    file: str
    name: str
    failure: str
    """What is not as expected, with file and line; empty when all is."""
    took_s: float


def files(folder: Path) -> list[TrialFile]:
    """The tests of a workspace folder. Raises DefinitionError, with file and line."""
    found = []
    for path in sorted((folder / TESTS).glob("*.yml")):
        name = f"{TESTS}/{path.name}"
        text = read_text(path, name)
        with located({name: text}):
            found.append(TrialFile(name=name, text=text, trials=parse.parse(plain.parse(text, name), name)))
    return found


def run(folder: Path, only: str = "") -> Iterator[TrialResult]:
    """Run the tests of a workspace whose name, or file, has `only` in it. Raises DefinitionError, or InputError when there is none."""
    definitions = workspace.load(folder)
    templates = [path.stem for path in (folder / "templates").glob("*.mjml")]
    wanted = [(file, one) for file in files(folder) for one in file.trials if only in f"{file.name} {one.name}"]
    if not wanted:
        what = f"none has {only!r} in its name" if only else "there are none"
        raise InputError(f"{folder / TESTS}: no tests to run, {what}; see docs/how-to/test-a-journey.md")
    for file, one in wanted:
        with located({file.name: file.text}):
            check(one, definitions, templates)
    for file, one in wanted:
        start_s = time.perf_counter()
        failure = play(one, definitions)
        if failure:
            where, _, problem = failure.partition("\n")
            failure = f"{placed(where, {file.name: file.text})}: {problem}"
        yield TrialResult(file=file.name, name=one.name, failure=failure, took_s=time.perf_counter() - start_s)


def check(trial: Trial, definitions: Definitions, templates: Sequence[str]) -> None:
    """Whether all that a test names is there. Raises DefinitionError."""
    there = {
        JOURNEY: list(definitions.journeys),
        SEGMENT: list(definitions.segments.by_name),
        TEMPLATE: list(templates),
    }
    for where, name in trial.journeys:
        known(name, there[JOURNEY], JOURNEY, where, "name a journey of the workspace")
    for where, act in trial.acts:
        for kind, name in act.names():
            known(name, there[kind], kind, where, f"name a {kind} of the workspace")


def play(trial: Trial, definitions: Definitions) -> str:
    """Play a test; the place and, on a line of its own, what is not as expected. Empty when all is. Raises DefinitionError."""
    world = TestWorld(_alone(definitions, trial), start_us=trial.start_us, people=trial.people, answers=trial.answers)
    for where, act in trial.acts:
        at_us = act.when.instant(world)
        if at_us < world.now_us:
            raise DefinitionError(where, "comes before what stands above it", do="put it above, or say `after`")
        world.pass_to(at_us)
        if problem := act.play(world):
            return f"{where}\n{problem}"
    return ""


def _alone(definitions: Definitions, trial: Trial) -> Definitions:
    """The definitions with the journeys alone that a test names, so that one that is added breaks no other's tests."""
    if not trial.journeys:
        return definitions
    wanted = {name for _, name in trial.journeys}
    return msgspec.structs.replace(
        definitions,
        journeys={name: one for name, one in definitions.journeys.items() if name in wanted},
        versions={key: one for key, one in definitions.versions.items() if key[0] in wanted},
    )
