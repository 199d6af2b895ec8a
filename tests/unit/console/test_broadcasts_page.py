"""The page of broadcasts: how each stands, and buttons that only our own pages may press."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.unit.console.build import NOW_US, World
from tests.unit.console.web import Visitor
from tidings.clock import MINUTE_US, ManualClock
from tidings.console.app import create_app
from tidings.domain.everybody import Start, Told
from tidings.errors import InputError
from tidings.versions.broadcasts import Checked
from tidings.versions.standing import STATUS, Broadcasting, Standing

NEWS = "broadcast: autumn_news\nsegment: browsing_now\ntemplate: welcome\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, NOW_US)
    folder = made.config.workspace / "broadcasts"
    folder.mkdir(exist_ok=True)
    (folder / "autumn_news.yml").write_text(NEWS)
    made.track({"userId": "anna"}, "Product Viewed")
    made.run()
    yield made
    made.close()


class Pressed:
    """Who pressed which button."""

    def __init__(self, problem: str = "", before: str = "", audience: int = 1_234) -> None:
        self.moves: list[tuple[str, str]] = []
        self.started: list[tuple[str, bool]] = []
        self._problem, self._before, self._audience = problem, before, audience

    def check(self, name: str) -> Checked:
        return Checked(
            name=name,
            version="v1",
            words="To whoever is in browsing_now, now.",
            template="welcome",
            category="marketing",
            audience=self._audience,
            begins="2011-06-01T10:00:00Z",
            ends="2011-06-01T10:00:03Z",
            before=self._before,
            started="2011-05-01T10:00:00Z" if self._before else "",
        )

    def start(self, checked: Checked, *, again: bool) -> None:
        self._refuse()
        self.started.append((checked.name, again))

    def move(self, name: str, what: str) -> None:
        self._refuse()
        self.moves.append((name, what))

    def _refuse(self) -> None:
        if self._problem:
            raise InputError(self._problem)


def visitor(world: World, pressed: Pressed | None = None) -> Visitor:
    return Visitor(create_app(world.config, clock=ManualClock(NOW_US), broadcaster=pressed), follow=False)


def stands(world: World, state: str) -> None:
    """As the process role would say it: 40 % of all people were told."""
    one = Broadcasting(
        name="autumn_news",
        version="v",
        start="s",
        state=state,
        asked_us=NOW_US - MINUTE_US,
        begins_us=NOW_US - MINUTE_US,
        audience=1_234,
        number=0,
        since_us=NOW_US - MINUTE_US,
        who="berta",
    )
    what = Start(broadcast="autumn_news", version="v", start="s")
    told = Told(number=0, offset=1, known_us=NOW_US - MINUTE_US, what=what)
    standing = Standing(count=1, active=(told,), upto=0, after="66666666", broadcasts={one.name: one})
    path = world.config.data / "run" / STATUS
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.encode(standing))


def test_one_that_is_only_written_says_how_to_start_it(world: World) -> None:
    page = visitor(world).get("/broadcasts")
    assert page.status == 200
    assert "never started" in page.said
    assert "tidings broadcast start autumn_news" in page.said


def test_one_that_runs_shows_how_far_it_is_and_has_buttons(world: World) -> None:
    stands(world, "running")
    page = visitor(world, Pressed()).get("/broadcasts").said
    assert "40 % of all people looked through" in page
    assert "1,234" in page
    assert ("/autumn_news/pause" in page, "/autumn_news/resume" in page, "/autumn_news/cancel" in page) == (
        True,
        False,
        True,
    )


def test_without_anybody_who_can_do_it_there_are_no_buttons(world: World) -> None:
    stands(world, "running")
    assert "<form" not in visitor(world).get("/broadcasts").said
    assert visitor(world).post("/broadcasts/autumn_news/pause").status == 404


def test_a_button_does_what_it_says_and_shows_the_page_again(world: World) -> None:
    stands(world, "paused")
    pressed = Pressed()
    answer = visitor(world, pressed).post("/broadcasts/autumn_news/resume")
    assert (answer.status, answer.headers["location"], pressed.moves) == (
        303,
        "/broadcasts",
        [("autumn_news", "resume")],
    )


def test_foreign_pages_press_no_buttons(world: World) -> None:
    pressed = Pressed()
    answer = visitor(world, pressed).post("/broadcasts/autumn_news/cancel", origin="https://evil.example")
    assert (answer.status, pressed.moves) == (403, [])
    assert visitor(world, pressed).get("/broadcasts/autumn_news/cancel").status == 405


def test_what_does_not_fit_is_said_on_the_page(world: World) -> None:
    stands(world, "running")
    answer = visitor(world, Pressed("broadcast 'autumn_news': it is cancelled")).post("/broadcasts/autumn_news/pause")
    assert answer.status == 409
    assert "it is cancelled" in answer.said


def test_its_runs_are_shown_as_a_journey(world: World) -> None:
    page = visitor(world).get("/journeys/autumn_news")
    assert page.status == 200
    assert "Only whoever is still meant" in page.said


def test_starting_shows_first_whom_it_reaches(world: World) -> None:
    pressed = Pressed()
    seen = visitor(world, pressed)
    assert "/broadcasts/autumn_news/start" in seen.get("/broadcasts").said
    page = seen.get("/broadcasts/autumn_news/start")
    assert (page.status, pressed.started) == (200, [])
    assert "Send to 1,234 people" in page.said
    answer = seen.post("/broadcasts/autumn_news/start", {"version": "v1", "before": ""})
    assert (answer.status, answer.headers["location"]) == (303, "/broadcasts#autumn_news")
    assert pressed.started == [("autumn_news", False)]


@pytest.mark.parametrize("form", [{"version": "v0", "before": ""}, {"version": "v1", "before": "s0"}, {}])
def test_what_is_not_any_more_what_was_looked_at_is_not_started(world: World, form: dict[str, str]) -> None:
    pressed = Pressed()
    answer = visitor(world, pressed).post("/broadcasts/autumn_news/start", form)
    assert (answer.status, pressed.started) == (409, [])
    assert "not any more what you looked at" in answer.said


def test_one_that_was_started_before_says_so_and_is_started_again_only_knowingly(world: World) -> None:
    pressed = Pressed(before="s1")
    seen = visitor(world, pressed)
    assert "It was started before" in seen.get("/broadcasts/autumn_news/start").said
    assert seen.post("/broadcasts/autumn_news/start", {"version": "v1", "before": ""}).status == 409
    seen.post("/broadcasts/autumn_news/start", {"version": "v1", "before": "s1", "again": "yes"})
    assert pressed.started == [("autumn_news", True)]


def test_one_that_means_nobody_says_so(world: World) -> None:
    assert "Nobody is meant" in visitor(world, Pressed(audience=0)).get("/broadcasts/autumn_news/start").said


def test_foreign_pages_start_nothing(world: World) -> None:
    pressed = Pressed()
    form = {"version": "v1", "before": ""}
    answer = visitor(world, pressed).post("/broadcasts/autumn_news/start", form, origin="https://evil.example")
    assert (answer.status, pressed.started) == (403, [])


def test_a_start_that_is_refused_says_why(world: World) -> None:
    answer = visitor(world, Pressed("the processor did not come")).post(
        "/broadcasts/autumn_news/start", {"version": "v1", "before": ""}
    )
    assert answer.status == 409
    assert "the processor did not come" in answer.said


def test_without_anybody_who_can_do_it_nothing_can_be_started(world: World) -> None:
    assert visitor(world).get("/broadcasts/autumn_news/start").status == 404
    assert visitor(world).post("/broadcasts/autumn_news/start", {}).status == 404
