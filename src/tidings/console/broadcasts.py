"""Broadcasts: how each stands and how far it is; start (after a page that says whom it reaches), pause, go on and give up by a button."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tidings.console.site import Broadcaster, Site, missing, of
from tidings.errors import InputError
from tidings.versions.broadcasts import Progress, progress
from tidings.versions.standing import BroadcastState

BUTTONS = {
    BroadcastState.SCHEDULED: ("cancel",),
    BroadcastState.RUNNING: ("pause", "cancel"),
    BroadcastState.PAUSED: ("resume", "cancel"),
}
"""What may be done to one as it stands."""
WORDS = {"pause": "Pause", "resume": "Resume", "cancel": "Cancel for good"}


def broadcasts(request: Request) -> Response:
    """All broadcasts: those that were started, and those that are only written."""
    return _page(of(request), request)


def _page(site: Site, request: Request, problem: str = "") -> Response:
    shown = site.workspace.shown()
    started = progress(site.config.data, site.clock.now_us())
    names = {one.name for one in started}
    written = list(shown.definitions.broadcasts.values()) if shown.definitions else []
    return site.page(
        request,
        "broadcasts.html",
        title="Broadcasts",
        started=[(one, BUTTONS.get(one.state, ()) if site.broadcaster is not None else ()) for one in started],
        words={one.name: one.broadcast.words() for one in written if one.broadcast is not None},
        waiting=[one for one in written if one.name not in names],
        says=WORDS,
        left=_left,
        startable=site.broadcaster is not None,
        problem=problem or shown.problem,
        status_code=409 if problem else 200,
    )


def act(request: Request) -> Response:
    """Do what a button says; then the page again. The guard has seen to it that the form is from one of our pages."""
    site, name, what = of(request), request.path_params["name"], request.path_params["what"]
    if what not in WORDS or site.broadcaster is None:
        raise missing("There is no such button.")
    try:
        site.broadcaster.move(name, what)
    except InputError as error:
        return _page(site, request, str(error))
    return RedirectResponse("/broadcasts", 303)


def ask(request: Request) -> Response:
    """Whom it would reach and when, before anything is sent."""
    return _ask(of(request), request)


def _ask(site: Site, request: Request, problem: str = "") -> Response:
    name = request.path_params["name"]
    if site.broadcaster is None:
        raise missing("There is no such button.")
    try:
        checked = site.broadcaster.check(name)
    except InputError as error:
        return _page(site, request, problem or str(error))
    return site.page(
        request,
        "broadcast_start.html",
        title=f"Start {name}",
        one=checked,
        problem=problem,
        status_code=409 if problem else 200,
    )


async def start(request: Request) -> Response:
    """Start what was looked at; then the page of all. Refused when it is not any more what was looked at."""
    site, name = of(request), request.path_params["name"]
    if site.broadcaster is None:
        raise missing("There is no such button.")
    async with request.form(max_files=0, max_fields=5) as form:
        seen = {field: str(form.get(field, "")) for field in ("version", "before", "again")}
    return await run_in_threadpool(_start, site, request, site.broadcaster, name, seen)


def _start(site: Site, request: Request, broadcaster: Broadcaster, name: str, seen: dict[str, str]) -> Response:
    try:
        checked = broadcaster.check(name)
        if (checked.version, checked.before) != (seen["version"], seen["before"]):
            return _ask(site, request, "It is not any more what you looked at; this is how it stands now.")
        broadcaster.start(checked, again=seen["again"] == "yes")
    except InputError as error:
        return _ask(site, request, str(error))
    return RedirectResponse(f"/broadcasts#{name}", 303)


def _left(one: Progress) -> str:
    """How long it will still take, for people; empty when that cannot be said."""
    if not one.left_s:
        return ""
    hours, minutes = divmod(round(one.left_s / 60), 60)
    return f"about {hours} h {minutes} min left" if hours else f"about {max(1, minutes)} min left"
