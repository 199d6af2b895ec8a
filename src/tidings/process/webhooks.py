"""webhooks.yml: the webhooks that journeys may call, by name. Secrets are no definitions; they lie in the data directory."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tidings.accumulate.base import only
from tidings.clock import MINUTE_US, SECOND_US, parse_duration
from tidings.domain import schema
from tidings.errors import DefinitionError

FILE = "webhooks.yml"
MAX_TRY_US = 5 * MINUTE_US
"""Longest span that one try may take."""
MAX_CONCURRENCY, MAX_PER_MINUTE, MAX_ATTEMPTS, MAX_HEADERS = 64, 60_000, 50, 20
NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""A name is also that of the secret's file."""
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,500}")
_OURS = ("host", "content-length", "content-type", "connection", "transfer-encoding", "user-agent", "accept-encoding")
"""Headers that are ours to set; and those that begin with ``webhook-``."""

_ONE = schema.settings(
    {
        "url": {"type": "string", "pattern": "^https?://"},
        "description": schema.SENTENCE,
        "headers": {"type": "object", "maxProperties": MAX_HEADERS, "additionalProperties": {"type": "string"}},
        "concurrency": schema.whole(1, MAX_CONCURRENCY),
        "per_minute": schema.whole(1, MAX_PER_MINUTE),
        "attempts": schema.whole(1, MAX_ATTEMPTS),
        "try_timeout": schema.SPAN,
    },
    ["url"],
)
SCHEMA = schema.named(_ONE)


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook."""

    name: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    """Sent beside our own."""
    concurrency: int = 4
    """Calls under way at the same time."""
    per_minute: int = 600
    """Calls begun per minute at most."""
    attempts: int = 8
    """Tries of one call before it counts as failed."""
    try_us: int = 10 * SECOND_US
    """How long one try may take, from the first look at the address to the last byte."""


def parse(raw: Any) -> dict[str, Webhook]:
    """The webhooks of a webhooks.yml by name. Raises DefinitionError."""
    if not isinstance(raw, dict):
        raise DefinitionError(FILE, "needs names with their webhooks", got=raw)
    return {str(name): _one(str(name), one, f"{FILE}: {name}") for name, one in raw.items()}


def _one(name: str, raw: Any, where: str) -> Webhook:
    if not NAME.fullmatch(name):
        raise DefinitionError(where, "no name of a webhook", got=name, wanted="letters, digits, - and _, at most 100")
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs settings", got=raw, wanted="url")
    only(raw, {"url", "description", "headers", "concurrency", "per_minute", "attempts", "try_timeout"}, where)
    return Webhook(
        name=name,
        url=_url(raw.get("url"), f"{where}.url"),
        headers=_headers(raw.get("headers", {}), f"{where}.headers"),
        concurrency=_whole(raw.get("concurrency", 4), MAX_CONCURRENCY, f"{where}.concurrency"),
        per_minute=_whole(raw.get("per_minute", 600), MAX_PER_MINUTE, f"{where}.per_minute"),
        attempts=_whole(raw.get("attempts", 8), MAX_ATTEMPTS, f"{where}.attempts"),
        try_us=_span(raw.get("try_timeout", "10s"), f"{where}.try_timeout"),
    )


def _url(raw: Any, where: str) -> str:
    wanted = "such as https://crm.example/hooks/score"
    if not isinstance(raw, str) or not raw.isascii() or any(one <= " " for one in raw):
        raise DefinitionError(where, "no address", got=raw, wanted=wanted)
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError as error:
        raise DefinitionError(where, f"no address: {error}", got=raw, wanted=wanted) from error
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise DefinitionError(where, "no address", got=raw, wanted=wanted)
    if parts.username is not None or parts.fragment:
        raise DefinitionError(
            where, "has a password or a #fragment", got=raw, do="sign with the secret, or use headers"
        )
    return raw


def _headers(raw: Any, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, dict) or len(raw) > MAX_HEADERS:
        raise DefinitionError(where, f"needs at most {MAX_HEADERS} names with texts", got=raw)
    for name, value in raw.items():
        ours = str(name).lower() in _OURS or str(name).lower().startswith("webhook-")
        if not isinstance(name, str) or not _HEADER.fullmatch(name) or ours:
            raise DefinitionError(
                where, "no header that may be set", got=name, wanted="letters, digits and -; none of ours"
            )
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise DefinitionError(
                f"{where}.{name}", "no value", got=value, wanted="a text of printable ASCII, at most 500"
            )
    return tuple(raw.items())


def _whole(raw: Any, most: int, where: str) -> int:
    if type(raw) is not int or not 1 <= raw <= most:
        raise DefinitionError(where, "out of range", got=raw, wanted=f"1 to {most}")
    return raw


def _span(raw: Any, where: str) -> int:
    try:
        span_us = parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(where, str(error)) from error
    if span_us > MAX_TRY_US:
        raise DefinitionError(where, "too long", got=raw, wanted="at most 5m")
    return span_us
