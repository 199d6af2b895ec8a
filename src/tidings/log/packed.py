"""A batch request kept in one piece: it is taken apart when it is read, not when it arrives.

Taking a body apart costs the door as much as checking it. The reader has to touch each event anyway, so there it costs
little. Offsets count events all the same: a packed batch of twenty takes twenty offsets.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidings.domain.record import LogRecord


class Packed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The events of one request. The first six fields are those of a `LogRecord` and mean the same for all of them."""

    source: str
    kind: str
    sent_us: int
    body: bytes
    """``{"batch": [event, …], …}``, as received."""
    flags: int
    reason: str
    count: int
    """How many events it holds, at least 1; whoever packs has looked."""


PLAIN, MIXED = 1, 2
"""Block formats: MessagePack lists of `LogRecord`, or of either kind."""


class _Stored(LogRecord, array_like=True, frozen=True, gc=False):
    """Either kind, as a mixed block holds it."""

    count: int = 0
    """0 for a plain record."""


class _Batch(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]


_SPLIT = msgspec.json.Decoder(_Batch)
_PLAIN = msgspec.msgpack.Decoder(list[LogRecord])
_MIXED = msgspec.msgpack.Decoder(list[_Stored])
_ENCODER = msgspec.msgpack.Encoder()


def bodies(body: bytes) -> list[msgspec.Raw]:
    """The bytes of each event of a batch body. Raises msgspec.DecodeError when it is not one."""
    return _SPLIT.decode(body).batch


def encode(records: Sequence[LogRecord | Packed]) -> tuple[int, int, bytes]:
    """(format, how many events, data)."""
    counts = [record.count for record in records if type(record) is Packed]
    data = _ENCODER.encode(records)
    return (MIXED if counts else PLAIN), len(records) - len(counts) + sum(counts), data


def decode(form: int, data: bytes) -> list[LogRecord]:
    """All records, batches taken apart. Raises msgspec.DecodeError when `data` is not of that format."""
    if form == PLAIN:
        return _PLAIN.decode(data)
    return [record for stored in _MIXED.decode(data) for record in _spread(stored)]


def _spread(stored: _Stored) -> list[LogRecord]:
    source, kind, sent_us, flags, reason = stored.source, stored.kind, stored.sent_us, stored.flags, stored.reason
    if not stored.count:
        return [LogRecord(source, kind, sent_us, stored.body, flags, reason)]
    return [LogRecord(source, kind, sent_us, bytes(raw), flags, reason) for raw in bodies(stored.body)]
