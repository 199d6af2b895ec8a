"""The overview: the live path of events from the door to the mail, in figures that add up."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tidings.console import charts, figures, show
from tidings.console.live import Hub
from tidings.console.site import missing, of
from tidings.console.store import Store


def overview(request: Request) -> Response:
    """The page."""
    site = of(request)
    hub: Hub = request.app.state.hub
    with site.store() as store:
        shot = figures.snapshot(store, site.workspace.shown())
        people = store.serving.row("people_count")
        hooks = [dict(row) | {"queued": _queued(store, row["hook"])} for row in store.calls.rows("webhooks")]
    rate = list(hub.rate)
    return site.page(
        request,
        "overview.html",
        title="Overview",
        shot=shot,
        n=shot.numbers,
        people=people["n"] if people else 0,
        rate=rate,
        rate_plot=charts.plot(rate, 720, 96, from_zero=True),
        types=site.typed().found,
        hooks=hooks,
        public_url=site.config.public_url,
        write_keys=site.config.collect.write_keys,
    )


def _queued(store: Store, hook: str) -> int:
    row = store.calls.row("calls_queued", hook)
    return row["n"] if row else 0


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it arrived."""

    offset: int
    body: bytes
    source: str
    taken_us: int
    reason: str
    """Why it was rejected; empty when it was not."""
    detail: str


def _original(request: Request) -> Original:
    offset: int = request.path_params["offset"]
    with of(request).store() as store:
        found = store.record(offset)
        row = store.serving.row("rejected_one", offset)
    if found is None and row is None:
        raise missing(f"The log has no event at offset {offset}. It may be gone by retention or erasure.")
    return Original(
        offset=offset,
        body=found.record.body if found else bytes(row["body"]) if row else b"",
        source=found.record.source if found else row["source"] if row else "",
        taken_us=found.taken_us if found else row["received_us"] if row else 0,
        reason=row["reason"] if row else "",
        detail=row["detail"] if row else "",
    )


def event(request: Request) -> Response:
    """One record of the log: its original JSON and, if it was rejected, why."""
    found = _original(request)
    body = show.json_markup(found.body)
    return of(request).page(request, "event.html", title=f"Event {found.offset:,}", event=found, body=body)


def event_fragment(request: Request) -> Response:
    """The coloured JSON alone, for a timeline's row that is opened."""
    return HTMLResponse(show.json_markup(_original(request).body))


def event_bytes(request: Request) -> Response:
    """The original bytes, to save."""
    found = _original(request)
    headers = {"Content-Disposition": f'attachment; filename="event-{found.offset}.json"'}
    return Response(found.body, media_type="application/octet-stream", headers=headers)
