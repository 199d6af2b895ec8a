"""Runs begun by a shop's own system: ``POST /v1/journeys/NAME/runs``, with a secret key, as it makes mail go out."""

from __future__ import annotations

import msgspec

from tidings.clock import Clock
from tidings.collect import body as bodies
from tidings.collect.committer import Committer
from tidings.collect.http import Request, Response, busy, problem, respond_json
from tidings.collect.keys import is_internal
from tidings.collect.limits import MAX_BODY_BYTES
from tidings.collect.pressure import Pressure
from tidings.domain import called
from tidings.domain.called import Call
from tidings.domain.event import Rejected
from tidings.domain.record import LogRecord
from tidings.domain.wire import MAX_ID_CHARS, MAX_NAME_CHARS, normalise
from tidings.errors import InputError
from tidings.process.run import MAX_ITEM_BYTES

PREFIX, SUFFIX = b"/v1/journeys/", b"/runs"
_DECODER = msgspec.json.Decoder(Call)


class Runs:
    """The door for calls."""

    def __init__(self, key: str, committer: Committer, pressure: Pressure, clock: Clock) -> None:
        self._key = key
        self._committer = committer
        self._pressure = pressure
        self._clock = clock

    def take(self, request: Request) -> None:
        """``{"userId" or "anonymousId", "properties": {…}, "messageId": "…"}``. 202 means on disk."""
        refusal = self._refusal(request)
        if refusal is not None:
            request.answer(refusal)
            return
        try:
            text = bodies.plain(request.body, request.headers.get(b"content-encoding", b""), MAX_BODY_BYTES)
            record = self._record(journey_of(request), text)
        except bodies.TooLarge as error:
            request.answer(problem(413, "body_too_large", str(error)))
        except InputError as error:
            request.answer(problem(400, "bad_body", str(error)))
        else:
            self._committer.submit([record], 1, len(record.body), lambda first: request.answer(_stored(first)))

    def _record(self, journey: str, text: bytes) -> LogRecord:
        """The record of a call. Raises InputError: one that cannot be taken is not kept, as its caller is told."""
        record = called.record(journey, _call(text))
        verdict = normalise(record, 0, self._clock.now_us())
        if isinstance(verdict, Rejected):
            msg = f"{verdict.reason}: {verdict.detail}"
            raise InputError(msg)
        return record

    def _refusal(self, request: Request) -> Response | None:
        if not is_internal(request.headers.get(b"authorization", b""), self._key):
            what = "runs key: missing or wrong; send the contents of secrets/runs.key as Bearer authorization"
            return problem(401, "unauthorised", what, b"WWW-Authenticate: Bearer\r\n")
        if request.method != b"POST":
            return problem(405, "method", "begin a run with POST", b"Allow: POST\r\n")
        return self._pressure.refusal()


def is_runs(path: bytes) -> bool:
    """Whether a path is ``/v1/journeys/NAME/runs``."""
    return path.startswith(PREFIX) and path.endswith(SUFFIX) and len(path) > len(PREFIX) + len(SUFFIX)


def journey_of(request: Request) -> str:
    """The journey that the path names. Raises InputError when no journey has such a name."""
    name = request.tail(PREFIX).removesuffix(SUFFIX.decode())
    if len(name) > MAX_NAME_CHARS:
        msg = f"journey: got a name of {len(name)} characters, wanted at most {MAX_NAME_CHARS}"
        raise InputError(msg)
    return name


def _call(text: bytes) -> Call:
    try:
        call = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f'body: {error}; wanted {{"userId": "…", "properties": {{…}}, "messageId": "…"}}'
        raise InputError(msg) from error
    size = len(msgspec.json.encode(call.properties))
    if size > MAX_ITEM_BYTES:
        msg = f"properties: got {size} bytes, wanted at most {MAX_ITEM_BYTES}, as a run keeps them"
        raise InputError(msg)
    if len(call.messageId) > MAX_ID_CHARS:
        msg = f"messageId: got {len(call.messageId)} characters, wanted at most {MAX_ID_CHARS}"
        raise InputError(msg)
    return call


def _stored(first: int | None) -> Response:
    if first is None:
        return busy("the call could not be stored")
    return respond_json(202, {"success": True, "offset": first})
