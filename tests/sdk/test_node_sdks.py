"""The unmodified Node SDKs of Segment and RudderStack against our collector."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sdk import story
from tests.sdk.door import WRITE_KEY, Door
from tests.sdk.flaky import SLOW_DOWN
from tests.sdk.tools import node

KINDS = {"identify", "track", "page", "screen", "group", "alias"}
STORY = json.dumps(
    {
        "userId": story.USER_ID,
        "traits": story.TRAITS,
        "event": story.EVENT,
        "properties": story.PROPERTIES,
        "page": story.PAGE,
        "teamId": story.TEAM_ID,
        "team": story.TEAM,
        "oldId": story.OLD_ID,
    }
)

pytestmark = pytest.mark.usefixtures("node_modules")


@contextmanager
def telling(sdk: str, door: Door) -> Iterator[None]:
    """The SDK tells the story in a process of its own, which must end well."""
    script = Path(__file__).parent / "node" / f"{sdk}.mjs"
    process = subprocess.Popen(
        [node(), str(script), door.url, WRITE_KEY, STORY], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        yield
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("sdk", ["segment", "rudder"])
def test_every_call_is_read_back_from_the_log(sdk: str, door: Door) -> None:
    told_from_s = time.time()
    with telling(sdk, door):
        story.check_story(door.wait_for(6), told_from_s, KINDS)


@pytest.mark.parametrize("sdk", ["segment", "rudder"])
def test_failures_lose_nothing_and_count_nothing_twice(sdk: str, door: Door) -> None:
    door.proxy.faults.extend(story.FAULTS)
    told_from_s = time.time()
    with telling(sdk, door):
        events = door.wait_for(6)
    story.check_story(events, told_from_s, KINDS)
    story.check_failures_were_real(door, events)
    assert story.pause_after(door, SLOW_DOWN) >= 0.9 * SLOW_DOWN.retry_after_s


def test_rudders_zipped_body_comes_with_a_form_content_type_and_is_understood(door: Door) -> None:
    """Trap 4 of the clients that we must work with."""
    with telling("rudder", door):
        door.wait_for(6)
    for post in door.proxy.posts():
        assert post.headers["content-type"].startswith("application/x-www-form-urlencoded")
        assert post.headers["content-encoding"] == "gzip"
        assert post.status == 200
