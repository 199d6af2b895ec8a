"""From JSON bytes to log records: the check at the door, so that a bad event is named at once and never lost.

`domain.wire.normalise` decides what is a good event, here and again in the keyed core. It is spared for the bulk: one
decoding pass into narrower types (`_Call`) and a few comparisons accept a subset of what `normalise` accepts at a third
of its price; such a batch goes into the log in one piece. A request with anything else in it goes through `normalise`
event by event. (What only the core refuses: a time that ends in a small ``z``, and a context nested too deep.)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from tidings.clock import DAY_US, SECOND_US
from tidings.domain.event import Rejected
from tidings.domain.record import REFUSED, LogRecord
from tidings.domain.wire import (
    MAX_EVENT_BYTES,
    MAX_ID_CHARS,
    MAX_NAME_CHARS,
    NO_CONTEXT,
    account,
    identifier,
    instant_us,
    normalise,
)
from tidings.errors import InputError
from tidings.log.packed import Packed, bodies

_Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Id = Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARS)] | _Whole | None
_EventId = Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARS)] | None
_Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)] | None
_T = TypeVar("_T")
_GENERATED_CHARS = 20
_FIRST_YEAR = 2000
"""Times from here on stay after `normalise`'s bound of 1980 whatever a plausible `sentAt` does to them."""
_YEAR_US = 365 * DAY_US
_MEAN_YEAR_US = 31_556_952 * SECOND_US
_MIN_SENT_US = 10 * _YEAR_US
_MAX_SENT_US = 8_000 * _YEAR_US


class Parsed(msgspec.Struct, gc=False):
    """What a request body held."""

    records: Sequence[LogRecord | Packed]
    """Its events, refused ones too."""
    accepted: int
    """How many of them are good."""
    refused: int = 0
    """How many are not."""

    def size(self) -> int:
        """Bytes they take while they wait."""
        return sum([len(record.body) for record in self.records])


_Scalar = str | _Whole | float | bool | None
_Level1 = _Scalar | list[_Scalar] | dict[str, _Scalar]
_Level2 = _Scalar | list[_Level1] | dict[str, _Level1]
_Level3 = _Scalar | list[_Level2] | dict[str, _Level2]
_Value = _Scalar | list[_Level3] | dict[str, _Level3]
"""JSON of small depth, told by its type: spares counting brackets."""
_Object = dict[str, _Value] | None


