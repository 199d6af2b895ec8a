"""Rejected events: the dead-letter store by source and reason, with the original bytes."""

from __future__ import annotations

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tidings.console import figures, show
from tidings.console.site import number_from, of, text_from

PAGE = 20
"""Samples on one page."""
MAX_SAMPLE_BYTES = 4_000
"""Bytes of one sample on the page; the download has all."""


def rejected(request: Request) -> Response:
    """Groups with counts, and samples of the one that `source` and `reason` name, else of the largest."""
    site = of(request)
    source, reason = text_from(request, "source"), text_from(request, "reason")
    with site.store() as store:
        counted = figures.event_figures(store)
        groups = store.serving.rows("rejected_groups")
        if not reason and groups:
            source, reason = groups[0]["source"], groups[0]["reason"]
        before = number_from(request, "before", 1 << 62)
        asked = {"source": source, "reason": reason, "before": before, "limit": PAGE + 1}
        rows = store.serving.rows("rejected_of", **asked) if reason else []
    return site.page(
        request,
        "rejected.html",
        title="Rejected",
        groups=groups,
        n=counted,
        chosen=(source, reason) if reason else None,
        samples=[_sample(row) for row in rows[:PAGE]],
        types=site.typed(),
        older=rows[PAGE - 1]["offset"] if len(rows) > PAGE else None,
    )


def _sample(row: sqlite3.Row) -> dict[str, Any]:
    data = bytes(row["body"])
    return {
        **{name: row[name] for name in ("offset", "received_us", "source", "reason", "detail")},
        "body": show.json_markup(data[:MAX_SAMPLE_BYTES]),
        "size_bytes": len(data),
        "cut": len(data) > MAX_SAMPLE_BYTES,
    }
