"""The order of the packages: read top to bottom it is the life of an event, and imports only go upward."""

from __future__ import annotations

import ast

from tests.tidy.source import PACKAGE, Module, imports, ours

LAYERS = (
    ("errors", "ids", "clock", "filelock"),
    ("domain",),
    ("accumulate",),
    ("rules",),
    ("process",),
    ("recommend",),
    ("decide",),
    ("render",),
    ("given", "located", "workspace", "pipeline"),
    ("feedback",),
    ("state", "log", "outputs", "deliver", "lake", "sources", "serving"),
    ("trials",),
    ("versions",),
    ("measure", "privacy"),
    ("collect",),
    ("api", "console"),
    ("demo",),
    ("hosts",),
    ("backtest",),
    (
        "testing",
        "config",
        "cli_help",
        "cli_options",
        "cli_people",
        "cli_webhooks",
        "cli_dkim",
        "cli_definitions",
        "cli_explain",
        "cli_rehearse",
        "cli_broadcast",
        "cli_run",
        "cli_returns",
        "cli",
    ),
)
"""A package may import those of its own line and of lines above it. ARCHITECTURE.md has the same table."""

CONFIG_READERS = {
    "collect",
    "deliver",
    "console",
    "hosts",
    "backtest",
    "testing",
    "cli_people",
    "cli_broadcast",
    "cli_run",
    "cli_returns",
    "cli_definitions",
    "cli_explain",
    "cli_rehearse",
    "cli",
}
"""Servers and hosts are given the configuration, so they may name its type; no stage reads it."""

RANK = {name: rank for rank, line in enumerate(LAYERS) for name in line}


def edges() -> list[tuple[Module, int, str, str]]:
    """(module, line, package imported, what of it) for each import from another package of ours."""
    found = []
    for module in ours():
        for line, name in imports(module):
            root, _, rest = name.partition(".")
            package = rest.partition(".")[0]
            if root == "tidings" and package != module.package and package in RANK:
                found.append((module, line, package, rest))
    return found


def test_every_package_has_its_place() -> None:
    present = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert present - {"__init__", "workspaces"} - RANK.keys() == set()


def test_imports_only_go_upward() -> None:
    wrong = [
        f"{module.name}:{line}: {module.package} imports {rest}"
        for module, line, package, rest in edges()
        if RANK[package] > RANK[module.package] and not (package == "config" and module.package in CONFIG_READERS)
    ]
    assert wrong == []


def test_no_two_packages_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for module, _, package, _ in edges():
        graph.setdefault(module.package, set()).add(package)
    assert [cycle for start in sorted(graph) if (cycle := path_back(graph, start))] == []


def path_back(graph: dict[str, set[str]], start: str) -> list[str]:
    """A way from a package through others back to itself; empty when there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for following in sorted(graph.get(way[-1], ())):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def test_only_the_command_line_imports_inside_functions() -> None:
    wrong = [
        f"{module.name}:{node.lineno}"
        for module in ours()
        if not module.package.startswith("cli")
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert wrong == []
