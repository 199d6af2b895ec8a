"""Changes of definitions for people: progress while one is applied, what happened, and the history."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from tidings.clock import iso
from tidings.hosts.apply import Applied, Show
from tidings.versions.shelf import Entry

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
STATES = {
    "running": "[green]running[/green]",
    "replaced": "[dim]replaced[/dim]",
    "prepared": "[yellow]prepared[/yellow]",
    "given_up": "[dim]given up[/dim]",
}


@contextlib.contextmanager
def progress(screen: Console, *, silent: bool) -> Iterator[Show]:
    """A line that says what goes on and how far it is; gives the function that moves it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen, transient=True, disable=silent) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, done: float, total: float) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield show


def applied(screen: Console, done: Applied | None, version: str) -> None:
    """What happened."""
    if done is None:
        screen.print(f"[green]nothing to do[/green]: version {version} runs")
        return
    screen.print(f"[green]applied[/green] version {done.version} instead of {done.parent}")
    rate = done.folded / done.fold_s if done.fold_s else 0
    if done.folded:
        screen.print(f"  backfilled {done.folded:,} events in {done.fold_s:,.1f} s ({rate:,.0f}/s)")
    screen.print(f"  prepared at offset {done.prepared_offset:,}, switched at offset {done.switch_offset:,} of the log")
    for one in done.segments:
        screen.print(f"  segment {one.segment}: {one.entered:,} entered, {one.left:,} left", markup=False)
    screen.print("  [dim]tidings undo goes back[/dim]")


def history(screen: Console, entries: Sequence[Entry]) -> None:
    """All changes, the latest first."""
    if not entries:
        screen.print("nothing runs here yet; `tidings serve` takes the files of the workspace as the first version")
    for one in reversed(entries):
        screen.print(f"{one.version}  {iso(one.at_us)}  {STATES.get(one.state, one.state)}  {one.who}")
        screen.print(f"              {one.why}", markup=False)


def difference(screen: Console, changed: Sequence[tuple[str, str, str]]) -> None:
    """Files that differ, each with its diff."""
    for path, how, text in changed:
        screen.print(Text(f"{how} {path}", style="bold"))
        diff(screen, text)


def diff(screen: Console, text: str) -> None:
    """A unified diff."""
    for line in text.splitlines():
        screen.print(Text(f"  {line}", style=_COLOURS.get(line[:1], "")))
