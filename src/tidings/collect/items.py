"""What is known of items comes in: ``POST /v1/items``, with a secret key, as a price drop makes mail go out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidings.collect.calls import Parsed
from tidings.collect.http import Request, Response, busy, respond_json
from tidings.collect.limits import MAX_INTERNAL_BYTES
from tidings.collect.secret_door import SecretDoor
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


class Items(SecretDoor):
    """The door for items: ``{"items": [{"product_id", "price", "available" or "stock", "name", "url", …}]}``."""

    KEY = "items"
    ASK = "send items"
    MAX_BYTES = MAX_INTERNAL_BYTES

    def parsed(self, request: Request, text: bytes) -> Parsed:  # noqa: ARG002 - the path says nothing more
        """See `SecretDoor.parsed`."""
        return checked(SOURCE, _listed(text), self._clock.now_us())

    def stored(self, first: int | None, parsed: Parsed) -> Response:
        """See `SecretDoor.stored`."""
        if first is None:
            return busy("the items could not be stored")
        counts = {"accepted": parsed.accepted, "refused": parsed.refused, "first_offset": first}
        return respond_json(200, {"success": True, **counts})


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
