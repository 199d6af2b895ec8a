"""Small files, small functions, honest names, no error swallowed whole: what keeps the code easy to live in."""

from __future__ import annotations

import ast
import re

import pytest

from tests.tidy.source import Module, modules, ours

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
"""Without the docstring."""
MAX_MEDIAN_LINES = 10

BANNED_WORDS = {"manager", "service", "helper", "helpers", "util", "utils", "impl", "handler", "handlers"}
"""Words that say nothing about what a thing is."""
DANGEROUS_IMPORTS = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
DANGEROUS_CALLS = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system"}
BROAD = {"Exception", "BaseException"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: Module) -> list[Function]:
    return [node for node in ast.walk(module.tree) if isinstance(node, Function)]


def length(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    docstring = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    documented = docstring.end_lineno - docstring.lineno + 1 if docstring and docstring.end_lineno else 0
    return (function.end_lineno or 0) - function.lineno + 1 - documented


def everything() -> tuple[Module, ...]:
    return modules("src", "tests", "benchmarks", "tools")


def test_files_are_short() -> None:
    assert [(m.name, len(m.lines)) for m in ours() if len(m.lines) > MAX_FILE_LINES] == []


def test_functions_are_short() -> None:
    measured = [
        (length(function), f"{m.name}:{function.lineno} {function.name}") for m in ours() for function in functions(m)
    ]
    assert [one for one in measured if one[0] > MAX_FUNCTION_LINES] == []
    assert sorted(measured)[len(measured) // 2][0] <= MAX_MEDIAN_LINES


def test_every_module_says_what_it_is() -> None:
    assert [m.name for m in ours() if not ast.get_docstring(m.tree)] == []


def words(name: str) -> set[str]:
    """``WakeHandler`` and ``wake_handler`` are both wake, handler."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def named(module: Module) -> list[tuple[int, str]]:
    """(line, name) of the module, its classes, functions, arguments, fields and module-level names."""
    found = [(1, module.path.stem)]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef | Function):
            found.append((node.lineno, node.name))
            found += [(one.lineno, one.target.id) for one in node.body if is_field(one)]  # type: ignore[attr-defined]
        elif isinstance(node, ast.arg):
            found.append((node.lineno, node.arg))
    found += [
        (one.lineno, target.id)
        for one in module.tree.body
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    ]
    return found


def is_field(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def test_names_say_what_a_thing_is() -> None:
    wrong = [f"{m.name}:{line}: {name}" for m in ours() for line, name in named(m) if words(name) & BANNED_WORDS]
    assert wrong == []


def is_broad(node: ast.ExceptHandler) -> bool:
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(one is None or (isinstance(one, ast.Name) and one.id in BROAD) for one in caught)


def is_raised_again(node: ast.ExceptHandler) -> bool:
    return isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None


def test_broad_excepts_give_their_reason() -> None:
    reason = re.compile(r"# noqa: BLE001 - \w+")
    wrong = [
        f"{m.name}:{node.lineno}"
        for m in ours()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.ExceptHandler)
        and is_broad(node)
        and not (is_raised_again(node) or reason.search(m.lines[node.lineno - 1]))
    ]
    assert wrong == []


def test_nothing_runs_text_as_code() -> None:
    """But for one place, which runs lines of its own only; tests/property/test_compiled_rules.py keeps it to that."""
    wrong = []
    for m in everything():
        for node in ast.walk(m.tree):
            own_lines_only = m.name == "src/tidings/rules/compile.py"
            if isinstance(node, ast.Call) and ast.unparse(node.func) in DANGEROUS_CALLS and not own_lines_only:
                wrong.append(f"{m.name}:{node.lineno}: {ast.unparse(node.func)}")
            if isinstance(node, ast.Import | ast.ImportFrom):
                roots = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module or ""}
                wrong += [f"{m.name}:{node.lineno}: {root}" for root in roots & DANGEROUS_IMPORTS]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("def f():\n    " + "x = 1\n    " * 61, True),
        ("def f():\n    '''" + "doc\n    " * 61 + "'''\n    return 1", False),
    ],
)
def test_docstrings_do_not_count(text: str, broken: bool) -> None:
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert (length(function) > MAX_FUNCTION_LINES) is broken


def test_words_of_names_are_found_in_any_spelling() -> None:
    assert words("HTTPWakeHandler") == words("http_wake_handler") == {"http", "wake", "handler"}
