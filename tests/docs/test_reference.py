"""Promises of the reference: every command, option, setting, kind, comparison, reason and fact is on its page."""

from __future__ import annotations

import ast
import inspect
import re
from types import ModuleType
from typing import Any

import click
import msgspec
import pytest

from benchmarks.__main__ import ALL as BENCHMARKS
from tests.docs.pages import ROOT, says, text
from tests.tidy.source import PACKAGE
from tidings import accumulate, process, rules, workspace
from tidings.accumulate import kinds as traits
from tidings.backtest import result as backtest
from tidings.cli import main
from tidings.collect import connection, door, http, ingest, internal, limits, server
from tidings.collect import feedback as mail_feedback
from tidings.collect import webhooks as incoming
from tidings.config import Config
from tidings.decide import arbitration, caps, eligibility, policy, quiet
from tidings.decide.reasons import REASONS
from tidings.deliver import compose
from tidings.domain import compare, event, feedback, wire
from tidings.domain.message import DeliveryState
from tidings.domain.output import FactKind
from tidings.feedback import reasons as returned_reasons
from tidings.feedback.webhooks import kinds as providers
from tidings.hosts.scaffold import TEMPLATES
from tidings.process import journey_parse, webhooks
from tidings.process.entries import kinds as entries
from tidings.process.steps import kinds as steps
from tidings.render import mail, template
from tidings.rules import parse as conditions
from tidings.trials import expect
from tidings.trials import parse as acts

CLI = "docs/reference/cli.md"
CONFIGURATION = "docs/reference/configuration.md"
DEFINITIONS = "docs/reference/definitions.md"
EVENTS = "docs/reference/events.md"
HTTP = "docs/reference/http-api.md"
TEMPLATE = "docs/how-to/change-a-template.md"
WHY = "docs/how-to/find-out-why.md"


def missing(page: str, words: Any) -> list[str]:
    return sorted({word for word in words if not says(page, word)})


def public_values(owner: Any) -> list[Any]:
    """Values of the constants (NAMES IN CAPITALS) of a module or class."""
    return [value for name, value in vars(owner).items() if name.isupper() and not name.startswith("_")]


# The command line


def section(command: str) -> str:
    """The part of cli.md about one command."""
    parts = text(CLI).split("\n## ")
    return next((part for part in parts if part.startswith(f"`tidings {command}")), "")


def params(command: click.Command) -> list[click.Parameter]:
    """Options and arguments of a command, and of those that it groups."""
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    return [*command.params, *(one for each in inner for one in each.params)]


@pytest.mark.parametrize("command", [name for name, one in main.commands.items() if not one.hidden])
def test_every_command_and_option_is_documented(command: str) -> None:
    assert section(command), f"no section `tidings {command}` in {CLI}"
    options = [name for one in params(main.commands[command]) if isinstance(one, click.Option) for name in one.opts]
    assert [name for name in options if name not in section(command)] == []
    arguments = [one.name for one in params(main.commands[command]) if isinstance(one, click.Argument)]
    assert [name for name in arguments if (name or "").upper() not in section(command)] == []


def test_documented_options_exist() -> None:
    for name, command in main.commands.items():
        known = {opt for one in params(command) for opt in one.opts} | {"--help"}
        named = set(re.findall(r"`(--[a-z-]+)", section(name))) if not command.hidden else set()
        assert named - known == set(), name


def test_options_of_every_command_are_documented() -> None:
    assert missing(CLI, [name for one in main.params for name in one.opts]) == []


# Configuration


def settings() -> list[tuple[str, str, Any]]:
    """(table, setting, default); the table is empty at the top."""
    found = []
    default = Config()
    for field in msgspec.structs.fields(Config):
        value = getattr(default, field.name)
        if isinstance(value, msgspec.Struct):
            found += [(field.name, inner, getattr(value, inner)) for inner in value.__struct_fields__]
        else:
            found.append(("", field.name, value))
    return found


def _toml(value: Any) -> str:
    """As it stands in a configuration file."""
    if isinstance(value, bool):
        return str(value).lower()
    return "{}" if value == {} else str(value) if isinstance(value, int | float) else f'"{value}"'


@pytest.mark.parametrize(("table", "setting", "default"), settings(), ids=lambda one: str(one)[:30])
def test_every_setting_is_documented_with_its_default(table: str, setting: str, default: Any) -> None:
    heading = f"\n## `[{table}]`" if table else "\n## At the top"
    part = text(CONFIGURATION).split(heading, 1)[1].split("\n## ", 1)[0]
    assert f"| `{setting}` | `{_toml(default)}` |" in part


