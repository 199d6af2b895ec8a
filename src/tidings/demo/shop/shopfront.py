"""The shopfront: what every page of the shop has in common (layout, session cookie, the calls to make)."""

from __future__ import annotations

from typing import Any

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tidings.demo.shop import category, events, session
from tidings.demo.shop.catalogue import Catalogue
from tidings.demo.shop.events import Call
from tidings.demo.shop.session import Session

COOKIE_AGE_S = 30 * 86_400
"""How long a cart is remembered."""


class Shopfront(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages share."""

    catalogue: Catalogue
    templates: jinja2.Environment
    key: bytes
    """Signs the cookie."""

    def session(self, request: Request) -> Session:
        """The visitor's session."""
        return session.read(request.cookies.get(session.COOKIE, ""), self.key)

    def page(
        self,
        request: Request,
        template: str,
        visit: Session,
        *,
        events: list[Call],
        title: str,
        status_code: int = 200,
        **more: Any,
    ) -> Response:
        """A page: first what waits from earlier requests is told, then that the page is seen, then its `events`."""
        waiting = self.calls(visit, request)
        calls = [*waiting, ["page", title], *events]
        html = self.templates.get_template(template).render(
            request=request,
            visit=visit,
            title=title,
            calls=msgspec.json.encode(calls).decode(),
            categories=category.TITLES,
            shelves=self.catalogue.by_category,
            path=request.url.path,
            query=more.pop("query", ""),
            **more,
        )
        response = HTMLResponse(html, status_code)
        if waiting:
            self.remember(response, visit, request)
        return response

    def calls(self, visit: Session, request: Request) -> list[Call]:
        """The calls that wait in the session, which then waits for nothing."""
        calls = events.expand(visit, self.catalogue, base_url(request))
        visit.pending = []
        return calls

    def goto(self, url: str, visit: Session, request: Request) -> Response:
        """A redirect after a form, with the session kept."""
        return self.remember(RedirectResponse(url, 303), visit, request)

    def remember(self, response: Response, visit: Session, request: Request) -> Response:
        """`response` with the session in its cookie."""
        response.set_cookie(
            session.COOKIE,
            session.write(visit, self.key),
            max_age=COOKIE_AGE_S,
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return response


def of(request: Request) -> Shopfront:
    """The shopfront that this request came to."""
    front: Shopfront = request.app.state.front
    return front


def base_url(request: Request) -> str:
    """``http://host:port`` as the visitor wrote it (the guard has checked the host)."""
    return f"{request.url.scheme}://{request.url.netloc}"
