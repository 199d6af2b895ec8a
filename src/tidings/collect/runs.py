"""Runs begun by a shop's own system: ``POST /v1/journeys/NAME/runs``, with a secret key, as it makes mail go out."""

from __future__ import annotations

import msgspec

from tidings.collect.calls import Parsed
from tidings.collect.http import Request, Response, busy, respond_json
from tidings.collect.limits import MAX_BODY_BYTES
from tidings.collect.secret_door import SecretDoor
from tidings.domain import called
from tidings.domain.called import Call
from tidings.domain.event import Rejected
from tidings.domain.record import LogRecord
from tidings.domain.wire import MAX_ID_CHARS, MAX_NAME_CHARS, normalise
from tidings.errors import InputError
from tidings.process.run import MAX_ITEM_BYTES

PREFIX, SUFFIX = b"/v1/journeys/", b"/runs"
_DECODER = msgspec.json.Decoder(Call)


class Runs(SecretDoor):
    """The door for calls: ``{"userId" or "anonymousId", "properties": {…}, "messageId": "…"}``. 202 means on disk."""

    KEY = "runs"
    ASK = "begin a run"
    MAX_BYTES = MAX_BODY_BYTES

    def parsed(self, request: Request, text: bytes) -> Parsed:
        """See `SecretDoor.parsed`."""
        return Parsed([self._record(journey_of(request), text)], 1)

    def stored(self, first: int | None, parsed: Parsed) -> Response:  # noqa: ARG002 - there is one
        """See `SecretDoor.stored`."""
        if first is None:
            return busy("the call could not be stored")
        return respond_json(202, {"success": True, "offset": first})

    def _record(self, journey: str, text: bytes) -> LogRecord:
        """The record of a call. Raises InputError: one that cannot be taken is not kept, as its caller is told."""
        record = called.record(journey, _call(text))
        verdict = normalise(record, 0, self._clock.now_us())
        if isinstance(verdict, Rejected):
            msg = f"{verdict.reason}: {verdict.detail}"
            raise InputError(msg)
        return record


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
