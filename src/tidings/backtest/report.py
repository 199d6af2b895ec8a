"""The report as one HTML file: pictures as inline SVG, no script, nothing from the web, light and dark, on a phone too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from tidings.backtest import charts
from tidings.backtest.flow import flow
from tidings.backtest.result import BacktestResult, JourneyResult, VersionResult
from tidings.decide.reasons import words


def page(result: BacktestResult) -> str:
    """The report."""
    return _TEMPLATE.render(
        result=result, draft=result.versions[0], versions=[_shown(one) for one in result.versions], side=_side(result)
    )


def write(result: BacktestResult, path: Path) -> None:
    """Write it to a file."""
    path.write_text(page(result), "utf-8")


def _shown(version: VersionResult) -> dict[str, Any]:
    """A version with its pictures."""
    messages = {day: sum(counts.values()) for day, counts in version.per_day.items()}
    return {
        "version": version,
        "journeys": [_journey(one) for one in version.journeys],
        "messages": charts.days(messages),
        "categories": _totals(version),
        "refused": [
            (category, words(reason), count)
            for category, counts in version.refused.items()
            for reason, count in counts.items()
        ],
        "people": _people(version),
    }


def _journey(journey: JourneyResult) -> dict[str, Any]:
    return {
        "journey": journey,
        "flow": flow(journey),
        "days": charts.days(journey.per_day),
        "hours": charts.hours(journey.per_hour),
    }


def _totals(version: VersionResult) -> dict[str, int]:
    totals: dict[str, int] = {}
    for counts in version.per_day.values():
        for category, count in counts.items():
            totals[category] = totals.get(category, 0) + count
    return totals


def _people(version: VersionResult) -> list[tuple[str, int, float]]:
    """(how many messages, people, share of the most) with the long tail in one."""
    counts = version.people_by_messages
    few = [(str(n), counts.get(n, 0)) for n in range(1, 6)]
    rows = [*few, ("6 or more", sum(people for n, people in counts.items() if n > 5))]
    most = max([1, *(people for _, people in rows)])
    return [(word, people, people / most) for word, people in rows]


def _side(result: BacktestResult) -> dict[str, Any] | None:
    """Two versions side by side; None when there is one."""
    if result.difference is None:
        return None
    one, other = result.versions
    return {
        "entries": charts.days(_entries(one), _entries(other)),
        "messages": charts.days(_messages(one), _messages(other)),
        "difference": result.difference,
        "labels": [one.label, other.label],
    }


def _entries(version: VersionResult) -> dict[str, int]:
    totals: dict[str, int] = {}
    for journey in version.journeys:
        for day, count in journey.per_day.items():
            totals[day] = totals.get(day, 0) + count
    return totals


def _messages(version: VersionResult) -> dict[str, int]:
    return {day: sum(counts.values()) for day, counts in version.per_day.items()}


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "-"


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.filters["number"] = lambda value: f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
_ENVIRONMENT.filters["words"] = lambda name: name.replace("_", " ")
_ENVIRONMENT.filters["minute"] = lambda text: text[:16].replace("T", " ")
_ENVIRONMENT.globals["share"] = _share
_TEMPLATE = _ENVIRONMENT.get_template("report.html")
