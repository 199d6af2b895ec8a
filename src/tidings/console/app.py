"""The console as a web app: `create_app` wires pages, the live stream, the guard and what they share.

Nearly all of it only reads; what a button does (a broadcast is paused) is let in from our own pages alone, see guard.py. It shows personal data; it listens on loopback
unless configured otherwise, and then belongs behind a proxy that knows who may see it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tidings.clock import Clock, SystemClock
from tidings.config import Config
from tidings.console import (
    body,
    broadcasts,
    explained,
    guard,
    inbox,
    journeys,
    messages,
    overview,
    people,
    rejected,
    segments,
    tried,
    versions,
)
from tidings.console.aside import Aside
from tidings.console.definitions import Workspace
from tidings.console.live import Hub
from tidings.console.site import HERE, PAGES, Broadcaster, Site, of, templates
from tidings.console.store import TooSlow
from tidings.state.follow import Follower
from tidings.versions.mistyped import Types
from tidings.versions.planned import Plan
from tidings.versions.shelf import Versions

_log = logging.getLogger("tidings.console")


EFFECT_S, TYPES_S = 60.0, 600.0
"""How long the effect of a change, and a look at the types of properties, are shown before they are computed anew."""


def create_app(
    config: Config,
    *,
    clock: Clock | None = None,
    plan: Callable[[], Plan] | None = None,
    types: Callable[[], Types] | None = None,
    broadcaster: Broadcaster | None = None,
) -> Starlette:
    """The console of `config`'s data directory, which need not exist yet. `plan` says what the workspace folder would change, `types`
    which properties do not have the type that what runs asks for, within bounds of their own; without them the pages say which command does.
    """
    return _app(config, clock or SystemClock(), PAGES, _routes(), plan, types, broadcaster)


def create_inbox_app(config: Config, *, clock: Clock | None = None) -> Starlette:
    """The inbox alone."""
    pages = tuple(page for page in PAGES if page[1] == "/inbox")
    return _app(config, clock or SystemClock(), pages, [Route("/", _to_inbox)])


async def _to_inbox(_request: Request) -> Response:
    return RedirectResponse("/inbox")


def _app(
    config: Config,
    clock: Clock,
    pages: tuple[tuple[str, str, str], ...],
    routes: list[Route],
    plan: Callable[[], Plan] | None = None,
    types: Callable[[], Types] | None = None,
    broadcaster: Broadcaster | None = None,
) -> Starlette:
    shelf = Versions(config.data)
    workspace = Workspace(lambda: shelf.current(config.workspace), kept=True)
    site = Site(
        config=config,
        clock=clock,
        workspace=workspace,
        folder=Workspace(lambda: config.workspace),
        effects=Aside(plan, EFFECT_S),
        types=Aside(types, TYPES_S),
        states=Follower(config.data / "state"),
        templates=templates(),
        pages=pages,
        broadcaster=broadcaster,
    )
    hub = Hub(config, clock, workspace)
    csp = guard.policy(images=f"'self' data: {body.site(config.mail.shop_url)}".strip())
    app = Starlette(
        routes=[
            *routes,
            Route("/live", hub.stream),
            *inbox.routes(),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(guard.Guard, csp=csp, hosts=guard.hosts_for(config.console.host))],
        exception_handlers={HTTPException: _refused, TooSlow: _too_slow, Exception: _broken},
        lifespan=_watching,
    )
    app.state.site, app.state.hub, app.state.csp = site, hub, csp
    return app


def _routes() -> list[Route]:
    return [
        Route("/", overview.overview),
        Route("/events/{offset:int}", overview.event),
        Route("/events/{offset:int}/body", overview.event_fragment),
        Route("/events/{offset:int}/bytes", overview.event_bytes),
        Route("/people", people.people),
        Route("/people/{profile_id}", people.person),
        Route("/people/{profile_id}/why-not/{journey}", explained.page),
        Route("/segments", segments.segments),
        Route("/segments/{name}", segments.segment),
        Route("/journeys", journeys.journeys),
        Route("/journeys/{name}", journeys.journey),
        Route("/journeys/{name}/try", tried.page),
        Route("/journeys/{name}/try/{step}", tried.mail),
        Route("/broadcasts", broadcasts.broadcasts),
        Route("/broadcasts/{name}/start", broadcasts.ask),
        Route("/broadcasts/{name}/start", broadcasts.start, methods=["POST"]),
        Route("/broadcasts/{name}/{what}", broadcasts.act, methods=["POST"]),
        Route("/definitions", versions.definitions),
        Route("/messages", messages.messages),
        Route("/messages/{message_id}", messages.message),
        Route("/messages/{message_id}/body", messages.message_body),
        Route("/rejected", rejected.rejected),
    ]


@asynccontextmanager
async def _watching(app: Starlette) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    site: Site = app.state.site
    watcher = asyncio.create_task(hub.run())
    try:
        yield
    finally:
        hub.stop()
        await watcher
        site.states.close()


def _refused(request: Request, error: Exception) -> Response:
    """A page for 404 and the like."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) and status == 404 else ""
    return of(request).page(request, "missing.html", title="Not here", detail=detail, status_code=status)


def _too_slow(request: Request, error: Exception) -> Response:
    _log.warning("%s: %s", request.url.path, error)
    return PlainTextResponse(f"The question took too long and was stopped ({error}). Try a narrower one.", 503)


def _broken(request: Request, _error: Exception) -> Response:
    # The server logs the exception; the page tells nothing of it. It is made outside the guard.
    html = "<h1>Something went wrong</h1><p>See the console's log. The data is not touched.</p>"
    return guard.harden(HTMLResponse(html, 500), request.app.state.csp)
