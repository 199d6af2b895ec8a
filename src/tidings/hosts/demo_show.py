"""The demo for people: progress while the history loads, then three addresses."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tidings.hosts import demo
from tidings.hosts.demo import DemoPlace
from tidings.hosts.supervisor import Supervisor
from tidings.sources.importer import ImportProgress


@contextlib.contextmanager
def import_bar(screen: Console, name: str) -> Iterator[Callable[[ImportProgress], None]]:
    """A progress bar over the bytes of a file; gives the function that moves it."""
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("[dim]{task.fields[lines]:,} lines, {task.fields[rate]:,.0f}/s[/dim]"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task(f"loading {name}", total=1, lines=0, rate=0.0)

        def show(progress: ImportProgress) -> None:
            bar.update(
                task,
                completed=progress.position_bytes,
                total=progress.size_bytes,
                lines=progress.lines,
                rate=progress.lines_per_s,
            )

        yield show


def show(screen: Console, folder: Path, *, wait: str, history: Path | None) -> None:
    """Run the demo until Ctrl-C."""
    screen.print("[bold]Tidings[/bold]  setting up …")
    place = demo.prepare(folder, wait=wait, history=history)
    supervisor = demo.start(place)
    try:
        _load(screen, place, supervisor)
    except KeyboardInterrupt:
        screen.print("stopped while loading; the next `tidings demo` goes on from there")
        supervisor.stop()
        return
    except BaseException:
        supervisor.stop()
        raise
    screen.print(Panel(_addresses(place, wait), title="Tidings is running", title_align="left", expand=False))
    supervisor.run()
    screen.print("ended cleanly; start again to go on where it was")


def _load(screen: Console, place: DemoPlace, supervisor: Supervisor) -> None:
    start_s = time.monotonic()
    with import_bar(screen, place.history.name) as show_progress:
        result = demo.load_history(place, show_progress)
    if not result.complete:
        raise KeyboardInterrupt
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task("building profiles and recommendations", total=None)
        demo.catch_up(place, supervisor, lambda done, all_: bar.update(task, completed=done, total=all_))
    screen.print(f"[dim]history ready after {time.monotonic() - start_s:.1f} s[/dim]")


def _addresses(place: DemoPlace, wait: str) -> str:
    return (
        f"[bold]Shop[/bold]     {place.shop_url}\n"
        f"[bold]Inbox[/bold]    {place.inbox_url}\n"
        f"[bold]Console[/bold]  {place.console_url}\n\n"
        "Put two things in the cart, sign in with the box ticked,\n"
        f"and walk away. {wait} later the mail is in the inbox.\n"
        "Buy before that, and there is none.\n\n"
        "[dim]Ctrl-C ends it.[/dim]"
    )
