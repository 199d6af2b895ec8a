"""Rules as specialised Python: one function a rule, made once per version, instead of a tree that is walked with every event.

A kind may say in `code` what its verdict is in plain statements; a kind that does not is called as it is. Nothing that
came from outside is ever part of the text: definitions only choose which of our own lines are written, whole numbers are written
as such, and everything else (texts, tests, accumulators) is bound to a name. Both ways give the same verdicts; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidings.domain.profile import ProfileState
from tidings.rules.base import Condition

MAX_LOOPS = 16
"""Loops inside each other that are written, as Python takes no more than 20; what lies deeper is walked."""

Judge = Callable[[ProfileState, int], tuple[bool, int]]
"""(state, at_us) to (holds, next_us), which mean the same as in a `Verdict`."""


class Source:
    """The text of one function. After the lines of a condition, `h` is whether it holds and `n` its next instant."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"len": len, "type": type, "int": int, "float": float, "str": str}
        self._lines: list[str] = []
        self._slots: dict[int, None] = {}
        self._depth = 1
        self._count = 0

    def add(self, *lines: str) -> None:
        """Write lines; an indented line goes on from the one before it."""
        self._lines += ["    " * self._depth + line for line in lines]

    def bind(self, value: Any) -> str:
        """A name for an object."""
        self._count += 1
        self.names[f"k{self._count}"] = value
        return f"k{self._count}"

    def local(self, prefix: str) -> str:
        """A variable of its own."""
        self._count += 1
        return f"{prefix}{self._count}"

    def slot(self, slot: int) -> str:
        """The variable that holds a value of the person; read once, however many ask."""
        self._slots[slot] = None
        return f"v{int(slot)}"

    def until_one_is(self, decisive: bool, parts: tuple[Condition, ...]) -> None:
        """The parts in turn until one is `decisive`, which then is the verdict; else the other, with the earliest instant."""
        earliest = self.local("m")
        self.add(f"{earliest} = 0", "while True:")
        self._depth += 1
        for part in parts:
            write(part, self)
            self.add("if h: break" if decisive else "if not h: break")
            self.add(f"if n and (not {earliest} or n < {earliest}): {earliest} = n")
        self.add(f"n = {earliest}", "break")
        self._depth -= 1

    def full(self) -> bool:
        """Whether what comes next lies too deep to be written."""
        return self._depth > MAX_LOOPS

    def text(self) -> str:
        """The whole function."""
        loads = ["    values = state.values"] if self._slots else []
        loads += [f"    v{slot} = values[{slot}]" for slot in self._slots]
        return "\n".join(["def judge(state, at_us):", *loads, *self._lines, "    return h, n", ""])


def write(condition: Condition, source: Source) -> None:
    """The condition's lines: its own, or a call of its `judge`."""
    code = None if source.full() else getattr(condition, "code", None)
    if code is None or not code(source):
        call(condition, source)


def call(condition: Condition, source: Source) -> None:
    """Lines that ask the condition itself."""
    judge = source.bind(condition.judge)
    source.add(f"verdict = {judge}(state, at_us)", "h = verdict.holds", "n = verdict.next_us")


def compiled(condition: Condition) -> Judge:
    """One specialised function that gives what `condition.judge` gives."""
    source = Source()
    write(condition, source)
    space = {"__builtins__": {}, **source.names}
    exec(source.text(), space)  # noqa: S102 - our own lines only, see above
    judge: Judge = space["judge"]
    return judge


def walked(condition: Condition) -> Judge:
    """The same by walking the tree."""

    def judge(state: ProfileState, at_us: int) -> tuple[bool, int]:
        verdict = condition.judge(state, at_us)
        return verdict.holds, verdict.next_us

    return judge
