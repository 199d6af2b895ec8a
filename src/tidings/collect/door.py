"""The route table: from a path to what takes the request."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import unquote

from tidings.collect import cors, internal, items, runs, script, settings
from tidings.collect.feedback import PREFIXES, Feedback
from tidings.collect.http import Request, Response, problem, respond_json, with_headers
from tidings.collect.ingest import PATHS, PIXEL_PATH, Ingest, query_key
from tidings.collect.internal import Internal
from tidings.collect.items import Items
from tidings.collect.keys import WriteKeys
from tidings.collect.pressure import Pressure
from tidings.collect.runs import Runs
from tidings.collect.script import Script
from tidings.collect.webhooks import PREFIX as WEBHOOKS
from tidings.collect.webhooks import Webhooks

_CACHE = b"Cache-Control: public, max-age=60\r\n"


class Listening(Protocol):
    """What the door wants to know of its server."""

    public_url: str
    """How browsers reach it, without a trailing slash."""

    def connections(self) -> int:
        """How many are open."""
        ...


class Door:
    """Sends each request where it belongs."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        internal: Internal,
        feedback: Feedback,
        feed: Items,
        runs_door: Runs,
        script: Script,
        webhooks: Webhooks,
        keys: WriteKeys,
        pressure: Pressure,
    ) -> None:
        self._ingest = ingest
        self._internal = internal
        self._feedback = feedback
        self._feed = feed
        self._runs = runs_door
        self._script = script
        self._keys = keys
        self._webhooks = webhooks
        self._pressure = pressure
        self._server: Listening | None = None

    def attach(self, server: Listening) -> None:
        """Tell it which server it answers for; before the first request."""
        self._server = server

    def take(self, request: Request) -> None:
        """Route one request; most are events, so those come first."""
        path = request.path
        kind = PATHS.get(path)
        if kind is None:
            kind = PATHS.get(path.rstrip(b"/"))
        if kind is not None:
            self._ingest.take(request, kind)
        elif path[:3] in PREFIXES:
            self._feedback.take(request)
        elif path == internal.PATH:
            self._internal.take(request)
        elif path == items.PATH:
            self._feed.take(request)
        elif path.startswith(WEBHOOKS):
            self._webhooks.take(request)
        elif runs.is_runs(path):
            self._runs.take(request)
        elif path == PIXEL_PATH + b".gif" or path.startswith(PIXEL_PATH + b"/"):
            self._ingest.take_pixel(request)
        else:
            request.answer(self._page(request))

    @property
    def _listening(self) -> Listening:
        assert self._server is not None
        return self._server

    def _page(self, request: Request) -> Response:
        path = request.path
        if path == script.PATH:
            return self._script.answer(request)
        if path == b"/health":
            health = self._pressure.health(self._listening.connections())
            return respond_json(503 if health.state == "failed" else 200, health, b"Cache-Control: no-store\r\n")
        if path.rstrip(b"/") == b"/sourceConfig":
            return self._settings(request, self._rudder(request))
        write_key = _settings_key(path)
        if write_key is not None:
            return self._settings(request, self._segment(write_key))
        return problem(404, "not_found", f"nothing is at {path[:100].decode('latin-1')}; see the HTTP reference")

    def _settings(self, request: Request, answer: Response) -> Response:
        if request.method == b"OPTIONS":
            return cors.preflight(request)
        if request.method not in (b"GET", b"HEAD"):
            return problem(405, "method", "fetch settings with GET", b"Allow: GET, HEAD, OPTIONS\r\n")
        return with_headers(answer, cors.headers(request))

    def _segment(self, write_key: str) -> Response:
        if self._keys.source(write_key) is None:
            return problem(401, "unauthorised", "write key: unknown; see collect.write_keys in the configuration")
        return respond_json(200, settings.segment(write_key, self._listening.public_url), _CACHE)

    def _rudder(self, request: Request) -> Response:
        found = self._keys.named(request.headers.get(b"authorization", b""), query_key(request.query))
        if found is None:
            return problem(401, "unauthorised", "write key: missing or unknown; see collect.write_keys")
        return respond_json(200, settings.rudder(*found), _CACHE)


def _settings_key(path: bytes) -> str | None:
    """The write key in ``/v1/projects/<write key>/settings`` (with or without ``/v1``), else None."""
    parts = path.removeprefix(b"/v1").split(b"/")
    if len(parts) == 4 and parts[0] == b"" and parts[1] == b"projects" and parts[3] == b"settings":
        return unquote(parts[2].decode("latin-1"))
    return None
