"""The commands for mail that came back, and for addresses that it has shut out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidings import config
from tidings.cli_options import config_option

if TYPE_CHECKING:
    from tidings.hosts.returned import Mail


@click.command()
@click.argument("mails", type=click.Path(path_type=Path))
@config_option()
def bounces(mails: Path, path: Path) -> None:
    """Read MAILS that came back: a file, a folder of .eml files, a maildir (its new ones), or - for one on standard input.

    What they prove goes into the log of a running Tidings; a mail that is about none of its messages is kept and changes nothing.
    """
    from tidings.hosts import returned  # noqa: PLC0415 - only this command needs it

    found = _piped() if str(mails) == "-" else returned.mails_at(mails)
    for word, count in returned.take(config.load(path), found).items():
        click.echo(f"{count:>8,}  {word}")


def _piped() -> Iterator[Mail]:
    from tidings.feedback.bounce.parts import MAX_BYTES  # noqa: PLC0415
    from tidings.hosts.returned import Mail  # noqa: PLC0415

    yield Mail(raw=sys.stdin.buffer.read(MAX_BYTES), path=None)


@click.command("clear-address")
@click.argument("address")
@config_option()
def clear_address(address: str, path: Path) -> None:
    """Let mail go to ADDRESS again after a bounce or a complaint had ended it. What its person withdrew stays withdrawn."""
    from tidings.hosts import returned  # noqa: PLC0415

    if returned.clear(config.load(path), address):
        click.echo(f"{address}: cleared; mail may go there again")
    else:
        click.echo(f"{address}: no bounce and no complaint stands against it")
