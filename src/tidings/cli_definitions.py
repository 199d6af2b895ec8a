"""The commands about the language of definitions: a rule in another form, the JSON Schema of a file."""

from __future__ import annotations

import click

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
