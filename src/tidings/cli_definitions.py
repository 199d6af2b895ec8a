"""The commands about the language of definitions: a rule in another form, the JSON Schema of a file, cut points of scores."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from tidings import config
from tidings.cli_options import config_option
from tidings.errors import InputError
from tidings.hosts import convert


@click.command()
@click.argument("rule", metavar="RULE")
@click.option(
    "--to", "form", type=click.Choice(convert.FORMS), default="text", show_default=True, help="The form wanted."
)
def rule(rule: str, form: str) -> None:
    """Check RULE, a file or a text, and print it as text, YAML or JSON. All three mean the same.

    For example: tidings rule 'did "Order Completed" at least 3 within 60d' --to yaml
    """
    click.echo(convert.shown(convert.tree_of(rule), form))


@click.command()
@click.argument("name", required=False)
@click.option(
    "--write", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write all of them into this folder."
)
def schema(name: str | None, folder: Path | None) -> None:
    """Print the JSON Schema of a definition file, for editors: NAME is one of those that are listed without it."""
    from tidings.hosts import schemas  # noqa: PLC0415 - only this command needs it

    if folder is not None:
        for path in schemas.write(folder):
            click.echo(path)
        return
    known = schemas.schemas()
    if name is None:
        click.echo("\n".join(known))
    elif name in known:
        click.echo(schemas.text_of(known[name]), nl=False)
    else:
        raise InputError(f"{name}: no such schema; one of {', '.join(known)}")


@click.command()
@click.argument("score")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@config_option()
@click.option("--as-of", default="", help="Of people as they were then: an instant, or a span back. Now if not given.")
@click.option("--known-at", default="", help="By what was known then: an instant, or a span back. Now if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, and write nothing.")
def cuts(score: str, folder: Path | None, path: Path, as_of: str, known_at: str, as_json: bool) -> None:
    """Make the cut points of SCORE from the people that there are, and write them into FOLDER (the configured workspace if not given).

    Nothing runs by them before `tidings apply`; `tidings plan` shows whom they move.
    """
    from tidings.hosts import asof  # noqa: PLC0415
    from tidings.hosts import cuts as cutting  # noqa: PLC0415

    settings = config.load(path)
    target = folder or settings.workspace
    made = cutting.make(settings, target, score, asof.asked(as_of, known_at))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
        return
    click.echo(f"{cutting.write(made, target)}, of {made.people:,} people as of {made.as_of}")
    for dimension, ends in made.cuts.items():
        click.echo(f"  {dimension}: {', '.join(map(str, ends))}")
    click.echo("see whom they move: tidings plan    let them run: tidings apply --why …")


@click.command("send-times")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@config_option()
@click.option("--as-of", default="", help="What had happened by then: an instant, or a span back. Now if not given.")
@click.option("--known-at", default="", help="By what was known then: an instant, or a span back. Now if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, and write nothing.")
def send_times(folder: Path | None, path: Path, as_of: str, known_at: str, as_json: bool) -> None:
    """Count at which hours people open and click, and write it into FOLDER (the configured workspace if not given).

    The step send_time goes by it for those of whom too little is known. Nothing runs by it before `tidings apply`.
    """
    from tidings.hosts import asof  # noqa: PLC0415
    from tidings.hosts import send_times as counting  # noqa: PLC0415

    settings = config.load(path)
    target = folder or settings.workspace
    made = counting.make(settings, target, asof.asked(as_of, known_at))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
        return
    click.echo(f"{counting.write(made, target)}, of {made.engagements:,} engagements of {made.people:,} people")
    best = max(range(24), key=lambda hour: sum(made.week[hour::24]))
    click.echo(f"  the best hour is {best}h: {sum(made.week[best::24]):,}")
    click.echo("see what it changes: tidings plan    let it run: tidings apply --why …")
