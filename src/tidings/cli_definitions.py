"""The commands about the language of definitions: a rule in another form, the JSON Schema of a file."""

from __future__ import annotations

from pathlib import Path

import click

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
