"""The command that begins a run of a journey for one person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from tidings import config
from tidings.cli_options import config_option
from tidings.domain.called import Call
from tidings.errors import InputError


@click.command("start-run")
@click.argument("journey")
@click.option("--user", default="", help="The shop's own id of the person.")
@click.option("--anonymous", default="", help="The id of her device, if she is not known.")
@click.option("--email", default="", help="Her address instead, if nobody else has it.")
@click.option("--properties", default="{}", help="JSON object that the run keeps; templates have it as `event`.")
@click.option("--id", "message_id", default="", help="Your own id of this call: a second one with it begins nothing.")
@config_option()
def start_run(
    journey: str, user: str, anonymous: str, email: str, properties: str, message_id: str, path: Path
) -> None:
    """Begin a run of JOURNEY for one person, if its `entry` has `call: {}` and re-entry lets her in."""
    from tidings.hosts.begin import begin, by_address  # noqa: PLC0415 - only this command needs it

    if not user and not anonymous and not email:
        raise InputError("start-run: got nobody; wanted --user, --anonymous or --email")
    settings = config.load(path)
    if email and not user and not anonymous:
        who = by_address(settings, email)
        user, anonymous = who.get("userId", ""), who.get("anonymousId", "")
    call = Call(
        userId=user or None, anonymousId=anonymous or None, properties=_object(properties), messageId=message_id
    )
    offset = begin(settings, journey, call)
    click.echo(f"in the log at offset {offset}; whether a run began: tidings why-not {user or anonymous} {journey}")


def _object(text: str) -> dict[str, Any]:
    """The properties. Raises InputError when they are no JSON object."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InputError(f"--properties: {error}; wanted a JSON object") from error
