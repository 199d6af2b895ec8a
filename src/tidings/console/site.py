"""What all pages of the console share: configuration, clock, definitions, templates, and how a page is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import jinja2
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tidings.clock import Clock
from tidings.config import Config
from tidings.console import show
from tidings.console.aside import Aside, Known
from tidings.console.definitions import Workspace
from tidings.console.store import Store
from tidings.state.follow import Follower
from tidings.versions.broadcasts import Checked
from tidings.versions.mistyped import Types
from tidings.versions.planned import Plan

HERE = Path(__file__).parent
PAGES = (
    ("Overview", "/", "overview"),
    ("People", "/people", "people"),
    ("Segments", "/segments", "segments"),
    ("Journeys", "/journeys", "journeys"),
    ("Broadcasts", "/broadcasts", "broadcasts"),
    ("Definitions", "/definitions", "definitions"),
    ("Messages", "/messages", "messages"),
    ("Rejected", "/rejected", "rejected"),
    ("Inbox", "/inbox", "inbox"),
)
"""Title, path and symbol of the navigation."""


class Broadcaster(Protocol):
    """Who does what the buttons of broadcasts say. Each method raises InputError when it does not fit how things stand."""

    def check(self, name: str) -> Checked:
        """Whom it would reach, and when."""
        ...

    def start(self, checked: Checked, *, again: bool) -> object:
        """Start it as it was checked."""
        ...

    def move(self, name: str, what: str) -> object:
        """``pause``, ``resume`` or ``cancel``."""
        ...


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The console of one data directory."""

    config: Config
    clock: Clock
    workspace: Workspace
    """What runs."""
    folder: Workspace
    """What lies in the workspace folder."""
    effects: Aside[Plan]
    """What the folder would change."""
    types: Aside[Types]
    """Properties that do not have the type that what runs asks for."""
    states: Follower
    """The live state of people."""
    templates: jinja2.Environment
    broadcaster: Broadcaster | None = None
    """None where nobody can."""
    pages: tuple[tuple[str, str, str], ...] = PAGES
    """What the navigation offers."""

    def store(self) -> Store:
        """What the data directory holds; use it as a context manager."""
        return Store(self.config, self.clock)

    def typed(self) -> Known[Types]:
        """What is known of the types of properties."""
        definitions = self.workspace.shown().definitions
        return self.types.of(definitions.layout.layout_id) if definitions is not None else Known()

    def page(self, request: Request, template: str, *, title: str, status_code: int = 200, **more: Any) -> Response:
        """A page of the console."""
        now_us = self.clock.now_us()
        html = self.templates.get_template(template).render(
            request=request,
            title=title,
            path=request.url.path,
            pages=self.pages,
            now_us=now_us,
            at=lambda at_us: show.time_tag(at_us, now_us),
            moment=lambda at_us: show.moment_tag(at_us, now_us),
            moments=lambda text: show.moments(text, now_us),
            **more,
        )
        return HTMLResponse(html, status_code)


def of(request: Request) -> Site:
    """The site that this request came to."""
    site: Site = request.app.state.site
    return site


def templates() -> jinja2.Environment:
    """The templates: everything is escaped, a missing value is an error."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    env.trim_blocks = env.lstrip_blocks = True
    env.filters.update(show.FILTERS)
    return env


def number_from(request: Request, name: str, default: int) -> int:
    """A whole number from the query; `default` when it is missing or none."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else default


def text_from(request: Request, name: str, most: int = 200) -> str:
    """A text from the query, cut."""
    return request.query_params.get(name, "").strip()[:most]


def missing(what: str) -> HTTPException:
    """404 with a sentence."""
    return HTTPException(404, what)
