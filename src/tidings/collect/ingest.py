"""The ingest paths: Segment's HTTP API, the browser's short paths, and the pixel. A 2xx means on disk."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import parse_qs

from tidings.clock import Clock
from tidings.collect import body as bodies
from tidings.collect import calls, cors, pixel
from tidings.collect.calls import Parsed
from tidings.collect.committer import Committer
from tidings.collect.http import GIF, PIXEL, Request, Response, busy, problem, respond, respond_json, with_headers
from tidings.collect.keys import WriteKeys
from tidings.collect.limits import MAX_BATCH_BYTES, MAX_BODY_BYTES
from tidings.collect.pressure import Pressure
from tidings.domain.event import KINDS
from tidings.errors import InputError

BATCH = ""
"""Kind of the paths whose body says the kind of each event itself."""
IGNORED = "ignored"
"""Kind of the path for the SDK's own metrics: answered, not kept."""

PATHS: dict[bytes, str] = {f"/v1/{kind}".encode(): kind for kind in KINDS}
PATHS |= {f"/v1/{kind[0]}".encode(): kind for kind in KINDS}  # identify track page screen group alias
PATHS |= {b"/v1/batch": BATCH, b"/v1/b": BATCH, b"/v1/import": BATCH, b"/v1/m": IGNORED}
PIXEL_PATH = b"/v1/pixel"
_PIXEL = "pixel"

_NO_STORE = b"Cache-Control: no-store\r\n"


class Unauthorised(InputError):
    """No write key, or one that is not configured."""


class Ingest:
    """Takes events from SDKs and pages."""

    def __init__(self, keys: WriteKeys, committer: Committer, pressure: Pressure, clock: Clock) -> None:
        self._keys = keys
        self._committer = committer
        self._pressure = pressure
        self._clock = clock

    def take(self, request: Request, kind: str) -> None:
        """One request on an ingest path of `kind` (a call type, `BATCH` or `IGNORED`)."""
        if request.method == b"OPTIONS":
            request.answer(cors.preflight(request))
        elif request.method != b"POST":
            request.answer(problem(405, "method", "send events with POST", b"Allow: POST, OPTIONS\r\n"))
        elif kind == IGNORED:
            request.answer(with_headers(_stored(0, 0), cors.headers(request)))
        else:
            self._store(request, kind)

    def take_pixel(self, request: Request) -> None:
        """One event in a query string, answered by a picture."""
        if request.method not in (b"GET", b"HEAD"):
            request.answer(problem(405, "method", "fetch the pixel with GET", b"Allow: GET, HEAD\r\n"))
        else:
            self._store(request, _PIXEL)

    def _store(self, request: Request, kind: str) -> None:
        cross = cors.headers(request)
        refusal = self._pressure.refusal()
        if refusal is None:
            try:
                parsed = self._parse(request, kind)
            except InputError as error:
                refusal = _refusal(error)
        if refusal is not None:
            request.answer(with_headers(refusal, cross))
            return

        def done(first: int | None) -> None:
            request.answer(_answer(kind, parsed, cross, first is not None))

        self._committer.submit(parsed.records, parsed.accepted + parsed.refused, parsed.size(), done)

    def _parse(self, request: Request, kind: str) -> Parsed:
        if kind == _PIXEL:
            return self._parse_pixel(request)
        headers = request.headers
        text = bodies.plain(request.body, headers.get(b"content-encoding", b""), MAX_BODY_BYTES)
        if len(text) > MAX_BATCH_BYTES:
            msg = f"body: got {len(text)} bytes, wanted at most {MAX_BATCH_BYTES}; send smaller batches"
            raise bodies.TooLarge(msg)
        text = bodies.unform(text)
        source = self._source(request, text)
        now_us = self._clock.now_us()
        return calls.batch(text, source, now_us) if kind == BATCH else calls.single(text, kind, source, now_us)

    def _parse_pixel(self, request: Request) -> Parsed:
        fields = pixel.fields(request.query)
        kind, event = pixel.call(request.path[len(PIXEL_PATH) :], fields)
        source = self._keys.source(fields.get("writeKey", "") or calls.write_key(event))
        if source is None:
            raise Unauthorised(_WHO)
        return calls.single(event, kind, source, self._clock.now_us())

    def _source(self, request: Request, text: bytes) -> str:
        authorization = request.headers.get(b"authorization")
        if authorization is not None:
            source = self._keys.from_header(authorization)
        else:
            source = self._keys.source(calls.write_key(text) or query_key(request.query))
        if source is None:
            raise Unauthorised(_WHO)
        return source


_WHO = (
    "write key: missing or unknown; send it as the user name of Basic authorization or as writeKey in the body, "
    "and see collect.write_keys in the configuration"
)


_CHALLENGE = b"WWW-Authenticate: WriteKey\r\n"
"""Not ``Basic``: browsers would ask the shop's visitors for a password."""


def query_key(query: bytes) -> str:
    """The ``writeKey`` in a query string, empty when there is none."""
    if not query:
        return ""
    return parse_qs(query[:4096].decode("latin-1"), max_num_fields=100).get("writeKey", [""])[0]


def _refusal(error: InputError) -> Response:
    if isinstance(error, Unauthorised):
        return problem(401, "unauthorised", str(error), _CHALLENGE)
    if isinstance(error, bodies.TooLarge):
        return problem(413, "body_too_large", str(error))
    return problem(400, "bad_body", str(error))


def _answer(kind: str, parsed: Parsed, cross: bytes, stored: bool) -> Response:
    if not stored:
        answer = busy("the events could not be stored")
    elif kind == _PIXEL:
        answer = respond(200, PIXEL, GIF, _NO_STORE)
    else:
        answer = _stored(parsed.accepted, parsed.refused)
    return with_headers(answer, cross) if cross else answer


@lru_cache(maxsize=1024)
def _stored(accepted: int, refused: int) -> Response:
    return respond_json(200, {"success": True, "accepted": accepted, "refused": refused})
