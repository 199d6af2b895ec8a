"""The command line. Each command is thin: it reads its arguments, calls one function, and shows what came out."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tidings import __version__, config, workspace
from tidings.cli_broadcast import broadcast, items
from tidings.cli_definitions import cuts, rule, schema, send_times
from tidings.cli_dkim import dkim
from tidings.cli_explain import dry_run, shadow, why, why_not
from tidings.cli_help import Sections
from tidings.cli_options import config_option
from tidings.cli_people import person, segment
from tidings.cli_rehearse import backtest, test
from tidings.cli_returns import bounces, clear_address
from tidings.cli_run import start_run
from tidings.cli_webhooks import webhook_secret
from tidings.clock import iso
from tidings.config import Config
from tidings.errors import TidingsError, WorldMovedError
from tidings.hosts.scaffold import TEMPLATES, scaffold
from tidings.process import journey as journeys

SCREEN = Console(highlight=False, soft_wrap=True)
ERRORS = Console(stderr=True, highlight=False)

CONFIG = config_option("Configuration file (of a running demo: demo-data/data/run/config.toml).")
MAP = click.option(
    "--map",
    "map_path",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="How lines become events; see docs/how-to/import-a-file.md.",
)


FOLDER = click.argument("folder", type=click.Path(path_type=Path), required=False)
JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


class Commands(Sections):
    """Commands in the order of a newcomer's day; our own errors are shown as one clear line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order in which they were defined."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except TidingsError as error:
            ERRORS.print(f"[red]error:[/red] {escape(str(error))}", markup=True, soft_wrap=True)
            sys.exit(3 if isinstance(error, WorldMovedError) else 2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="tidings")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what happens inside.")
