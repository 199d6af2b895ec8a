"""The internal door: events of our own roles (``source`` "tidings") and imports, with the internal key."""

from __future__ import annotations

import msgspec

from tidings.collect import calls, items
from tidings.collect.calls import Parsed
from tidings.collect.http import Request, Response, busy, respond_json
from tidings.collect.limits import MAX_INTERNAL_BYTES
from tidings.collect.secret_door import SecretDoor
from tidings.domain import control, everybody
from tidings.domain.control import SOURCE, Change
from tidings.domain.everybody import Asked
from tidings.domain.record import BACKFILL, REFUSED, LogRecord
from tidings.errors import InputError

PATH = b"/internal/events"

_MAX_SOURCE_CHARS = 100


class _Record(msgspec.Struct, gc=False):
    body: msgspec.Raw = msgspec.Raw()
    refused: str = ""
    raw: str = ""


class _Delivery(msgspec.Struct, gc=False):
    source: str
    records: list[_Record] | msgspec.UnsetType = msgspec.UNSET
    backfill: bool = False
    definitions: Change | msgspec.UnsetType = msgspec.UNSET
    everybody: Asked | msgspec.UnsetType = msgspec.UNSET
    items: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


_DECODER = msgspec.json.Decoder(_Delivery)


class Internal(SecretDoor):
    """Takes records from our own processes; same durability as the public door.

    ``{"source", "backfill", "records": [{"body": {…}} | {"refused": "word: sentence", "raw": "…"}]}``.
    Or ``{"source": "tidings", "definitions": {"phase", "version", "parent", …}}``: a change of definitions; or ``"everybody":
    {"type", "broadcast", …}``: something told to everybody; or ``{"source", "items": [{"product_id", …}]}``: what is known of items.
    """

    KEY = "internal"
    ASK = "send events"
    MAX_BYTES = MAX_INTERNAL_BYTES

    def parsed(self, request: Request, text: bytes) -> Parsed:  # noqa: ARG002 - the path says nothing more
        """See `SecretDoor.parsed`."""
        delivery = _delivery(text)
        if delivery.records is not msgspec.UNSET:
            return calls.checked(_records(delivery), self._clock.now_us())
        if delivery.items is not msgspec.UNSET:
            return items.checked(delivery.source, [bytes(one) for one in delivery.items], self._clock.now_us())
        if delivery.source != SOURCE:
            msg = f"definitions, everybody: got source {delivery.source!r}, wanted {SOURCE!r}"
            raise InputError(msg)
        if delivery.definitions is not msgspec.UNSET:
            return Parsed([control.record_of(delivery.definitions)], 1)
        assert delivery.everybody is not msgspec.UNSET
        return Parsed([everybody.record_of(delivery.everybody)], 1)

    def stored(self, first: int | None, parsed: Parsed) -> Response:
        """See `SecretDoor.stored`."""
        if first is None:
            return busy("the events could not be stored")
        counts = {"accepted": parsed.accepted, "refused": parsed.refused, "first_offset": first}
        return respond_json(200, {"success": True, **counts})


def _delivery(text: bytes) -> _Delivery:
    try:
        delivery = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f'body: {error}; wanted {{"source": "…", "records": [{{"body": {{…}}}}]}}'
        raise InputError(msg) from error
    said = (delivery.records, delivery.definitions, delivery.everybody, delivery.items)
    if sum(one is not msgspec.UNSET for one in said) != 1:
        msg = (
            'body: wanted one of records, definitions, everybody and items: {"source": "…", "records": [{"body": {…}}]}'
        )
        raise InputError(msg)
    if not 0 < len(delivery.source) <= _MAX_SOURCE_CHARS:
        msg = f"source: got {len(delivery.source)} characters, wanted 1 to {_MAX_SOURCE_CHARS}"
        raise InputError(msg)
    return delivery


def _records(delivery: _Delivery) -> list[LogRecord]:
    flags = BACKFILL if delivery.backfill else 0
    return [_record(delivery.source, flags, record) for record in delivery.records or ()]


def _record(source: str, flags: int, record: _Record) -> LogRecord:
    if record.refused:
        word, colon, sentence = record.refused.partition(": ")
        reason = record.refused if colon else f"refused: {word or sentence}"
        return LogRecord(source, "", 0, record.raw.encode(), flags | REFUSED, reason)
    return LogRecord(source, "", 0, bytes(record.body), flags)
