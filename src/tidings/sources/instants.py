"""When a row happened: the time formats of files, as microseconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from tidings.clock import SECOND_US
from tidings.errors import DefinitionError
from tidings.sources.row import Unmappable, Values
from tidings.sources.spec import Spec, read_as
from tidings.sources.values import decimal_of

Instant: TypeAlias = Callable[[Values], int]
"""When the row happened, in microseconds. Raises Unmappable."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_UNITS_US = {"unix_s": SECOND_US, "unix_ms": 1_000}
_SAMPLE = datetime(2011, 12, 9, 12, 50, 7, tzinfo=UTC)


class TimestampSpec(Spec, frozen=True, kw_only=True):
    """Which column tells the time, and how."""

    column: str
    format: str
    zone: str = "UTC"


def compile_instant(raw: object, where: str, needed: set[str]) -> Instant:
    """The function that reads a row's time as `raw` describes. Raises DefinitionError."""
    spec = read_as(TimestampSpec, raw, where)
    needed.add(spec.column)
    column = spec.column
    # Lines of one order carry the same time: parsing it once is most of the speed of a map.
    parse = lru_cache(maxsize=8_192)(_parser(spec, where))

    def instant(values: Values) -> int:
        text = values.get(column, "")
        try:
            return parse(text)
        except (ValueError, OverflowError) as error:
            sentence = f"{column}: got {text[:40]!r}, wanted a time written as {spec.format}"
            raise Unmappable(word="bad_timestamp", sentence=sentence) from error

    return instant


def _parser(spec: TimestampSpec, where: str) -> Callable[[str], int]:
    zone = _zone(spec.zone, f"{where}.zone")
    if spec.format in _UNIX_UNITS_US:
        return _unix(_UNIX_UNITS_US[spec.format])
    if spec.format == "iso":
        return lambda text: _us(datetime.fromisoformat(text.strip()), zone)
    _check_format(spec.format, f"{where}.format")
    return lambda text: _us(datetime.strptime(text.strip(), spec.format), zone)  # noqa: DTZ007 the zone follows


def _zone(name: str, where: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise DefinitionError(
            where, "is not a known time zone", got=name, wanted="a name such as Europe/London"
        ) from error


def _check_format(text: str, where: str) -> None:
    try:
        whole = datetime.strptime(_SAMPLE.strftime(text), text).date() == _SAMPLE.date()  # noqa: DTZ007
    except ValueError:
        whole = False
    if not whole:
        wanted = "iso, unix_s, unix_ms, or directives for a whole date such as %Y-%m-%d %H:%M:%S"
        raise DefinitionError(where, "is not a time format", got=text, wanted=wanted)


def _unix(unit_us: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = decimal_of(text)
        if number is None:
            msg = "not a number"
            raise ValueError(msg)
        return int(number * Decimal(unit_us))

    return parse


def _us(moment: datetime, zone: tzinfo) -> int:
    """A time without a zone of its own is in `zone`; of a repeated hour (end of summer time) it is the first."""
    delta = (moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds
