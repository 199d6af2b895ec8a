"""The command that makes the secrets of webhooks."""

from __future__ import annotations

from pathlib import Path

import click

from tidings import config
from tidings.cli_options import config_option
from tidings.deliver import signing
from tidings.errors import InputError
from tidings.process.webhooks import NAME

CONFIG = config_option()


@click.command(name="webhook-secret")
@click.argument("name")
@CONFIG
@click.option("--rotate", is_flag=True, help="Make another one; the one before signs along until --drop-old.")
@click.option("--drop-old", is_flag=True, help="From now on only the newest one signs.")
def webhook_secret(name: str, path: Path, rotate: bool, drop_old: bool) -> None:
    """Print the secret that signs calls of webhook NAME; made when there is none. Its receiver needs it."""
    data = config.load(path).data
    if not NAME.fullmatch(name):
        msg = f"webhook-secret: got {name!r}, wanted the name of a webhook: letters, digits, - and _, at most 100"
        raise InputError(msg)
    if rotate or not signing.current(data, name):
        click.echo(signing.make(data, name, keep=signing.MAX_SECRETS - 1))
        return
    if drop_old:
        signing.drop_old(data, name)
    click.echo(signing.current(data, name))
