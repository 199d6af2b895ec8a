"""What is known of items comes in: ``POST /v1/items``, with a secret key, as a price drop makes mail go out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidings.clock import Clock
from tidings.collect import body as bodies
from tidings.collect.calls import Parsed
from tidings.collect.committer import Committer
from tidings.collect.http import Request, Response, busy, problem, respond_json
from tidings.collect.keys import is_internal
from tidings.collect.limits import MAX_INTERNAL_BYTES
from tidings.collect.pressure import Pressure
from tidings.domain.event import Rejected
from tidings.domain.item import KIND, normalise
from tidings.domain.record import REFUSED, LogRecord
from tidings.errors import InputError

PATH = b"/v1/items"
SOURCE = "items"
"""Source of what comes this way."""
MAX_ITEMS = 10_000
"""Items of one request."""


class _Feed(msgspec.Struct):
    items: list[msgspec.Raw]


_DECODER = msgspec.json.Decoder(_Feed)


class Items:
    """The door for items."""

    def __init__(self, key: str, committer: Committer, pressure: Pressure, clock: Clock) -> None:
        self._key = key
        self._committer = committer
        self._pressure = pressure
        self._clock = clock

    def take(self, request: Request) -> None:
        """``{"items": [{"product_id", "price", "available" or "stock", "name", "url", …}]}``."""
        refusal = self._refusal(request)
        if refusal is not None:
            request.answer(refusal)
            return
        try:
            text = bodies.plain(request.body, request.headers.get(b"content-encoding", b""), MAX_INTERNAL_BYTES)
            parsed = checked(SOURCE, _listed(text), self._clock.now_us())
        except bodies.TooLarge as error:
            request.answer(problem(413, "body_too_large", str(error)))
        except InputError as error:
            request.answer(problem(400, "bad_body", str(error)))
        else:
            count = parsed.accepted + parsed.refused
            self._committer.submit(
                parsed.records, count, parsed.size(), lambda first: request.answer(_stored(first, parsed))
            )

    def _refusal(self, request: Request) -> Response | None:
        if not is_internal(request.headers.get(b"authorization", b""), self._key):
            what = "items key: missing or wrong; send the contents of secrets/items.key as Bearer authorization"
            return problem(401, "unauthorised", what, b"WWW-Authenticate: Bearer\r\n")
        if request.method != b"POST":
            return problem(405, "method", "send items with POST", b"Allow: POST\r\n")
        return self._pressure.refusal()


def _listed(text: bytes) -> list[bytes]:
    try:
        return [bytes(one) for one in _DECODER.decode(text).items]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f'body: {error}; wanted {{"items": [{{"product_id": "…", "price": 9.5}}]}}'
        raise InputError(msg) from error


def checked(source: str, items: Sequence[bytes], now_us: int) -> Parsed:
    """A record for each item; a bad one is flagged as refused, with the reason. Raises InputError when there are none, or too many."""
    if not 1 <= len(items) <= MAX_ITEMS:
        msg = f"items: got {len(items)}, wanted 1 to {MAX_ITEMS}"
        raise InputError(msg)
    records = [_record(source, one, now_us) for one in items]
    refused = sum(1 for record in records if record.flags & REFUSED)
    return Parsed(records, len(records) - refused, refused)


def _record(source: str, body: bytes, now_us: int) -> LogRecord:
    record = LogRecord(source, KIND, 0, body)
    verdict = normalise(record, now_us)
    if not isinstance(verdict, Rejected):
        return record
    return LogRecord(source, KIND, 0, body, REFUSED, f"{verdict.reason}: {verdict.detail}")


def _stored(first: int | None, parsed: Parsed) -> Response:
    if first is None:
        return busy("the items could not be stored")
    counts = {"accepted": parsed.accepted, "refused": parsed.refused, "first_offset": first}
    return respond_json(200, {"success": True, **counts})
