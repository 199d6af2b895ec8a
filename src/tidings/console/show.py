"""How values look on a page: numbers, money, instants, spans, people, JSON. Jinja filters and globals; all escape."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from markupsafe import Markup, escape

from tidings.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, iso
from tidings.ids import digest

SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥"}
"""Currencies written with a sign."""
NOTHING = "\N{EN DASH}"
"""Where there is no value."""
MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
TELLING = ("name", "path", "query", "order_id", "email", "purpose", "title", "method")
"""Properties that say what an event is about, the best first."""
HUES = 8
"""Colours of the round initials; see console.css."""
MAX_JSON_CHARS = 64_000
"""Longest JSON that is coloured; longer text is cut, the raw download is whole."""

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')


def number(value: float | None) -> str:
    """``397,924``."""
    if value is None:
        return NOTHING
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def money(value: float, currency: str = "") -> str:
    """``£1,234.50``; an unknown currency is written behind."""
    sign = SYMBOLS.get(currency, "")
    amount = f"{abs(value):,.2f}"
    return f"{MINUS if value < 0 else ''}{sign}{amount}{'' if sign or not currency else ' ' + currency}"


def ago(at_us: int, now_us: int) -> str:
    """``12 s ago``, ``in 3 min``, or the day when it is long ago."""
    span_us = now_us - at_us
    size_us = abs(span_us)
    if size_us < 2 * SECOND_US:
        return "just now"
    if size_us >= 60 * DAY_US:
        return day(at_us)
    for unit_us, word in ((DAY_US, "d"), (HOUR_US, "h"), (MINUTE_US, "min"), (SECOND_US, "s")):
        if size_us >= unit_us:
            text = f"{size_us // unit_us} {word}"
            break
    return f"{text} ago" if span_us > 0 else f"in {text}"


def day(at_us: int) -> str:
    """``3 Nov 2026`` in UTC."""
    moment = datetime.fromtimestamp(at_us / SECOND_US, UTC)
    return f"{moment.day} {moment:%b %Y}"


def exact(at_us: int) -> str:
    """``2026-11-03 14:05:09.123 UTC``."""
    moment = datetime.fromtimestamp(at_us // SECOND_US, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{at_us % SECOND_US // 1000:03} UTC"


def clock_time(at_us: int) -> str:
    """``14:05:09`` in UTC."""
    return f"{datetime.fromtimestamp(at_us // SECOND_US, UTC):%H:%M:%S}"


def time_tag(at_us: int | None, now_us: int) -> Markup:
    """The instant as people say it, the exact one on hover; the page's script keeps it current."""
    if not at_us:
        return Markup('<span class="soft">{}</span>').format(NOTHING)
    return Markup('<time datetime="{}" data-us="{}" title="{}">{}</time>').format(
        iso(at_us), at_us, exact(at_us), ago(at_us, now_us)
    )


def moment_tag(at_us: int | None, now_us: int) -> Markup:
    """The instant to the second, for chains of cause and effect; the page's script shows it in the reader's zone."""
    if not at_us:
        return Markup("")
    text = clock_time(at_us) if abs(now_us - at_us) < DAY_US else f"{day(at_us)}, {clock_time(at_us)}"
    return Markup('<time datetime="{}" data-us="{}" data-clock title="{}">{}</time>').format(
        iso(at_us), at_us, exact(at_us), text
    )


def moments(text: str, now_us: int) -> Markup:
    """A sentence, escaped, in which every ISO instant is shown as `moment_tag` does."""
    parts: list[Markup] = []
    end = 0
    for match in _ISO.finditer(text):
        parts += [escape(text[end : match.start()]), moment_tag(instant_of(match[0]), now_us)]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def headline(said: Mapping[str, Any]) -> str:
    """What an event's properties say, in a few words: a name, a price, a total, else the first pairs."""
    currency = str(said.get("currency") or "")
    parts = [str(said[key]) for key in TELLING if isinstance(said.get(key), str) and said[key]][:2]
    for key in ("price", "revenue", "value"):
        if isinstance(said.get(key), int | float):
            parts.append(money(said[key], currency))
            break
    if isinstance(said.get("quantity"), int) and said["quantity"] != 1:
        parts[-1:] = [" ".join([*parts[-1:], f"{TIMES} {said['quantity']}"])]
    if not parts and isinstance(said.get("url"), str):
        parts = [said["url"]]
    if not parts:
        pairs = [(key, given) for key, given in said.items() if given is not None and not key.endswith("_id")]
        parts = [f"{words(key).lower()} {value(given)}" for key, given in pairs]
    return " · ".join(parts[:3])


