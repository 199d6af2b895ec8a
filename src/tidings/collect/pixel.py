"""An event in a query string, for mails and pages without a script: ``/v1/pixel.gif?writeKey=…&event=…&userId=…``.

Fields are named by their path (``properties.sku=A1``, ``context.campaign.name=spring``); values stay text. Typed
values go as one JSON object, plain or base64, in ``data`` (Segment's ``/v1/pixel/track?data=…`` too).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tidings.collect.body import data_field
from tidings.domain.event import KINDS
from tidings.errors import InputError

_MAX_FIELDS = 100
_MAX_LEVELS = 4
_TOP = ("event", "messageId", "userId", "anonymousId", "previousId", "timestamp", "sentAt")
_NESTED = ("properties", "traits", "context")


def fields(query: bytes) -> dict[str, str]:
    """The query's fields; of a repeated one the last. Raises InputError when there are too many."""
    try:
        return dict(parse_qsl(query.decode("latin-1"), max_num_fields=_MAX_FIELDS, keep_blank_values=True))
    except ValueError as error:
        msg = f"query: {error}; wanted at most {_MAX_FIELDS} fields"
        raise InputError(msg) from error


def call(tail: bytes, given: dict[str, str]) -> tuple[str, bytes]:
    """(kind, the event's JSON) of a pixel request; `tail` is the path after ``/v1/pixel``."""
    event = data_field(given["data"]) if "data" in given else msgspec.json.encode(_event(given))
    kind = tail.strip(b"/").decode("latin-1")
    if kind not in KINDS:
        kind = given.get("type", "")
    if kind not in KINDS:
        kind = "" if "data" in given else "track" if given.get("event") else "page"
    return kind, event


def _event(given: dict[str, str]) -> dict[str, Any]:
    event: dict[str, Any] = {name: given[name] for name in _TOP if given.get(name)}
    for name, value in given.items():
        path = name.split(".")
        if path[0] in _NESTED and 1 < len(path) <= _MAX_LEVELS:
            _put(event, path, value)
    return event


def _put(into: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        inner = into.setdefault(name, {})
        if not isinstance(inner, dict):
            return  # `context.page=x&context.page.url=y`: the first one stays
        into = inner
    into[path[-1]] = value
