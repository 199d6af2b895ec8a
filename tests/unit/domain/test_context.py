"""A context is read only where it matters; whether it is read must never change what becomes of the event."""

from __future__ import annotations

import json

import pytest

from tidings.domain.event import Event
from tidings.domain.record import LogRecord
from tidings.domain.wire import normalise

NOW_US = 1_790_000_000_000_000
CONTEXTS = ["null", "{}", "5", '"text"', "[]", '{"a": 1e999}', '{"a": ' + "9" * 40 + "}"]


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("kind", ["track", "identify"])
def test_a_context_that_cannot_be_read_is_left_out_and_the_event_stays(context: str, kind: str) -> None:
    body = b'{"type":"%s","event":"X","userId":"7","traits":{"a":1},"context":%s}' % (kind.encode(), context.encode())
    record = LogRecord("web", "", 0, body)
    with_it, without = normalise(record, 0, NOW_US), normalise(record, 0, NOW_US, context=False)
    assert isinstance(with_it, Event)
    assert isinstance(without, Event)
    assert with_it.context == {}
    assert with_it.traits == without.traits == {"a": 1}


def test_a_good_context_is_read() -> None:
    body = json.dumps({"type": "page", "userId": "7", "context": {"locale": "en", "n": 2**62}}).encode()
    event = normalise(LogRecord("web", "", 0, body), 0, NOW_US)
    assert isinstance(event, Event)
    assert event.context == {"locale": "en", "n": 2**62}
