"""The pure packages read no clock, draw no chance and do no I/O: what they need comes in as an argument."""

from __future__ import annotations

import ast

from tests.tidy.source import Module, imports, ours

PURE = ("domain", "accumulate", "rules", "process", "decide", "render", "recommend/rerank.py", "pipeline.py")
"""Paths below src/tidings."""

IMPURE_MODULES = {
    "asyncio", "builtins", "glob", "http", "io", "os", "pathlib", "queue", "random", "secrets", "select", "selectors",
    "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request",
    "uuid",
}  # fmt: skip
CLOCK_READS = {"now", "utcnow", "today", "now_us", "time_ns", "monotonic", "perf_counter"}
IMPURE_CALLS = {"open", "print", "input", "SystemClock"}

ALLOWED = {
    ("render/template.py", "pathlib"): "loading the templates of a folder",
}


def pure() -> list[tuple[str, Module]]:
    """(path below the package, module) of every pure module."""
    named = [(module.name.removeprefix("src/tidings/"), module) for module in ours()]
    return [(name, m) for name, m in named if any(name == one or name.startswith(f"{one}/") for one in PURE)]


def test_there_are_pure_modules() -> None:
    assert len(pure()) > 40


def test_pure_packages_import_nothing_impure() -> None:
    wrong = [
        f"{module.name}:{line}: {imported}"
        for name, module in pure()
        for line, imported in imports(module)
        for impure in IMPURE_MODULES
        if (imported == impure or imported.startswith(f"{impure}.")) and (name, impure) not in ALLOWED
    ]
    assert wrong == []


def test_pure_packages_read_no_clock_and_open_no_file() -> None:
    wrong = [
        f"{module.name}:{node.lineno}: {ast.unparse(node.func)}"
        for _, module in pure()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_READS)
            or (isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS)
        )
    ]
    assert wrong == []
