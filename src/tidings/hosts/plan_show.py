"""A plan for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidings.clock import iso
from tidings.hosts.change_show import diff
from tidings.versions.effect import SegmentEffect
from tidings.versions.planned import Messages, NextDay, Person, Plan

_HOW = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}


def plan(screen: Console, made: Plan) -> None:
    """All of it, the important things last."""
    if not made.definitions:
        screen.print(f"[green]no difference[/green]: version {made.running} runs")
        return
    screen.print(f"From version {made.running} to {made.version}, on the history up to {iso(made.at_us)}\n")
    if all(one.kind == "file" for one in made.definitions):
        screen.print("No definition means anything else; only comments, layout or other files differ:")
    for one in made.definitions:
        sign, colour = _HOW[one.how]
        screen.print(Text(f"{sign} {one.kind} {one.name}", style=f"bold {colour}"))
        diff(screen, one.diff)
    _segments(screen, made)
    for journey in made.journeys:
        screen.print(Text(f"Journey {journey.journey} ({journey.why}): {journey.words()}"))
        for place in journey.waiting:
            screen.print(Text(f"  {place.words()}", style="dim"))
    _next_day(screen, made.next_day)
    for need in made.needs:
        screen.print(Text(f"note: {need.words()}", style="yellow"))
    for note in [*(wrong.words() for wrong in made.mistyped), *made.notes]:
        screen.print(Text(f"note: {note}", style="yellow"))
    screen.print(f"\nMake exactly this: [bold]tidings apply --plan {made.plan} --why …[/bold]")


def _segments(screen: Console, made: Plan) -> None:
    if not made.segments:
        return
    table = Table(title="Segments", title_justify="left", box=None, padding=(0, 2))
    for column in ("segment", "members now", "after", "enter", "leave"):
        table.add_column(column, justify="left" if column == "segment" else "right")
    for one in made.segments:
        table.add_row(Text(one.segment), f"{one.before:,}", f"{one.after:,}", f"{one.enter:,}", f"{one.leave:,}")
    screen.print(table)
    for one in made.segments:
        _sample(screen, made, one)


def _sample(screen: Console, made: Plan, one: SegmentEffect) -> None:
    for word, ids, count in (("enter", one.entering, one.enter), ("leave", one.leaving, one.leave)):
        if ids:
            names = ", ".join(_name(made.people[who]) for who in ids)
            screen.print(Text(f"  {one.segment}, {word}: {names}{', …' if count > len(ids) else ''}", style="dim"))


def _name(person: Person) -> str:
    known = (
        " ".join(part for part in (person.name, f"<{person.email}>" if person.email else "") if part) or person.user_id
    )
    return f"{known} ({person.profile_id})" if known else person.profile_id


def _next_day(screen: Console, day: NextDay) -> None:
    cut = "; there are more, who were not looked at" if day.cut else ""
    screen.print(f"Next 24 hours, if nobody does anything ({day.people:,} people with something due{cut}):")
    for title, messages in (("as it runs", day.before), ("after", day.after)):
        screen.print(Text(f"  {title}: {_messages(messages)}"))


def _messages(messages: Sequence[Messages]) -> str:
    if not messages:
        return "no message"
    parts = []
    for one in messages:
        refused = ", ".join(f"{count:,} not sent: {reason}" for reason, count in one.refused.items())
        parts.append(f"{one.send:,} of {one.template}" + (f" ({refused})" if refused else ""))
    return "; ".join(parts)
