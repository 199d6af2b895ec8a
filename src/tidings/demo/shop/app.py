"""The shop as a web app: `create_app` for a server, `run` for a role.

Pages are in `browse` and `buying`; this file wires routes, templates, the guard and the session cookie.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tidings.console import guard, serve
from tidings.demo.shop import browse, buying
from tidings.demo.shop.catalogue import Catalogue
from tidings.demo.shop.shopfront import Shopfront
from tidings.errors import InputError

HERE = Path(__file__).parent


class ShopSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop's role needs to know."""

    catalogue: Catalogue
    """What it sells."""
    collector_url: str
    """Base URL of the collector, as browsers reach it."""
    write_key: str
    """The web source's public key."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8302
    """Port; 0 lets the system choose."""
    console_url: str = "http://127.0.0.1:8301"
    """Where the ribbon's links lead."""
    name: str = "Marigold & Co"
    """Name over the door."""
    secret: bytes = b""
    """Key that signs the cookie; empty for a new one, which forgets carts at a restart."""


def create_app(
    catalogue: Catalogue,
    *,
    collector_url: str,
    write_key: str,
    console_url: str = "http://127.0.0.1:8301",
    name: str = "Marigold & Co",
    secret: bytes = b"",
    host: str = "127.0.0.1",
) -> Starlette:
    """The shop for `catalogue`, telling the collector at `collector_url` what visitors do. Raises InputError."""
    settings = ShopSettings(
        catalogue=catalogue,
        collector_url=_origin(collector_url),
        write_key=write_key,
        host=host,
        console_url=console_url.rstrip("/"),
        name=name,
        secret=secret or os.urandom(32),
    )
    front = Shopfront(catalogue=catalogue, templates=_templates(settings), key=settings.secret)
    csp = guard.policy(
        scripts=f"'self' {settings.collector_url}",
        connects=f"'self' {settings.collector_url}",
        images=f"'self' data: {settings.collector_url}",
    )
    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(guard.Guard, csp=csp, hosts=guard.hosts_for(host))],
        exception_handlers={HTTPException: _refused, Exception: _broken(csp)},
    )
    app.state.front = front
    return app


def run(settings: ShopSettings, ready: Callable[[dict[str, object]], None]) -> None:
    """Serve the shop until SIGTERM or SIGINT; `ready` gets ``url`` and ``port``. Raises PortTaken."""
    sock = serve.bind(settings.host, settings.port, "shop port")
    app = create_app(
        settings.catalogue,
        collector_url=settings.collector_url,
        write_key=settings.write_key,
        console_url=settings.console_url,
        name=settings.name,
        secret=settings.secret,
        host=settings.host,
    )
    told: dict[str, object] = {"url": serve.address(sock), "port": sock.getsockname()[1]}
    serve.serve_role(app, sock, on_start=lambda: ready(told))


def _routes() -> list[Route | Mount]:
    return [
        Route("/", browse.home, name="home"),
        Route("/category/{slug}", browse.category_page, name="category"),
        Route("/search", browse.search, name="search"),
        Route("/product/{item_id}", browse.product, name="product"),
        Route("/image/{item_id}.svg", browse.image, name="image"),
        Route("/cart", buying.cart, name="cart"),
        Route("/cart/add", buying.add, methods=["POST"]),
        Route("/cart/remove", buying.remove, methods=["POST"]),
        Route("/sign-in", buying.sign_in_page, name="sign_in"),
        Route("/sign-in", buying.sign_in, methods=["POST"]),
        Route("/sign-out", buying.sign_out, methods=["POST"]),
        Route("/checkout", buying.checkout_page, name="checkout"),
        Route("/checkout", buying.checkout, methods=["POST"]),
        Route("/thank-you", buying.thank_you, name="thank_you"),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]


def _templates(settings: ShopSettings) -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    env.trim_blocks = env.lstrip_blocks = True
    env.filters["pounds"] = lambda value: f"£{value:,.2f}"
    env.filters["count"] = lambda value: f"{value:,}"
    env.globals.update(
        shop_name=settings.name,
        collector_url=settings.collector_url,
        write_key=settings.write_key,
        console_url=settings.console_url,
    )
    return env


def _origin(url: str) -> str:
    """`url` as an origin that may stand in a Content-Security-Policy."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.\-:\[\]]+", parts.netloc):
        msg = f"collector_url: got {url!r}, wanted such as http://127.0.0.1:8300"
        raise InputError(msg)
    return f"{parts.scheme}://{parts.netloc}"


async def _refused(request: Request, error: Exception) -> Response:
    """A page for 404 and the like."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    front: Shopfront = request.app.state.front
    return front.page(request, "missing.html", front.session(request), status_code=status, title="Not found", events=[])


def _broken(csp: str) -> Callable[[Request, Exception], Any]:
    async def answer(_request: Request, _error: Exception) -> Response:
        # The server logs the exception; the visitor learns nothing of it.
        return guard.harden(HTMLResponse("<h1>Something went wrong</h1><p>Please go back and try again.</p>", 500), csp)

    return answer
