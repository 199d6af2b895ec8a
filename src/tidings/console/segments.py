"""Segments: what they are in words, who is in them, how that changes."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tidings.clock import HOUR_US
from tidings.console import charts, figures, standing
from tidings.console.definitions import Shown
from tidings.console.site import missing, of, text_from
from tidings.console.store import Store

PAGE = 50
"""Members on one page."""
POINTS = 60
"""Points of a plot."""
CHANGES = 30
"""Changes in a segment's own feed."""


def segments(request: Request) -> Response:
    """All segments."""
    site = of(request)
    shown = site.workspace.shown()
    with site.store() as store:
        counts = {row["segment"]: row["members"] for row in store.serving.rows("segment_counts")}
        changes = [figures.change_row(row, shown) for row in store.serving.rows("changes", figures.FEED_ROWS)]
        plots = member_plots(store, counts, site.clock.now_us())
    found = [
        {**about(name, shown), "members": counts.get(name, 0), "plot": plots.get(name)}
        for name in _names(shown, counts)
    ]
    return site.page(request, "segments.html", title="Segments", segments=found, changes=changes, problem=shown.problem)


def _names(shown: Shown, counts: dict[str, int]) -> list[str]:
    defined = list(shown.definitions.segments.by_name) if shown.definitions else []
    return [*defined, *sorted(name for name, n in counts.items() if n and name not in defined)]


def about(name: str, shown: Shown) -> dict[str, Any]:
    """A segment's definition in words; also for one that only has members left."""
    found = shown.definitions.segments.by_name.get(name) if shown.definitions else None
    return {
        "name": name,
        "label": shown.label(name),
        "description": found.description if found else "",
        "rule": found.rule.words() if found else "not defined in the workspace (any more)",
        "version": found.version if found else "",
    }


def member_plots(store: Store, counts: dict[str, int], now_us: int) -> dict[str, charts.Plot]:
    """Members over time by segment, told backwards from the present number by the latest changes."""
    changes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in store.serving.rows("change_instants"):
        changes[row["segment"]].append((row["occurred_us"], 1 if row["entered"] else -1))
    return {name: _plot(found, counts.get(name, 0), now_us) for name, found in changes.items()}


def _plot(changes: list[tuple[int, int]], members: int, now_us: int, width: int = 240, height: int = 48) -> charts.Plot:
    from_us = min([now_us - HOUR_US, *(at_us for at_us, _ in changes)])
    totals = charts.buckets(changes, members, from_us, now_us, POINTS)
    return charts.plot([float(max(0, total)) for total in totals], width, height, from_zero=True)


def segment(request: Request) -> Response:
    """One segment: plot, members, enters and leaves."""
    site = of(request)
    name, shown = request.path_params["name"], site.workspace.shown()
    with site.store() as store:
        counts = {row["segment"]: row["members"] for row in store.serving.rows("segment_counts")}
        if name not in _names(shown, counts):
            raise missing(f"There is no segment {name[:80]}.")
        rows = store.serving.rows("segment_members", segment=name, after=text_from(request, "after"), limit=PAGE + 1)
        changes = store.serving.rows("changes_of", name, CHANGES)
        instants = [row for row in store.serving.rows("change_instants") if row["segment"] == name]
        coming = _coming(request, store, name, shown)
    found = [(row["occurred_us"], 1 if row["entered"] else -1) for row in instants]
    now_us = site.clock.now_us()
    types = site.typed().found
    return site.page(
        request,
        "segment.html",
        mistyped=types.of("segment", name) if types is not None else [],
        title=shown.label(name),
        segment=about(name, shown),
        members=counts.get(name, 0),
        people=rows[:PAGE],
        after=rows[PAGE - 1]["profile_id"] if len(rows) > PAGE else None,
        changes=[_with_cause(row, shown) for row in changes],
        plot=_plot(found, counts.get(name, 0), now_us, 720, 120) if found else None,
        since_us=min(at_us for at_us, _ in found) if found else 0,
        rule_text=standing.text_of(shown, name),
        coming=coming,
    )


def _coming(request: Request, store: Store, name: str, shown: Shown) -> dict[str, Any] | None:
    """Who turns next by time alone, with names; None while there is no state, or for a segment that does not run."""
    site = of(request)
    with site.states.look() as state:
        found = standing.coming(state, shown, name, site.clock.now_us()) if state is not None else None
    if found is None:
        return None
    rows = [{"turn": one, "person": store.serving.row("person", profile_id)} for one, profile_id in found.turns]
    return {"rows": [row for row in rows if row["person"] is not None], "cut": found.cut, "behind": found.behind}


def _with_cause(row: sqlite3.Row, shown: Shown) -> dict[str, Any]:
    kind, _, rest = row["cause"].partition(":")
    offset = int(rest) if kind == "event" and rest.isdigit() else None
    return {**figures.change_row(row, shown), "occurred_us": row["occurred_us"], "offset": offset, "cause": kind}
