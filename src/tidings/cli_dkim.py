"""The commands about the keys that sign mail."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from tidings import config
from tidings.cli_options import config_option
from tidings.clock import SECOND_US, SystemClock

CONFIG = config_option()


@click.group()
def dkim() -> None:
    """Keys that sign mail (DKIM), and what to publish about them."""


@dkim.command(name="make")
@click.argument("domain")
@CONFIG
@click.option("--selector", help="Name of the new keys; by default the month, such as t202612.")
def make(domain: str, path: Path, selector: str | None) -> None:
    """Make an RSA and an Ed25519 key for DOMAIN and print the records to publish. Nothing is signed until the
    configuration names the selector."""
    from tidings.deliver import dkim_keys  # noqa: PLC0415 - only this command needs cryptography

    settings = config.load(path)
    name = selector or f"t{datetime.fromtimestamp(SystemClock().now_us() // SECOND_US, UTC):%Y%m}"
    found = dkim_keys.make(settings.data / "secrets", domain.lower(), name)
    click.echo("Publish these records:\n")
    for record in found:
        click.echo(f"{record.zone_line}\n")
    click.echo(f'When they are to be seen everywhere, set dkim_selector = "{name}" under [mail] in {path} and restart.')


@dkim.command(name="show")
@CONFIG
def show(path: Path) -> None:
    """Print the records of all keys there are."""
    from tidings.deliver import dkim_keys  # noqa: PLC0415

    secrets = config.load(path).data / "secrets"
    for domain, selector in dkim_keys.selectors(secrets):
        for record in dkim_keys.published(secrets, domain, selector):
            click.echo(record.zone_line)
