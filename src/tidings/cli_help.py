"""The list of commands as `tidings --help` shows it: by what one wants to do, each summary whole."""

from __future__ import annotations

from collections.abc import Iterator

import click

SECTIONS = {
    "Start": ("demo", "init", "serve", "doctor"),
    "Bring data": ("import", "items", "send-times"),
    "Change definitions": ("validate", "plan", "apply", "undo", "history", "export", "drift", "schema", "rule", "cuts"),
    "Rehearse": ("test", "backtest", "replay", "dry-run", "shadow"),
    "Explain": ("why", "why-not", "person", "segment"),
    "Send": ("broadcast", "start-run", "webhook-secret"),
}
"""Heading to commands; what is in none stands under `REST`, in the order in which it was defined."""
REST = "More"
MAX_SUMMARY_CHARS = 300
"""Longest summary; it is wrapped, not cut."""


class Sections(click.Group):
    """A group whose help lists its commands under headings."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        for heading, names in _sections(self.list_commands(ctx)):
            found = [(name, self.get_command(ctx, name)) for name in names]
            rows = [
                (name, one.get_short_help_str(MAX_SUMMARY_CHARS))
                for name, one in found
                if one is not None and not one.hidden
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


def _sections(names: list[str]) -> Iterator[tuple[str, list[str]]]:
    listed = {name for some in SECTIONS.values() for name in some}
    for heading, wanted in (*SECTIONS.items(), (REST, [name for name in names if name not in listed])):
        if here := [name for name in wanted if name in names]:
            yield heading, here
