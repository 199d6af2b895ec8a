"""The commands about broadcasts (whom one would reach, start, pause, resume, cancel, how they stand), and about items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from tidings import config
from tidings.cli_options import config_option
from tidings.clock import format_duration

SCREEN = Console(highlight=False, soft_wrap=True)
CONFIG = config_option()
JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group()
def broadcast() -> None:
    """Messages to a segment, now or at an instant: check, start, pause, resume, cancel, status."""


def _json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


@broadcast.command()
@click.argument("name")
@CONFIG
@JSON
def check(name: str, path: Path, as_json: bool) -> None:
    """Whom NAME would reach as of now, and when. Changes nothing."""
    from tidings.hosts import broadcast as broadcasts  # noqa: PLC0415 - only these commands need it

    found = broadcasts.check(config.load(path), name)
    _json(found) if as_json else _show(found)


def _show(found: Any) -> None:
    SCREEN.print(f"[bold]{found.name}[/bold]  {found.words}")
    SCREEN.print(f"  template {found.template}, category {found.category}, version {found.version}")
    SCREEN.print(
        f"  {found.audience:,} people as of now; caps, consent and quiet hours are looked at when each gets it"
    )
    SCREEN.print(f"  from {found.begins} to {found.ends}")
    if not found.audience:
        SCREEN.print(
            "[yellow]nobody is meant as of now: nobody would get it[/yellow]; look at its segment or rule first"
        )


@broadcast.command()
@click.argument("name")
@CONFIG
@click.option("--yes", is_flag=True, help="Start it without asking.")
@click.option("--again", is_flag=True, help="Though it was started before: everybody in it gets it once more.")
@JSON
def start(name: str, path: Path, yes: bool, again: bool, as_json: bool) -> None:
    """Start NAME, after showing whom it reaches and asking."""
    from tidings.hosts import broadcast as broadcasts  # noqa: PLC0415
    from tidings.versions.shelf import login_name  # noqa: PLC0415

    settings = config.load(path)
    found = broadcasts.check(settings, name)
    if not as_json:
        _show(found)
    if not yes:
        click.confirm("start it?", abort=True)
    now = broadcasts.start(settings, found, login_name(), again=again)
    if as_json:
        _json(now)
        return
    SCREEN.print(f"[green]{now.state}[/green]; see `tidings broadcast status {name}`")


def _mover(what: str, about: str) -> click.Command:
    @click.command(what, help=about)
    @click.argument("name")
    @CONFIG
    @JSON
    def command(name: str, path: Path, as_json: bool) -> None:
        from tidings.hosts import broadcast as broadcasts  # noqa: PLC0415
        from tidings.versions.shelf import login_name  # noqa: PLC0415

        now = broadcasts.move(config.load(path), name, what, login_name())
        _json(now) if as_json else SCREEN.print(f"{name}: {now.state}")

    return command


for _what, _about in {
    "pause": "Hold NAME: nobody gets it, and what waits in the outbox stays there.",
    "resume": "Let NAME go on where it was paused. Nobody is skipped, nobody gets it twice.",
    "cancel": "Give NAME up: nobody gets it any more, what waits in the outbox is ended.",
}.items():
    broadcast.add_command(_mover(_what, _about))


@broadcast.command()
@click.argument("name", required=False, default="")
@CONFIG
@JSON
def status(name: str, path: Path, as_json: bool) -> None:
    """How broadcasts stand, or the one of this NAME."""
    from tidings.hosts import broadcast as broadcasts  # noqa: PLC0415

    found = broadcasts.status(config.load(path), name)
    if as_json:
        _json(found)
        return
    for one in found:
        messages = ", ".join(f"{n:,} {state}" for state, n in sorted(one.messages.items())) or "no messages yet"
        left = f", about {format_duration(round(one.left_s) * 1_000_000)} left" if one.left_s else ""
        SCREEN.print(f"[bold]{one.name}[/bold]  {one.state} since {one.since}, asked for by {one.who or 'nobody'}")
        SCREEN.print(
            f"  {one.told:.0%} of all people looked through; {one.waiting:,} wait for their turn, {one.over:,} had it{left}"
        )
        SCREEN.print(f"  {messages}")
    if not found:
        SCREEN.print("no broadcast was ever started")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@CONFIG
def items(file: Path, path: Path) -> None:
    """Say what is known of items, from FILE (.jsonl or .csv): product_id, price, available or stock, name, url, image_url.

    A price that is lower than the one known, or stock where there was none, begins journeys of whoever looked at the item.
    """
    from tidings.hosts import feed  # noqa: PLC0415
    from tidings.hosts.door import Door  # noqa: PLC0415

    sent = feed.send(file, Door(config.load(path)).items)
    SCREEN.print(f"{sent:,} items said")