def main(verbose: bool) -> None:
    """Data-driven, real-time personalised e-mail, on your own machine.

    Events come in from web pages, SDKs and files; each person gets one profile, segments that are right to the
    second, journeys that wait and decide, and mails that can be explained.

    Start with `tidings demo`. For your own shop: `tidings init`, then `tidings serve`.
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(message)s",
        handlers=[RichHandler(console=ERRORS, show_path=False, show_level=verbose)],
    )


@main.command()
@click.option("--headless", is_flag=True, help="Let a program do the clicking, print each step, and end with 0 or 1.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("demo-data"),
    show_default=True,
    help="Where the demo keeps everything. Delete it to start afresh.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Load this whole Online Retail file instead of the three months that ship.",
)
@click.option("--wait", default="20s", show_default=True, help="How long a cart must be left alone (shipped: 5m).")
def demo(headless: bool, folder: Path, data: Path | None, wait: str) -> None:
    """A shop, its real history, an inbox and the console, on this machine.

    Loads three months of a real shop's sales, then prints three addresses: the demo shop, the inbox that shows
    every mail as it will look, and the console. Put two things in the cart, sign in with the box ticked, walk
    away: the mail comes when the cart's wait is over. Ctrl-C ends it; the next start goes on where it was.
    """
    from tidings.hosts import demo_show  # noqa: PLC0415 - only this command needs the demo

    if headless:
        from tidings.hosts.headless import run as run_headless  # noqa: PLC0415

        sys.exit(run_headless(SCREEN, history=data))
    demo_show.show(SCREEN, folder, wait=wait, history=data)


@main.command(
    epilog="\b\nTemplates:\n" + "\n".join(f"  {name:<10} {about}" for name, about in TEMPLATES.items()),
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path("tidings"))
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    default="retail",
    show_default=True,
    help="The workspace to start from.",
)
def init(folder: Path, template: str) -> None:
    """Make FOLDER with a configuration file and a workspace to start from: traits, segments, journeys, mails, policy."""
    made = scaffold(folder, template)
    SCREEN.print(f"[green]made[/green] {folder}:")
    for path, about in made:
        SCREEN.print(f"  {path}  [dim]{about}[/dim]")
    SCREEN.print(f"\nNext: [bold]tidings serve --config {folder}/tidings.toml[/bold]")


@main.command()
@CONFIG
def serve(path: Path) -> None:
    """Run Tidings: collector, processor, delivery, projector and console. Ctrl-C ends it."""
    from tidings.hosts.supervisor import ROLES, Supervisor  # noqa: PLC0415

    settings = config.load(path)
    _say_drift(settings)
    supervisor = Supervisor(settings, list(ROLES))
    supervisor.start(lambda name, facts: SCREEN.print(f"[green]ready[/green] {name} {_facts(facts)}"))
    SCREEN.print(f"\nSend events to  [bold]{settings.public_url}[/bold]")
    SCREEN.print(f"Console         [bold]http://{settings.console.host}:{settings.console.port}[/bold]\n")
    supervisor.run()


def _say_drift(settings: Config) -> None:
    """Say when the files are not what runs; what ran goes on. On a fresh data directory they must be right."""
    from tidings.hosts.check import check_workspace  # noqa: PLC0415
    from tidings.versions.drift import drift as drifting  # noqa: PLC0415
    from tidings.versions.shelf import Versions  # noqa: PLC0415

    if not Versions(settings.data).running():
        check_workspace(settings.workspace, workspace.load(settings.workspace))
    elif settings.workspace.is_dir() and (words := drifting(settings.data, settings.workspace).words()):
        SCREEN.print(f"[yellow]note[/yellow] {words}; what ran goes on. `tidings plan` shows what they would change")


def _facts(facts: dict[str, Any]) -> str:
    return " ".join(f"[dim]{name}={value}[/dim]" for name, value in facts.items() if name not in ("ready", "role"))


@main.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@MAP
@CONFIG
def import_(file: Path, map_path: Path, path: Path) -> None:
    """Load history from FILE into a running Tidings. It builds profiles and segments and starts no journey."""
    from tidings.hosts.demo_show import import_bar  # noqa: PLC0415
    from tidings.sources.importer import import_file  # noqa: PLC0415
    from tidings.sources.mapping import load_map  # noqa: PLC0415

    settings, row_map = config.load(path), load_map(map_path)
    with import_bar(SCREEN, file.name) as show:
        result = import_file(
            file,
            row_map,
            collector_url=settings.public_url,
            internal_key=(settings.data / "secrets" / "internal.key").read_text("ascii").strip(),
            source=row_map.name,
            state_path=settings.data / f"import-{row_map.name}-{file.name}.json",
            progress=show,
        )
    SCREEN.print(result.advice)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@MAP
@click.option(
    "--workspace", "folder", type=click.Path(path_type=Path), help="Definitions; the retail workspace if not given."
)
@click.option("--assume-address", is_flag=True, help="Pretend that every person had an e-mail address.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def replay(file: Path, map_path: Path, folder: Path | None, assume_address: bool, as_json: bool) -> None:
    """What would have happened: run FILE through the real core under a virtual clock, at full speed. Sends nothing."""
    from tidings.hosts import replay as replaying  # noqa: PLC0415
    from tidings.hosts.demo import RETAIL  # noqa: PLC0415
    from tidings.sources.mapping import load_map  # noqa: PLC0415

    definitions = workspace.load(folder or RETAIL)
    with _bar(quiet=as_json) as bar:
        task = bar.add_task("replaying", total=None)
        result = replaying.replay(
            file,
            load_map(map_path),
            definitions,
            assume_address=assume_address,
            progress=lambda done, total: bar.update(task, completed=min(done, total), total=total),
        )
    if as_json:
        shown = {name: getattr(result, name) for name in result.__struct_fields__ if name not in ("sends", "facts")}
        click.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())
        return
    _show_replay(result)


def _show_replay(result: Any) -> None:
    rate = result.lines / result.wall_s if result.wall_s else 0
    SCREEN.print(
        f"{result.lines:,} lines = {result.applied:,} applied + {result.duplicate:,} duplicate + {result.rejected:,} rejected"
        f"  [dim]({iso(result.first_us)} to {iso(result.last_us)}, {rate:,.0f} lines/s)[/dim]"
    )
    for title, counts in (("Rejected", result.reasons), ("Runs", result.ended), ("Messages decided", result.decided)):
        if counts:
            table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
            for word, count in counts.items():
                table.add_row(f"{count:,}", word)
            SCREEN.print(table)


def _bar(*, quiet: bool) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=ERRORS,
        disable=quiet,
        transient=True,
    )


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("workspace"))
def validate(folder: Path) -> None:
    """Check the workspace in FOLDER: traits, segments, journeys, broadcasts, policy, templates, source maps."""
    from tidings.hosts.check import check_workspace  # noqa: PLC0415

    definitions = workspace.load(folder)
    for name, reading in definitions.layout.traits():
        SCREEN.print(f"[green]trait[/green]    {name}: {reading.words()}")
    for found in definitions.segments.all():
        SCREEN.print(f"[green]segment[/green]  {found.name}: {found.rule.words()}")
    for one in definitions.journeys.values():
        SCREEN.print(f"[green]journey[/green]  {one.name} (version {one.version})")
        for line in journeys.words(one):
            SCREEN.print(f"           {line}")
    for one in definitions.broadcasts.values():
        SCREEN.print(f"[green]broadcast[/green] {one.name} (version {one.version}): {journeys.entry_words(one)}")
    findings = check_workspace(folder, definitions)
    for finding in findings:
        SCREEN.print(f"[yellow]note[/yellow]     {finding}")
    SCREEN.print("[green]valid[/green]")


@main.command()
@FOLDER
@CONFIG
@JSON
def plan(folder: Path | None, path: Path, as_json: bool) -> None:
    """What the definitions in FOLDER (the configured workspace if not given) would change, and for whom. Changes nothing."""
    from tidings.hosts import plan as planning  # noqa: PLC0415
    from tidings.hosts import plan_show  # noqa: PLC0415

    settings = config.load(path)
    made = planning.plan(settings, folder or settings.workspace)
    _json(made) if as_json else plan_show.plan(SCREEN, made)


@main.command()
@FOLDER
@CONFIG
@click.option("--why", required=True, help="Why it is changed; kept in the history.")
@click.option("--plan", "plan_", default="", help="Make exactly the change that this plan showed, or none.")
@click.option("--enter", is_flag=True, help="Let people who enter a segment by this change start its journeys.")
@JSON
def apply(folder: Path | None, path: Path, why: str, plan_: str, enter: bool, as_json: bool) -> None:
    """Make the definitions in FOLDER (the configured workspace if not given) those that run.

    What new ones need to remember is filled from history first; nobody is missed and nothing stops meanwhile. Interrupt it
    whenever you like and run it again. Ends with 3 when the plan is not of what runs and these files.
    """
    from tidings.hosts import apply as applying  # noqa: PLC0415

    settings = config.load(path)
    version = applying.keep(settings, folder or settings.workspace)
    _apply(settings, version, why, plan=plan_, enter=enter, as_json=as_json)


def _apply(settings: Config, version: str, why: str, *, plan: str = "", enter: bool = False, as_json: bool) -> None:
    from tidings.hosts import apply as applying  # noqa: PLC0415
    from tidings.hosts import change_show  # noqa: PLC0415
    from tidings.versions.shelf import login_name  # noqa: PLC0415

    ask = applying.Ask(version=version, who=login_name(), why=why, plan=plan, enter=enter)
    with change_show.progress(ERRORS, silent=as_json) as show:
        done = applying.Applying(settings, ask, show).run()
    if as_json:
        _json({"changed": done is not None, "version": version, "applied": done})
    else:
        change_show.applied(SCREEN, done, version)


@main.command()
@CONFIG
@click.option("--why", default="undone", show_default=True, help="Why; kept in the history.")
@JSON
def undo(path: Path, why: str, as_json: bool) -> None:
    """Go back to the definitions that ran before. A second time it goes forward again."""
    from tidings.hosts import apply as applying  # noqa: PLC0415

    settings = config.load(path)
    _apply(settings, applying.previous(settings), why, as_json=as_json)


@main.command()
@CONFIG
@click.argument("between", metavar="[FROM [TO]]", nargs=-1)
@click.option(
    "--diff", is_flag=True, help="Show how the files of two versions differ; the last change if none is named."
)
@JSON
def history(path: Path, between: tuple[str, ...], diff: bool, as_json: bool) -> None:
    """Every change of definitions: version, when, who, why. With --diff, how version FROM became TO (what runs, if not given)."""
    from tidings.hosts import change_show  # noqa: PLC0415
    from tidings.versions import files  # noqa: PLC0415
    from tidings.versions.shelf import Versions  # noqa: PLC0415

    versions = Versions(config.load(path).data)
    if between and not diff:
        raise click.UsageError("versions are named with --diff only: tidings history --diff FROM TO")
    if diff:
        changed = files.difference(*(files.read(versions.folder(one)) for one in versions.pair(between)))
        _json(changed) if as_json else change_show.difference(SCREEN, changed)
        return
    entries = versions.history()
    _json(entries) if as_json else change_show.history(SCREEN, entries)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@CONFIG
def export(folder: Path, path: Path) -> None:
    """Write the definitions that run into FOLDER, which must be new or empty."""
    from tidings.versions import files  # noqa: PLC0415
    from tidings.versions.shelf import Versions  # noqa: PLC0415

    versions = Versions(config.load(path).data)
    running = versions.running()
    files.export(files.read(versions.folder(running)), folder)
    SCREEN.print(f"[green]written[/green] version {running} to {folder}")


@main.command()
@FOLDER
@CONFIG
@JSON
def drift(folder: Path | None, path: Path, as_json: bool) -> None:
    """How the files in FOLDER (the configured workspace if not given) differ from what runs. Ends with 1 when they do."""
    from tidings.hosts import change_show  # noqa: PLC0415
    from tidings.versions import drift as drifting  # noqa: PLC0415

    settings = config.load(path)
    found = drifting.drift(settings.data, folder or settings.workspace)
    if as_json:
        _json(found)
    elif found.files:
        change_show.difference(SCREEN, found.files)
        SCREEN.print(found.words(), markup=False)
    else:
        SCREEN.print(f"[green]same[/green] version {found.running or 'of nothing'} runs")
    sys.exit(int(bool(found.files)))


def _json(shown: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())


@main.command()
@CONFIG
def doctor(path: Path) -> None:
    """Check the installation: files, disk, ports, roles, accounting. Ends with 1 when something is wrong."""
    from tidings.hosts.check import check_installation  # noqa: PLC0415

    worst = 0
    for finding in check_installation(config.load(path)):
        colour = {"ok": "green", "note": "yellow", "wrong": "red"}[finding.level]
        SCREEN.print(f"[{colour}]{finding.level:>5}[/{colour}]  {escape(finding.text)}", soft_wrap=True)
        worst = max(worst, finding.level == "wrong")
    sys.exit(int(worst))


@main.command(hidden=True)
@click.argument("name")
@click.option("--config", "path", type=click.Path(path_type=Path), required=True)
def role(name: str, path: Path) -> None:
    """Be one role; `tidings serve` starts these."""
    from tidings.hosts.supervisor import run_role  # noqa: PLC0415

    settings: Config = config.load(path)
    logging.getLogger().handlers = [logging.StreamHandler()]
    logging.getLogger().setLevel(settings.log_level.upper())
    run_role(name, settings)


for _command in (
    test,
    backtest,
    why,
    why_not,
    dry_run,
    shadow,
    segment,
    person,
    rule,
    cuts,
    send_times,
    schema,
    broadcast,
    items,
    webhook_secret,
    dkim,
    start_run,
    bounces,
    clear_address,
):
    main.add_command(_command)


if __name__ == "__main__":
    main()
