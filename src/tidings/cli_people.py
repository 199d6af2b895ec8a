"""The commands that ask about people and segments, now or as of an earlier instant."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from tidings import config
from tidings.cli_options import config_option
from tidings.clock import iso

SCREEN = Console(highlight=False, soft_wrap=True)
DEFAULT_LIMIT = 100


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What all of them take."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print everything as JSON."),
        click.option(
            "--known-at", default="", help="What was known then: an instant, or a span back. Now if not given."
        ),
        click.option(
            "--as-of", default="", help="What was true then: an instant, or a span back such as 2d. Now if not given."
        ),
        config_option(),
    ):
        command = option(command)
    return command


def _json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


@click.group()
def segment() -> None:
    """Who is in a segment, and why: now, or as of any instant."""


@segment.command()
@click.argument("name")
@_options
@click.option("--limit", default=DEFAULT_LIMIT, show_default=True, help="Most people shown; all of them in JSON.")
def members(name: str, path: Path, as_of: str, known_at: str, as_json: bool, limit: int) -> None:
    """Everybody who was in segment NAME, by the same rule as SQL over the lake."""
    from tidings.hosts import asof  # noqa: PLC0415

    settings, question = config.load(path), asof.asked(as_of, known_at)
    found = asof.members(settings, asof.segment_of(asof.running(settings), name), question)
    if as_json:
        _json({"segment": name, "as_of": iso(question.at_us), "known_at": iso(question.known_us), "members": found})
        return
    for profile_id, user_id, address in islice(asof.shown(settings, found), limit):
        SCREEN.print(f"{profile_id}  {user_id}  [dim]{address}[/dim]")
    SCREEN.print(
        f"[bold]{len(found):,}[/bold] in {name} at {iso(question.at_us)}, as known at {iso(question.known_us)}"
    )
    SCREEN.print(f"[dim]from the lake, which has all records below offset {asof.complete_to(settings):,}[/dim]")


@segment.command()
@click.argument("name")
@click.argument("who")
@_options
def explain(name: str, who: str, path: Path, as_of: str, known_at: str, as_json: bool) -> None:
    """Why WHO (profile id, user id, anonymous id or address) is in segment NAME or is not, and when that can change."""
    from tidings.hosts import asof  # noqa: PLC0415

    settings, question = config.load(path), asof.asked(as_of, known_at)
    reason = asof.explain(settings, asof.running(settings), name, asof.find(settings, who), question)
    if as_json:
        _json(reason)
        return
    SCREEN.print(f"[bold]{'in' if reason.member else 'not in'}[/bold] {name}: {reason.because}")
    SCREEN.print(
        f"can change by time alone at {reason.changes}" if reason.changes else "changes only when something happens"
    )


@click.command()
@click.argument("who")
@_options
def person(who: str, path: Path, as_of: str, known_at: str, as_json: bool) -> None:
    """WHO (profile id, user id, anonymous id or address) as she is, or was: traits, consents, segments."""
    from tidings.hosts import asof  # noqa: PLC0415

    settings, question = config.load(path), asof.asked(as_of, known_at)
    found = asof.person(settings, asof.running(settings), asof.find(settings, who), question)
    if as_json:
        _json(found)
        return
    SCREEN.print(
        f"[bold]{found.profile_id}[/bold] at {found.as_of}, as known at {found.known_at}: {found.events:,} events"
    )
    for name, value in sorted(found.traits.items()):
        SCREEN.print(f"  {name}: {value}")
    for purpose, granted in sorted(found.consents.items()):
        SCREEN.print(f"  consent to {purpose}: {'given' if granted else 'withdrawn'}")
    SCREEN.print(f"  segments: {', '.join(found.segments) or 'none'}")
