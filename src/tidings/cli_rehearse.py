"""The commands that try journeys before they run: on history, and on made-up people."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from tidings import config
from tidings.cli_options import config_option

if TYPE_CHECKING:
    from tidings.backtest.result import BacktestResult

SCREEN = Console(highlight=False, soft_wrap=True)
ERRORS = Console(stderr=True, highlight=False)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("journey", nargs=-1, required=True)
@click.option(
    "--from", "from_", default="", help="Runs begin from this instant on; what was before fills memories only."
)
@click.option("--to", default="", help="The clock stops at this instant; the end of the history if not given.")
@click.option(
    "--workspace",
    "folder",
    type=click.Path(path_type=Path),
    help="Definitions around the journey; the workspace that its file lies in, else the configured one, if not given.",
)
@config_option("Configuration file of the Tidings whose history is used, unless --data names another.")
@click.option("--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file of history instead.")
@click.option("--map", "map_path", type=click.Path(exists=True, path_type=Path), help="How its lines become events.")
@click.option(
    "--items", type=FILE, help="What was known of items and when, as `tidings items` takes it; else the log says."
)
@click.option("--against", default="", metavar="live|JOURNEY", help="Compare with what runs, or with another draft.")
@click.option("--all-journeys", is_flag=True, help="Let the workspace's other journeys run too, as caps count them.")
@click.option(
    "--assume-consent", multiple=True, metavar="CATEGORY", help="Treat everybody who never said no as consenting."
)
@click.option("--assume-address", is_flag=True, help="Treat everybody as having an e-mail address.")
@click.option(
    "--bought", multiple=True, default=["Order Completed"], show_default=True, help="Events that are a purchase."
)
@click.option("--within", default="48h", show_default=True, help="How long after a message a purchase counts.")
@click.option("--revenue", default="revenue", show_default=True, help="The property that has a purchase's worth.")
@click.option(
    "--quick",
    is_flag=True,
    help="Keep only the segments that the journey names; what came late may then be judged otherwise.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    help="Processes that share the work; results are the same. 0: as many as there are cores, fewer for a short history.",
)
@click.option("--html", type=FILE, help="Write a report with pictures into this file.")
@click.option("--json", "json_path", type=FILE, help="Write everything as JSON into this file; - for the screen.")
@click.option(
    "--resume", type=FILE, help="Keep progress in this file when interrupted, and go on from it the next time."
)
def backtest(
    journey: tuple[str, ...],
    from_: str,
    to: str,
    folder: Path | None,
    path: Path,
    data: Path | None,
    map_path: Path | None,
    items: Path | None,
    against: str,
    all_journeys: bool,
    assume_consent: tuple[str, ...],
    assume_address: bool,
    bought: tuple[str, ...],
    within: str,
    revenue: str,
    quick: bool,
    workers: int,
    html: Path | None,
    json_path: Path | None,
    resume: Path | None,
) -> None:
    """Rehearse JOURNEY (a file, or a journey's name) on history: who would have entered, what they would have got.

    The production code decides, under a virtual clock; nothing is sent. Ctrl-C ends it with a report of the time until then.
    """
    from tidings.backtest.prepare import Typed, prepared  # noqa: PLC0415 - only this command needs it

    typed = Typed(
        journeys=journey,
        workspace=folder,
        data=data,
        map=map_path,
        items=items,
        from_=from_,
        to=to,
        against=against,
        all_journeys=all_journeys,
        assume_consent=assume_consent,
        assume_address=assume_address,
        bought=bought,
        within=within,
        revenue=revenue,
        quick=quick,
        keep=resume,
        workers=workers,
    )
    with _progress() as (say, move), _interruption() as interrupted:
        say("reading the history")
        with prepared(typed, config.load(path) if path.exists() or data is None else None) as rehearsal:
            say("rehearsing")
            result = rehearsal.run(move, interrupted)
    _tell(result, html, json_path)
    if not result.complete:
        if resume is not None:
            ERRORS.print(f"interrupted; the same command goes on from {resume}")
        sys.exit(130)


def _tell(result: BacktestResult, html: Path | None, json_path: Path | None) -> None:
    """Into the files that were asked for, and on the screen."""
    from tidings.backtest import report, show  # noqa: PLC0415 - only this command needs it

    on_screen = json_path is not None and str(json_path) == "-"
    if html is not None:
        report.write(result, html)
    if json_path is not None:
        text = msgspec.json.format(msgspec.json.encode(result)).decode() + "\n"
        click.echo(text, nl=False) if on_screen else json_path.write_text(text, "utf-8")
    if not on_screen:
        show.show(SCREEN, result)
        for written in filter(None, (html, json_path)):
            SCREEN.print(f"[green]written[/green] {written}")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("workspace"))
@click.option("-k", "only", default="", metavar="NAME", help="Only tests that have NAME in their name or file.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def test(folder: Path, only: str, as_json: bool) -> None:
    """Run the tests of the workspace in FOLDER: its journeys under a virtual clock. Ends with 1 when one fails.

    Tests are files in its folder tests/: what people do, how time passes, and what is expected then.
    """
    from tidings.testing import trials  # noqa: PLC0415 - only this command needs it

    results = []
    for result in trials.run(folder, only):
        results.append(result)
        if not as_json:
            _say(result.name, result.failure)
    failed = sum(1 for one in results if one.failure)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(results)).decode())
    else:
        took_s = sum(one.took_s for one in results)
        verdict = f"[red]{failed} failed[/red], " if failed else ""
        SCREEN.print(f"{verdict}[green]{len(results) - failed} passed[/green]  [dim]{took_s:.1f} s[/dim]")
    sys.exit(int(bool(failed)))


def _say(name: str, failure: str) -> None:
    mark, style = ("✗", "red") if failure else ("✓", "green")
    SCREEN.print(Text.assemble((f"{mark} ", style), name))
    if failure:
        SCREEN.print(Text(f"    {failure}", style="red"))


@contextmanager
def _progress() -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """A bar over the events; gives what names the work, and what moves it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERRORS, transient=True) as bar:
        task = bar.add_task("", total=None)

        def say(what: str) -> None:
            bar.update(task, description=what)

        def move(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield say, move


@contextmanager
def _interruption() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C is only noted; the second one ends the program as ever."""
    noted: list[int] = []
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: object) -> None:  # noqa: ARG001 - as signals call it
        noted.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(noted)
    finally:
        signal.signal(signal.SIGINT, before)
