"""Liquid filters that templates may use: a fixed list, each one bounded, none that reads a clock or the outside.

Most are python-liquid's own. `money` is ours; `date` is ours because the library's knows "now"; `replace` and `join`
are ours because one call of them can make a gigabyte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import wraps
from typing import Any

from liquid import Environment, Markup, soft_str
from liquid.exceptions import FilterArgumentError
from liquid.filter import with_environment

MAX_CHARS = 200_000
"""Longest text, and longest list, that a filter may give."""
MAX_NUMBER = 10**18
"""Largest number that a filter may give."""

KEPT = frozenset(
    """
    abs append at_least at_most capitalize ceil compact concat default divided_by downcase escape find first floor
    has last lstrip map minus modulo newline_to_br plus prepend reject remove remove_first remove_last
    replace_first replace_last reverse round rstrip size slice sort sort_natural split squish strip strip_html
    strip_newlines sum times truncate truncatewords uniq upcase url_encode where
    """.split()  # noqa: SIM905 - one word after the other reads better
)
"""python-liquid's filters that are safe once bounded."""

_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥", "INR": "₹", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$"}
_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "UGX": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3}
_DATE_CODE = re.compile(r"%(-?[aAbBdeHIjmMpSyYZ%])")
_MAX_FORMAT_CHARS = 100


def install(environment: Environment) -> None:
    """Leave exactly our filters in `environment`."""
    library = environment.filters
    ours: dict[str, Callable[..., Any]] = {"money": money, "date": date, "replace": replace, "join": join}
    environment.filters = {name: _bounded(name, library[name]) for name in KEPT}
    environment.filters |= {name: _bounded(name, function) for name, function in ours.items()}


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def bounded(left: Any, *arguments: Any, **keywords: Any) -> Any:
        if isinstance(left, range) and len(left) > MAX_CHARS:
            msg = f"{name}: a range of {len(left)} is too long"
            raise FilterArgumentError(msg, token=None)
        try:
            result = function(left, *arguments, **keywords)
        except (ArithmeticError, ValueError, TypeError, AttributeError) as error:
            msg = f"{name}: {error}"
            raise FilterArgumentError(msg, token=None) from error
        if _too_big(result):
            msg = f"{name}: the result is too big"
            raise FilterArgumentError(msg, token=None)
        return result

    return bounded


def _too_big(result: Any) -> bool:
    if isinstance(result, str | list | tuple):
        return len(result) > MAX_CHARS
    if isinstance(result, int | float):
        return not -MAX_NUMBER < result < MAX_NUMBER  # also infinities and not-a-number
    return False


def money(value: Any, currency: Any = "GBP") -> str:
    """An amount as people write it: ``{{ 1234.5 | money: "GBP" }}`` gives £1,234.50. Nothing for what is no number."""
    code = soft_str(currency).upper()[:3]
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or abs(amount) >= MAX_NUMBER:
        return ""
    digits = _DIGITS.get(code, 2)
    rounded = amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    sign = "-" if rounded < 0 else ""
    symbol = _SYMBOLS.get(code)
    number = f"{abs(rounded):,.{digits}f}"
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {code}"


def date(value: Any, pattern: Any = "%Y-%m-%d") -> str:
    """An instant (ISO 8601 text, or seconds since 1970) in UTC by strftime codes; as it is when it is no instant.

    There is no "now": a message rendered again must have the same bytes.
    """
    moment = _moment(value)
    if moment is None:
        return soft_str(value) if isinstance(value, str | int | float) else ""
    return _DATE_CODE.sub(lambda code: _date_part(moment, code[1]), soft_str(pattern)[:_MAX_FORMAT_CHARS])


def _date_part(moment: datetime, code: str) -> str:
    text = moment.strftime("%" + code[-1])
    return text.lstrip("0") or "0" if code[0] == "-" else text


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def replace(value: Any, old: Any, new: Any = "") -> str:
    """Each occurrence of `old` by `new`."""
    text, old, new = _text(value), soft_str(old), soft_str(new)
    if text.count(old) * len(new) > MAX_CHARS:
        msg = "replace: the result is too big"
        raise FilterArgumentError(msg, token=None)
    return text.replace(old, new)


@with_environment
def join(value: Any, separator: Any = " ", *, environment: Environment) -> str:
    """The texts of a list with `separator` between them."""
    parts = (
        [_text(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else [_text(value)]
    )
    between = _text(separator)
    if sum(len(part) + len(between) for part in parts) > MAX_CHARS:
        msg = "join: the result is too big"
        raise FilterArgumentError(msg, token=None)
    return Markup(between).join(parts) if environment.autoescape and separator == " " else between.join(parts)


def _text(value: Any) -> str:
    return "" if value is None else soft_str(value)
