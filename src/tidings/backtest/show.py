"""A backtest on the terminal: what was assumed, where runs went, what would have been sent, what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidings.backtest.result import BacktestResult, Difference, JourneyResult, VersionResult
from tidings.decide.reasons import words

_BLOCKS = "▁▂▃▄▅▆▇█"
_METER = 24
_COLUMNS = 60
"""Columns of a plot; more days are put together."""


def show(screen: Console, result: BacktestResult) -> None:
    """All of it."""
    state = "" if result.complete else "  [yellow]interrupted[/yellow]"
    screen.print(f"[bold]Backtest[/bold] {result.from_[:16]} to {result.to[:16]} UTC{state}")
    screen.print(
        Text(f"  {result.history}: {result.events:,} events, {result.first[:10]} to {result.last[:10]}", style="dim")
    )
    for note in result.notes:
        screen.print(Text(f"  note: {note}", style="yellow"))
    for version in result.versions:
        screen.print()
        if len(result.versions) > 1:
            screen.print(Text(version.label, style="bold underline"))
        _version(screen, version)
    if result.difference is not None:
        _difference(screen, result.difference)
    rate = f", {result.events_per_s:,.0f} events/s" if result.events_per_s else ""
    screen.print(f"[dim]{result.wall_s:.1f} s{rate}; nothing was sent[/dim]")


def _version(screen: Console, version: VersionResult) -> None:
    for journey in version.journeys:
        _journey(screen, journey)
    refused = [(reason, count) for counts in version.refused.values() for reason, count in counts.items()]
    screen.print(f"[bold]{version.messages:,} messages[/bold] to {sum(version.people_by_messages.values()):,} people")
    _plot(screen, {day: sum(counts.values()) for day, counts in version.per_day.items()}, "messages")
    for reason, count in refused:
        screen.print(Text(f"  {count:>9,} not sent: {words(reason)}"))
    bought = version.bought
    screen.print(
        f"  {bought.followed:>9,} followed by {' or '.join(bought.events)} within {bought.within} anyway; "
        f"{bought.purchases:,} purchases worth {bought.revenue:,.2f} (a correlation, no uplift)"
    )
    if version.most is not None:
        who = ", ".join(version.most.known_as[-1:]) or version.most.profile_id
        screen.print(
            Text(
                f"  {version.most.peak:>9,} messages within 7 days at most, {version.most.messages:,} in all, to {who}"
            )
        )


def _journey(screen: Console, journey: JourneyResult) -> None:
    screen.print(Text.assemble((journey.journey, "bold"), f"  {journey.started:,} runs  ", (journey.entry, "dim")))
    _plot(screen, journey.per_day, "entries")
    table = Table(box=None, padding=(0, 2), show_header=False)
    most = max([1, *(step.arrived for step in journey.steps)])
    for step in journey.steps:
        meter = "█" * round(_METER * step.arrived / most)
        table.add_row(
            f"{step.arrived:,}",
            Text(meter.ljust(_METER, "·"), style="blue"),
            Text(step.step),
            Text(_ways(step.ways, step.waiting, step.left), style="dim"),
        )
    table.columns[0].justify = "right"
    screen.print(table)


def _ways(ways: Mapping[str, int], waiting: int, left: int) -> str:
    parts = [f"→ {following} {runs:,}" for following, runs in ways.items()]
    parts += [f"{waiting:,} still here"] if waiting else []
    parts += [f"{left:,} left here"] if left else []
    return ", ".join(parts)


def _plot(screen: Console, days: Mapping[str, int], what: str) -> None:
    """A line of blocks, a column a day or more."""
    if not days:
        return
    values = list(days.values())
    size = -(-len(values) // _COLUMNS)
    columns = [sum(values[start : start + size]) for start in range(0, len(values), size)]
    per = "day" if size == 1 else f"{size} days"
    screen.print(Text(f"  {blocks(columns)}  most {max(columns):,} {what} per {per}", style="cyan"))


def blocks(values: Sequence[int]) -> str:
    """Numbers as a line of blocks."""
    most = max([1, *values])
    return "".join(_BLOCKS[value * (len(_BLOCKS) - 1) // most] for value in values)


def _difference(screen: Console, found: Difference) -> None:
    screen.print(f"\n[bold]Difference[/bold]  {found.both:,} people enter in both")
    for one in found.only:
        some = f": {', '.join(one.some)}{', …' if one.people > len(one.some) else ''}" if one.some else ""
        screen.print(Text(f"  only in {one.label}: {one.people:,} people{some}"))
        screen.print(Text(f"    {one.messages:,} messages more than in the other, person by person", style="dim"))
