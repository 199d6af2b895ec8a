"""Checks for `tidings validate` and `tidings doctor`: what would surprise somebody later, said now."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tidings import given, workspace
from tidings.clock import SystemClock, iso
from tidings.config import Config
from tidings.deliver.ledger import Ledger
from tidings.deliver.smtp_relay import DIRECT
from tidings.domain import mention
from tidings.domain.names import known, nearest
from tidings.errors import DefinitionError, TidingsError
from tidings.hosts.check_returns import returns
from tidings.hosts.finding import Finding
from tidings.hosts.mistyped import look
from tidings.hosts.webhooks import webhooks
from tidings.located import DefinitionFiles, located, placed
from tidings.log.sqlite import SqliteLog
from tidings.process.steps.send import Send
from tidings.process.steps.wait import WaitDay
from tidings.render import lint
from tidings.render.template import compile_template
from tidings.sources.mapping import load_map
from tidings.versions.drift import drift
from tidings.versions.shelf import Versions
from tidings.workspace import Definitions

LOW_DISK_BYTES = 2 << 30
"""Free space below which the doctor warns."""


ALIKE = 0.85
"""How much a name must look like another one to be taken for a slip (0 to 1)."""


def check_workspace(folder: Path, definitions: Definitions) -> list[str]:
    """Notes on a workspace that loads: templates that are weak, scores without bands. Raises DefinitionError, also for templates that are missing."""
    files = DefinitionFiles(folder)
    _check_templates(files, definitions)
    _check_dates(files, definitions)
    notes = [*_alike(files, definitions), *_cuts(files, definitions)]
    for path in sorted((folder / "templates").glob("*.mjml")):
        template = compile_template(path.stem, path.read_text("utf-8"))
        notes += [f"templates/{path.name}: {finding}" for finding in lint.findings(template)]
    for path in sorted((folder / "sources").glob("*.yml")):
        load_map(path)
    return notes


def _check_templates(files: DefinitionFiles, definitions: Definitions) -> None:
    """Refuse a step that sends a template which is not there: it could never send."""
    present = sorted(path.stem for path in (files.folder / "templates").glob("*.mjml"))
    with located(files.texts):
        for where in files.journeys():
            for index, step in enumerate(definitions.journeys[files.data(where)["journey"]].steps.values()):
                if isinstance(step, Send):
                    known(
                        step.template,
                        present,
                        "template",
                        f"{where}: steps[{index}].send.template",
                        "put it into templates/",
                    )
        for where in files.broadcasts():
            known(files.data(where)["template"], present, "template", f"{where}: template", "put it into templates/")


def _check_dates(files: DefinitionFiles, definitions: Definitions) -> None:
    """Refuse a step that waits for what is past."""
    now_us = SystemClock().now_us()
    with located(files.texts):
        for where in files.journeys():
            for index, step in enumerate(definitions.journeys[files.data(where)["journey"]].steps.values()):
                if isinstance(step, WaitDay) and step.at_us < now_us:
                    path = f"{where}: steps[{index}].wait.until_date"
                    raise DefinitionError(
                        path, "the wait is past", got=iso(step.at_us), do="take a later date, or leave it out"
                    )


def _alike(files: DefinitionFiles, definitions: Definitions) -> Iterator[str]:
    """Traits that are not computed, nor listed as given, and look like one that is computed."""
    computed = [name for name, _ in definitions.layout.traits()]
    if given.parse(files.mapping(given.FILE)).traits is not None:
        return  # then a wrong name was refused
    for one in workspace.mentions(files):
        near = nearest(one.name, computed, ALIKE) if one.kind == mention.TRAIT and one.name not in computed else ""
        if near:
            where = placed(one.where, files.texts)
            yield f"{where}: trait {one.name} is not computed, so it must come from outside; did you mean {near}?"


def _cuts(files: DefinitionFiles, definitions: Definitions) -> Iterator[str]:
    """Scores without cut points, in whose bands is nobody, and cut points of no score."""
    scores = definitions.layout.scores
    for name, score in scores.items():
        if not all(one.cuts for one in score.dimensions.values()):
            where = placed(f"scores.yml: {name}", {"scores.yml": files.text("scores.yml")})
            yield f"{where}: no cut points yet, so nobody is in a band; make them: tidings cuts {name}"
    for path in sorted((files.folder / "cuts").glob("*.yml")):
        if path.stem not in scores:
            near = nearest(path.stem, scores)
            yield f"cuts/{path.name}: there is no such score" + (f"; did you mean {near}?" if near else "")


def check_installation(config: Config) -> Iterator[Finding]:
    """Everything the doctor looks at, one after the other."""
    yield from _workspace(config)
    yield from _definitions(config)
    yield from _disk(config)
    yield from _databases(config)
    yield from _accounting(config)
    yield from webhooks(config)
    yield from returns(config)
    yield from _types(config)
    yield _listens("collector", config.collect.host, config.collect.port)
    yield _listens("console", config.console.host, config.console.port)
    if config.mail.smtp_host != DIRECT:
        yield _listens("mail server", config.mail.smtp_host, config.mail.smtp_port)
    if config.returns.enabled:
        yield _listens("returned mail", config.returns.host, config.returns.port)
    if config.collect.host not in ("127.0.0.1", "::1", "localhost"):
        yield Finding("note", f"collector listens on {config.collect.host}: put TLS in front of it (a reverse proxy)")
    if not config.collect.write_keys:
        yield Finding("wrong", "no write key in [collect] write_keys: no source can send; add one")


def _workspace(config: Config) -> Iterator[Finding]:
    try:
        definitions = workspace.load(config.workspace)
        notes = check_workspace(config.workspace, definitions)
    except TidingsError as error:
        yield Finding("wrong", f"workspace: {error}")
        return
    yield Finding(
        "ok",
        f"workspace {config.workspace}: {len(definitions.journeys)} journeys, {len(definitions.segments.by_name)} segments",
    )
    for note in notes:
        yield Finding("note", note)


def _definitions(config: Config) -> Iterator[Finding]:
    """Every version that ever ran is there, as a replay needs it, and how the folder differs from the one that runs."""
    versions, whole = Versions(config.data), True
    for version in dict.fromkeys(one.version for one in versions.history() if one.state in ("running", "replaced")):
        try:
            versions.whole(version)
        except TidingsError as error:
            whole = False
            yield Finding("wrong", f"definitions: {error}")
    if whole and config.workspace.is_dir() and (found := drift(config.data, config.workspace)).running:
        words = found.words()
        yield Finding(
            "note" if words else "ok", words or f"definitions: version {found.running} runs, as in the folder"
        )


def _disk(config: Config) -> Iterator[Finding]:
    if not config.data.is_dir():
        yield Finding("note", f"data directory {config.data}: not there yet; `tidings serve` makes it")
        return
    free = shutil.disk_usage(config.data).free
    size = sum(path.stat().st_size for path in config.data.rglob("*") if path.is_file())
    level = "ok" if free > LOW_DISK_BYTES else "wrong"
    yield Finding(
        level, f"data directory {config.data}: {size / 1e6:,.0f} MB used, {free / 1e9:,.1f} GB free on its disk"
    )
    mode = (config.data / "secrets").stat().st_mode & 0o777 if (config.data / "secrets").exists() else 0o700
    if mode & 0o077:
        yield Finding(
            "wrong", f"secrets are readable by others (mode {mode:o}); run chmod 700 {config.data / 'secrets'}"
        )


def _databases(config: Config) -> Iterator[Finding]:
    for name in ("log.db", "outputs.db", "ledger.db", "calls.db", "serving.db"):
        path = config.data / name
        if not path.exists():
            continue
        try:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            verdict = str(error)
        yield Finding("ok" if verdict == "ok" else "wrong", f"{name}: {verdict}")


def _accounting(config: Config) -> Iterator[Finding]:
    serving = config.data / "serving.db"
    if not serving.exists() or not (config.data / "log.db").exists():
        return
    log = SqliteLog(config.data / "log.db", SystemClock())
    with sqlite3.connect(f"file:{serving}?mode=ro", uri=True) as db:
        counts = db.execute(
            "SELECT coalesce(sum(applied),0), coalesce(sum(duplicate),0), coalesce(sum(rejected),0) FROM counts"
        )
        applied, duplicate, rejected = counts.fetchone()
        row = db.execute("SELECT upto_offset FROM cursor").fetchone()
    upto, head = (row[0] if row else 0), log.head()
    log.close()
    holds = applied + duplicate + rejected == upto
    words = f"received {head:,} = applied {applied:,} + duplicate {duplicate:,} + rejected {rejected:,} + waiting {head - upto:,}"
    yield Finding("ok" if holds else "wrong", f"events: {words}")
    ledger = Ledger(config.data / "ledger.db")
    states = ledger.counts()
    ledger.close()
    yield Finding(
        "ok", "messages: " + (", ".join(f"{count:,} {state}" for state, count in sorted(states.items())) or "none yet")
    )
    if states.get("in_doubt"):
        yield Finding(
            "note",
            f"{states['in_doubt']:,} messages in doubt: handed over, answer unknown; see Messages in the console",
        )


def _types(config: Config) -> Iterator[Finding]:
    """Properties of another type than the definitions that run ask for."""
    try:
        types = look(config)
    except TidingsError as error:
        yield Finding("note", f"properties were not looked at: {error}")
        return
    if types.looked and not types.found:
        yield Finding("ok", f"properties: {types.looked:,} that definitions ask for have the right type {types.when}")
    for one in types.found:
        yield Finding("note", one.words())
    if types.cut:
        yield Finding("note", f"{types.cut:,} more properties that definitions ask for were not looked at")


def _listens(what: str, host: str, port: int) -> Finding:
    try:
        with socket.create_connection((host, port), timeout=2):
            return Finding("ok", f"{what}: answers on {host}:{port}")
    except OSError as error:
        return Finding("note", f"{what}: nothing answers on {host}:{port} ({error.strerror or error}); is it running?")
