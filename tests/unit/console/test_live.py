"""The live stream tells what changed, to a bounded number of pages, and ends when the console does."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.unit.console.build import NOW_US, World
from tests.unit.console.web import serving
from tidings.console import live
from tidings.console.app import create_app


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, NOW_US)
    world.track({"userId": "u1"}, "First")
    world.run()
    yield world
    world.close()


@contextmanager
def console(world: World) -> Iterator[str]:
    app = create_app(world.config)
    with serving(app, before_stop=app.state.hub.stop) as url:
        yield url


class Stream:
    """One live page."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        self._connection.request("GET", "/live")
        self.answer = self._connection.getresponse()

    def next(self) -> dict[str, Any]:
        """The next message's parts."""
        while True:
            line = self.answer.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: "):
                return json.loads(line[6:])

    def close(self) -> None:
        self.answer.close()
        self._connection.close()


def test_a_new_page_gets_everything_and_then_only_what_changed(world: World) -> None:
    with console(world) as url:
        stream = Stream(url)
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        first = stream.next()
        assert first["numbers"]["received"] == first["numbers"]["applied"] == 1
        assert first["adds_up"] is True
        assert first["events"][0]["name"] == "First"

        world.track({"userId": "u1"}, "Second")
        world.run()
        parts: dict[str, Any] = {}
        while parts.get("numbers", {}).get("applied") != 2:
            message = stream.next()
            assert "mails" not in message
            parts |= message
        stream.close()

    assert parts["events"][0]["name"] == "Second"


def test_figures_add_up_in_every_message_while_events_come_in(world: World) -> None:
    with console(world) as url:
        stream = Stream(url)
        numbers = stream.next()["numbers"]
        for batch in range(6):
            for number in range(50):
                world.track({"userId": f"u{number}"}, f"Event {batch}")
            if batch % 2:
                world.run()
        world.run()
        while numbers["applied"] < 301:
            message = stream.next()
            numbers = message.get("numbers", numbers)
            parts = sum(numbers[part] for part in ("applied", "duplicate", "rejected", "waiting"))
            assert numbers["received"] == parts
        stream.close()


def test_pages_beyond_the_bound_are_told_to_come_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_CLIENTS", 2)
    with console(world) as url:
        streams = [Stream(url), Stream(url)]
        for stream in streams:
            stream.next()
        third = Stream(url)
        assert third.answer.status == 503
        assert third.answer.headers["retry-after"] == "5"
        for stream in [*streams, third]:
            stream.close()


def test_open_streams_do_not_keep_the_console_from_ending(world: World) -> None:
    with console(world) as url:
        stream = Stream(url)
        stream.next()
    assert stream.answer.read().count(b"data:") == 0  # and `console` fails when the server has not ended after 10 s
    stream.close()
