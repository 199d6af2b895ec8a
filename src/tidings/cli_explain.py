"""The commands that say why: of a message, and of one that did not come."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from tidings import config
from tidings.cli_options import config_option
from tidings.clock import SystemClock, parse_duration

SCREEN = Console(highlight=False, soft_wrap=True)
CONFIG = config_option()
JSON = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")


def _json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def _lines(lines: list[str]) -> None:
    for line in lines:
        SCREEN.print(line, markup=False, soft_wrap=True)


@click.command()
@click.argument("message_id")
@CONFIG
@JSON
@click.option("--render", is_flag=True, help="Write the message again as it was handed over, and say whether it is.")
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where --render writes it; MESSAGE_ID.eml if not given, - for the screen.",
)
def why(message_id: str, path: Path, as_json: bool, render: bool, file: Path | None) -> None:
    """Why this message was (or was not) sent: the events, the waits, the consent, the cap, the draws, the values, the items.

    With --render, ends with 1 when the bytes are not those that were handed over.
    """
    from tidings.hosts import again as rendering  # noqa: PLC0415
    from tidings.hosts.explain import explain  # noqa: PLC0415

    settings = config.load(path)
    if render:
        made = rendering.again(settings, message_id)
        target = file or Path(f"{message_id}.eml")
        rendering.write(made, target)
        _json(rendering.said(made, target)) if as_json else click.echo(
            "\n".join(rendering.lines(made, target)), err=True
        )
        sys.exit(int(not made.identical))
    explanation = explain(settings, message_id)
    _json(explanation) if as_json else _lines(explanation.lines())


@click.command(name="why-not")
@click.argument("person")
@click.argument("journey")
@CONFIG
@JSON
@click.option("--as-of", default="", help="As of then: an instant, or a span back such as 2d. Now if not given.")
def why_not(person: str, journey: str, path: Path, as_json: bool, as_of: str) -> None:
    """Why JOURNEY sent PERSON (profile id, user id, anonymous id or address) nothing: never entered, waits, ended, not allowed.

    The first line is the answer; what it rests on follows.
    """
    from tidings.hosts import why_not as asking  # noqa: PLC0415

    found = asking.answer(config.load(path), person, journey, as_of)
    _json(found) if as_json else _lines(found.lines())


@click.command(name="dry-run")
@click.argument("journey")
@click.option("--as", "who", required=True, metavar="PERSON", help="As whom: profile id, user id or address.")
@click.option("--to", default="", help="Your own address.")
@click.option("--step", default="", help="Only the mail of this send step; else of each.")
@click.option("--send", "sending", is_flag=True, help="Send the mails to your address, marked as a dry run.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write the mails into this folder as .eml."
)
@click.option(
    "--workspace", "folder", type=click.Path(path_type=Path), help="Try the definitions in this folder, not what runs."
)
@CONFIG
@JSON
def dry_run(
    journey: str,
    who: str,
    to: str,
    step: str,
    sending: bool,
    out: Path | None,
    folder: Path | None,
    path: Path,
    as_json: bool,
) -> None:
    """Which way PERSON would go through JOURNEY now, and each mail with her real values. She is sent nothing, nothing changes.

    With --send, the mails go to your own address and nowhere else.
    """
    from tidings.hosts import dry_run as trying  # noqa: PLC0415

    if sending and not to:
        raise click.UsageError("--send needs --to: your own address")
    settings = config.load(path)
    tried = trying.trial(settings, journey, who, to=to, step=step, folder=folder)
    _json(trying.said(tried)) if as_json else _lines(trying.lines(tried))
    for file in trying.write(tried, out) if out is not None else []:
        click.echo(f"written to {file}", err=True)
    for answer in trying.send(settings, tried) if sending else []:
        click.echo(f"sent to {to}: {answer}", err=True)


@click.command()
@click.argument("journey")
@click.option(
    "--sent",
    "file",
    type=click.Path(exists=True, path_type=Path, dir_okay=False),
    help="What the other tool has sent: CSV, a line a message. Without it, events in the log.",
)
@click.option("--map", "named", multiple=True, metavar="WHAT=COLUMN", help="Which column is person, at or what.")
@click.option(
    "--event", "events", multiple=True, help="Events by which the other tool tells; Email Sent if none given."
)
@click.option("--source", default="", help="Only events of this source.")
@click.option("--only", default="", help="Only messages of theirs with this template or campaign.")
@click.option("--within", default="24h", show_default=True, help="How far apart two messages may be that are the same.")
@click.option(
    "--from",
    "since",
    default="",
    help="From then on: an instant, or a span back. Our first decision, or their first message, if not given.",
)
@click.option("--to", "until", default="", help="Up to then. Now if not given.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as a page.")
@CONFIG
@JSON
def shadow(
    journey: str,
    file: Path | None,
    named: tuple[str, ...],
    events: tuple[str, ...],
    source: str,
    only: str,
    within: str,
    since: str,
    until: str,
    html: Path | None,
    path: Path,
    as_json: bool,
) -> None:
    """What JOURNEY, in shadow mode, would have sent beside what another tool has sent: both, only ours, only theirs, and why."""
    from tidings.hosts import asof  # noqa: PLC0415
    from tidings.hosts import shadow as comparing  # noqa: PLC0415

    try:
        within_us = parse_duration(within)
    except ValueError as error:
        raise click.UsageError(f"--within: {error}") from error
    now_us = SystemClock().now_us()
    ask = comparing.Ask(
        journey=journey,
        file=file,
        columns=comparing.columns(named),
        events=events or comparing.EVENTS,
        source=source,
        only=only,
        within_us=within_us,
        from_us=asof.instant(since, now_us, "--from") if since else 0,
        to_us=asof.instant(until, now_us, "--to") if until else 0,
    )
    found = comparing.compare(config.load(path), ask)
    _json(found) if as_json else _lines(comparing.lines(found))
    if html is not None:
        html.write_text(comparing.html(found), "utf-8")
        click.echo(f"written to {html}", err=True)