class _Call(msgspec.Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    """One call whose fields are as they nearly always are; its kind is told by the path."""

    type: str = ""
    event: _Name = None
    messageId: _EventId = None
    anonymousId: _Id = None
    userId: _Id = None
    timestamp: datetime | None = None
    properties: _Object = None
    traits: _Object = None
    context: msgspec.Raw = NO_CONTEXT
    sentAt: datetime | None = None
    originalTimestamp: datetime | None = None
    name: str | None = None
    category: str | None = None
    groupId: str | _Whole | None = None
    previousId: _Id = None
    # Fields that SDKs send besides and that mean nothing here; declared so that their depth is seen too.
    integrations: _Value = None
    channel: _Value = None
    writeKey: _Value = None
    rudderId: _Value = None
    version: _Value = None
    library: _Value = None
    metadata: _Value = msgspec.field(name="_metadata", default=None)


class _BatchedCall(_Call, gc=False, kw_only=True, forbid_unknown_fields=True):
    """One call inside a batch: it says its kind itself."""

    type: Literal["track", "identify", "page", "screen", "group", "alias"]


class _Batch(msgspec.Struct, gc=False):
    """A body whose calls are judged one by one."""

    batch: list[msgspec.Raw]
    sentAt: Any = None


class _GoodBatch(msgspec.Struct, gc=False):
    """A body all of whose calls are as they nearly always are."""

    batch: list[_BatchedCall]
    sentAt: Any = None


class _Envelope(msgspec.Struct, gc=False):
    writeKey: str | None = None


_BATCH = msgspec.json.Decoder(_Batch)
_GOOD_BATCH = msgspec.json.Decoder(_GoodBatch)
_GOOD_CALL = msgspec.json.Decoder(_Call)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_NOT_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def write_key(body: bytes) -> str:
    """The ``writeKey`` in a body; empty when there is none. Raises InputError when the body is not a JSON object."""
    return _decode(_ENVELOPE, body).writeKey or ""


def batch(body: bytes, source: str, now_us: int) -> Parsed:
    """Records of a ``{"batch": […]}`` body. Raises InputError when the body as a whole is not one."""
    packed = _good_batch(body, source, now_us)
    if packed is not None:
        return Parsed([packed], packed.count)
    parts = _decode(_BATCH, body)
    sent_us = _sent_us(parts.sentAt)
    return checked([LogRecord(source, "", sent_us, bytes(raw)) for raw in parts.batch], now_us)


def single(body: bytes, kind: str, source: str, now_us: int) -> Parsed:
    """The record of a body that is one call of `kind`. Raises InputError when it is not a JSON object."""
    record = LogRecord(source, kind, 0, body)
    if _good(body, kind, now_us):
        return Parsed([record], 1)
    _decode(_ENVELOPE, body)
    return checked([record], now_us)


def checked(records: Sequence[LogRecord], now_us: int) -> Parsed:
    """Each record as it is when `normalise` takes it, else flagged as refused, with the reason."""
    out = [_checked(record, now_us) for record in records]
    refused = sum(1 for record in out if record.flags & REFUSED)
    return Parsed(out, len(out) - refused, refused)


def _checked(record: LogRecord, now_us: int) -> LogRecord:
    verdict = normalise(record, 0, now_us)
    if not isinstance(verdict, Rejected):
        return record
    reason = record.reason or f"{verdict.reason}: {verdict.detail}"
    return msgspec.structs.replace(record, flags=record.flags | REFUSED, reason=reason)


def _decode(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except _NOT_JSON as error:
        msg = f"body: {error}; wanted a JSON object as in Segment's HTTP API"
        raise InputError(msg) from error


def _sent_us(value: Any) -> int:
    """A batch's ``sentAt``; 0 when it cannot be read: a broken clock costs the correction of times, not the events."""
    try:
        sent_us = instant_us(value)
    except (ValueError, OverflowError, TypeError):
        return 0
    return sent_us if _MIN_SENT_US < sent_us < _MAX_SENT_US else 0


def _good_batch(body: bytes, source: str, now_us: int) -> Packed | None:
    """The body in one piece, when all its events are good at first sight and there are any."""
    try:
        good = _GOOD_BATCH.decode(body)
    except _NOT_JSON:
        return None
    sent_us = _sent_us(good.sentAt)
    if not good.batch or sent_us > now_us + _YEAR_US or not _plain(good.batch, "", _year(now_us) + 1):
        return None
    if len(body) > MAX_EVENT_BYTES and max(map(len, bodies(body))) > MAX_EVENT_BYTES:
        return None
    return Packed(source, "", sent_us, body, 0, "", len(good.batch))


def _good(body: bytes, kind: str, now_us: int) -> bool:
    try:
        return len(body) <= MAX_EVENT_BYTES and _plain([_GOOD_CALL.decode(body)], kind, _year(now_us) + 1)
    except _NOT_JSON:
        return False


def _plain(calls: Sequence[_Call], kind: str, next_year: int) -> bool:
    """Each names somebody and, when tracked, something; and its times are of our days."""
    for call in calls:
        occurred = call.timestamp or call.originalTimestamp
        if (
            not _somebody(call.anonymousId, call.userId)
            or (not call.event and (kind or call.type) == "track")
            or (occurred is not None and occurred.year < _FIRST_YEAR)
            or (call.sentAt is not None and call.sentAt.year > next_year)
        ):
            return False
    return True


def _somebody(anonymous_id: str | int | None, user_id: str | int | None) -> bool:
    """Whether one of the ids is one. A generated id is longer than all that careless code sends for nobody."""
    if type(anonymous_id) is str and len(anonymous_id.strip()) > _GENERATED_CHARS:
        return True
    return bool(account(user_id) or identifier(anonymous_id))


def _year(at_us: int) -> int:
    """The year, give or take a day."""
    return 1970 + at_us // _MEAN_YEAR_US