# Definitions


@pytest.mark.parametrize(
    "words",
    [traits.KINDS, conditions.KINDS, steps.KINDS, entries.KINDS, compare.OPERATORS, acts.KINDS, expect.KINDS],
    ids=["traits", "conditions", "steps", "entries", "comparisons", "acts", "expectations"],
)
def test_every_kind_is_documented(words: Any) -> None:
    assert missing(DEFINITIONS, words) == []


def allowed_settings(module: ModuleType) -> set[str]:
    """Settings that a parser takes: the sets that it checks unknown ones against."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Set):
            found |= {one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


def parsers() -> list[str]:
    files = [
        *(PACKAGE / "accumulate").glob("*.py"),
        *(PACKAGE / "rules").glob("*.py"),
        *(PACKAGE / "process/steps").glob("*.py"),
        *(PACKAGE / "process/entries").glob("*.py"),
    ]
    return sorted(
        f"{path.parent.relative_to(PACKAGE.parent)}/{path.stem}".replace("/", ".")
        for path in files
        if path.stem != "__init__"
    )


MODULES = (journey_parse, policy, caps, quiet, arbitration, webhooks)
"""What parses definitions beside the kinds."""


@pytest.mark.parametrize("name", [*parsers(), *(one.__name__ for one in MODULES)])
def test_every_setting_of_a_definition_is_documented(name: str) -> None:
    module = __import__(name, fromlist=["_"])
    assert missing(DEFINITIONS, allowed_settings(module)) == []


def test_the_settings_of_definitions_are_really_found() -> None:
    assert {"event", "where", "property"} <= allowed_settings(__import__("tidings.accumulate.sum", fromlist=["_"]))
    assert {"entry", "reentry", "exit_on"} <= allowed_settings(journey_parse)
    assert len(parsers()) > 20
    assert all(package.__doc__ for package in (accumulate, rules, process))


def test_everything_a_template_may_use_is_documented() -> None:
    assert missing(TEMPLATE, template.Front.__struct_fields__) == []
    assert missing(TEMPLATE, template.RESERVED - {"forloop", "tablerowloop"}) == []


# Events and HTTP


def reasons(module: ModuleType) -> set[str]:
    """Words of ``Rejected(reason="…")`` in a module."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    keywords = [keyword for call in calls if getattr(call.func, "id", "") == "Rejected" for keyword in call.keywords]
    return {one.value.value for one in keywords if one.arg == "reason" and isinstance(one.value, ast.Constant)}


def test_every_reason_of_a_rejection_is_documented() -> None:
    assert len(reasons(wire)) > 5
    assert missing(EVENTS, reasons(wire)) == []


def test_every_call_fact_and_event_of_ours_is_documented() -> None:
    assert missing(EVENTS, event.KINDS) == []
    assert missing(EVENTS, public_values(FactKind)) == []
    assert missing(EVENTS, public_values(feedback)) == []


def test_every_field_of_the_wire_is_documented() -> None:
    assert missing(EVENTS, wire._Wire.__struct_fields__) == []


@pytest.mark.parametrize(
    ("number", "page"),
    [
        (f"{wire.MAX_EVENT_BYTES:,} bytes", EVENTS),
        (f"{wire.MAX_DEPTH} levels", EVENTS),
        (f"{wire.MAX_ID_CHARS} characters", EVENTS),
        (f"{wire.MAX_NAME_CHARS} characters", EVENTS),
        (f"{limits.MAX_BATCH_BYTES:,} bytes", EVENTS),
        (f"{limits.MAX_BATCH_BYTES // 1024} kB", HTTP),
        (f"{limits.MAX_BODY_BYTES // 1024**2} MB", HTTP),
        (f"{limits.MAX_HEAD_BYTES // 1024} kB", HTTP),
        (f"{limits.MAX_HEADERS} lines", HTTP),
        (f"{limits.MAX_PIPELINED} unanswered requests", HTTP),
        (f"{limits.MAX_INTERNAL_BYTES // 1024**2} MB", HTTP),
    ],
)
def test_limits_are_documented_as_they_are(number: str, page: str) -> None:
    assert number in text(page)