def span(span_us: int) -> str:
    """``5 min``, ``1 h 20 min``, ``340 ms``."""
    if span_us < SECOND_US:
        return f"{span_us / 1000:.0f} ms"
    if span_us < MINUTE_US:
        return f"{span_us / SECOND_US:.1f}".removesuffix(".0") + " s"
    words: list[str] = []
    for unit_us, word in ((DAY_US, "d"), (HOUR_US, "h"), (MINUTE_US, "min"), (SECOND_US, "s")):
        if span_us >= unit_us and len(words) < 2:
            words.append(f"{span_us // unit_us} {word}")
            span_us %= unit_us
    return " ".join(words)


def size(size_bytes: int) -> str:
    """``2.4 kB``."""
    return f"{size_bytes} B" if size_bytes < 1_000 else f"{size_bytes / 1_000:.1f} kB"


def who(row: sqlite3.Row | Mapping[str, Any] | msgspec.Struct) -> str:
    """A person's display name: name, e-mail address, user id, or ``Anonymous`` and the start of the id."""
    if isinstance(row, msgspec.Struct):
        row = msgspec.structs.asdict(row)
    text = row["name"] or row["email"] or row["user_id"]
    return str(text) if text else f"Anonymous {(row['profile_id'] or '')[:6]}"


def initials(name: str) -> str:
    """One or two letters for the round picture; of a number its end."""
    words = re.findall(r"\b[^\W\d_]+\b", name.partition("@")[0])
    digits = re.findall(r"\d", name)
    return "".join(word[0] for word in words[:2]).upper() or "".join(digits[-2:]) or "#"


def hue(profile_id: str) -> int:
    """Which colour the round picture has; the same for the same person."""
    return digest("hue", profile_id)[0] % HUES


def words(name: str) -> str:
    """A name out of code, for people: ``abandoned_cart`` becomes ``Abandoned cart``."""
    text = name.replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]


def value(given: Any) -> str:
    """A trait or property in one line."""
    if given is None:
        return NOTHING
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, int | float):
        return number(given)
    if isinstance(given, str):
        return given
    if isinstance(given, list) and all(isinstance(one, str | int | float) for one in given):
        return ", ".join(map(value, given))[:300] or "none"
    return json.dumps(given, ensure_ascii=False)[:300]


def instant_of(given: Any) -> int | None:
    """Microseconds of a trait that is an ISO instant (as computed traits write them), else None."""
    if not isinstance(given, str) or not _ISO.fullmatch(given):
        return None
    moment = datetime.fromisoformat(given)
    return round(moment.timestamp() * SECOND_US)


def json_markup(body: bytes) -> Markup:
    """A JSON body indented and coloured; other bytes as text. Always escaped."""
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return escape(body[:MAX_JSON_CHARS].decode("utf-8", "backslashreplace"))
    return _coloured(text[:MAX_JSON_CHARS])


def _coloured(text: str) -> Markup:
    parts: list[Markup] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(escape(text[end : match.start()]))
        kind = "k" if match[2] else "s" if match[1] else "b" if match[3] else "n"
        token = match[1] or match[0]
        parts.append(Markup('<span class="j-{}">{}</span>').format(kind, token))
        parts.append(escape(match[2] or ""))
        end = match.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


FILTERS = {
    "number": number,
    "money": money,
    "span": span,
    "size": size,
    "who": who,
    "initials": initials,
    "hue": hue,
    "words": words,
    "value": value,
    "headline": headline,
    "instant_of": instant_of,
}
"""For the templates, by name."""
