"""The commands that say why: of a message, and of one that did not come."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from tidings import config

SCREEN = Console(highlight=False, soft_wrap=True)
CONFIG = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("tidings.toml"),
    show_default=True,
    help="Configuration file.",
)
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