def test_every_path_is_documented() -> None:
    paths = [
        *ingest.PATHS,
        ingest.PIXEL_PATH + b".gif",
        internal.PATH,
        b"/health",
        b"/tidings.js",
        b"/sourceConfig/",
        b"/v1/projects/",
    ]
    assert [path for path in paths if path.decode() not in text(HTTP)] == []
    assert [prefix for prefix in mail_feedback.PREFIXES if f"{prefix.decode()}TOKEN" not in text(HTTP)] == []


def codes(*modules: ModuleType) -> set[str]:
    """Words of ``problem(status, "word", …)``."""
    found: set[str] = set()
    for module in modules:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "problem" and len(node.args) > 1:
                found |= {node.args[1].value} if isinstance(node.args[1], ast.Constant) else set()
    return found


def test_every_error_code_is_documented() -> None:
    found = codes(connection, door, http, incoming, ingest, internal, mail_feedback, server)
    assert len(found) > 8
    assert missing(HTTP, found) == []


def test_every_kind_and_reason_of_a_bounce_is_documented() -> None:
    page = "docs/reference/bounces.md"
    assert missing(page, returned_reasons.KINDS) == []
    for word, row in returned_reasons.REASONS.items():
        assert f"| `{word}` | {row.kind} | {row.means} |{' slows down |' if row.throttle else ' |'}" in text(page)


def test_every_provider_and_its_answers_are_documented() -> None:
    page = "docs/how-to/take-bounces-and-complaints.md"
    assert missing(page, providers.KINDS) == []
    assert missing(HTTP, [*providers.KINDS, *incoming.Answer.__struct_fields__]) == []
    words = {
        node.args[0].value
        for name in ("base", *providers.KINDS)
        for node in ast.walk(ast.parse((PACKAGE / f"feedback/webhooks/{name}.py").read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Unproven"
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(words) > 3
    assert missing(HTTP, words) == []


# Messages


def test_every_state_and_reason_of_a_message_is_documented() -> None:
    states = set(public_values(DeliveryState))
    assert missing("docs/explanation/exactly-once.md", states) == []
    assert missing(WHY, states - {DeliveryState.ATTEMPTING}) == []
    source = inspect.getsource(eligibility)
    refusals = {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Permission"
        and isinstance(node.args[0], ast.Constant)
    } - {""}
    assert len(refusals) == 3
    assert missing(WHY, refusals) == []
    assert missing(WHY, REASONS) == []


def test_reasons_that_a_mail_cannot_be_made_are_documented() -> None:
    words = {
        word
        for word in ("no_template", "bad_address", "render_failed")
        if word in inspect.getsource(mail) + inspect.getsource(compose)
    }
    assert len(words) == 3
    assert missing(WHY, words) == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_segment_and_journey_of_a_template_is_on_its_page(template: str) -> None:
    definitions = workspace.load(PACKAGE / "workspaces" / template)
    assert missing("docs/how-to/start-from-a-template.md", [template, *definitions.segments.by_name]) == []
    assert missing("docs/how-to/start-from-a-template.md", definitions.journeys) == []
    assert {path.name for path in (PACKAGE / "workspaces").iterdir() if path.is_dir()} - {"__pycache__"} == set(
        TEMPLATES
    )


def test_every_benchmark_is_documented() -> None:
    assert missing("docs/reference/benchmarks.md", BENCHMARKS) == []


def test_the_licence_is_the_whole_text() -> None:
    licence = text("LICENSE")
    assert licence.strip().startswith("Apache License\n                           Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in licence
    assert len((ROOT / "LICENSE").read_bytes()) == 11_358


# Tests of journeys, and what a backtest finds


def names_of(one: Any) -> set[str]:
    """Names of settings anywhere in a JSON Schema."""
    parts = one.values() if isinstance(one, dict) else one if isinstance(one, list | tuple) else ()
    own = set(one["properties"]) if isinstance(one, dict) and {"type", "properties"} <= one.keys() else set()
    return own.union(*(names_of(part) for part in parts))


def test_every_setting_of_a_test_is_documented() -> None:
    part = text(DEFINITIONS).split("## Tests: ", 1)[1]
    assert [
        name
        for name in names_of(acts.schema_of_file())
        if not re.search(rf"`[^`]*\b{name}\b|^.*\b{name}:", part, re.MULTILINE)
    ] == []


def test_every_field_of_a_backtest_is_documented() -> None:
    shapes = [one for one in vars(backtest).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    fields = {field.encode_name for one in shapes for field in msgspec.structs.fields(one)}
    assert missing("docs/reference/backtest.md", fields) == []
