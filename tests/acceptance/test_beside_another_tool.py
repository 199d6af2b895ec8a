"""A journey in the shadow of another tool: real orders, a made-up tool that does nearly the same, and what is said of the difference."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from tests.acceptance.installation import TEMPLATE, write
from tests.unit.console.build import World
from tidings import demo, workspace
from tidings.clock import DAY_US, HOUR_US, SECOND_US, iso, parse_instant
from tidings.domain.record import LogRecord
from tidings.errors import InputError
from tidings.hosts import shadow
from tidings.hosts.replay import read, with_addresses
from tidings.hosts.shadow import Ask, Report
from tidings.sources.mapping import load_map

SLICE = Path(demo.__file__).parent / "data" / "online_retail_slice.csv.xz"
MAP = Path(workspace.__file__).parent / "workspaces/retail/sources/online_retail.yml"
LINES = 6_000
WEEK_US = 7 * DAY_US
FILES = {
    "policy_yml": "marketing: {consent: not_needed}\n",
    "templates__thanks_mjml": TEMPLATE,
    "journeys__thanks_yml": """journey: thanks
shadow: true
entry: {event: Product Purchased}
reentry: {after: 7d}
steps:
  - {id: a_day, wait: 1d}
  - {id: mail, send: {template: thanks}}
""",
}


class Sent(NamedTuple):
    """A mail of the other tool."""

    who: str
    at_us: int


class Story:
    """Real orders told to a data directory, and what a tool would send that thanks a day after an order, at most once in eight days."""

    def __init__(self, folder: Path) -> None:
        events, _ = read(SLICE, load_map(MAP))
        orders = list(with_addresses(events[:LINES]))
        self.world = World(folder, orders[0].occurred_us - DAY_US, write(folder / "source", **FILES))
        for at_us, together in groupby(orders, key=attrgetter("occurred_us")):
            self.world.clock.set(max(at_us, self.world.clock.now_us()))
            self.world.log.append([LogRecord("shop", "", 0, one.body) for one in together])
        self.world.clock.advance(3 * DAY_US)
        self.world.run()
        self.would = sorted(self._thanks(orders), key=lambda one: (one.at_us, one.who))

    def _thanks(self, orders: list) -> Iterator[Sent]:
        free: dict[str, int] = {}
        for one in orders:
            body = msgspec.json.decode(one.body)
            if body.get("event") == "Product Purchased" and one.occurred_us >= free.get(body["userId"], 0):
                free[body["userId"]] = one.occurred_us + DAY_US + WEEK_US
                yield Sent(body["userId"], one.occurred_us + DAY_US)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    told = Story(tmp_path_factory.mktemp("shadow"))
    yield told
    told.world.close()


def file_of(path: Path, sends: list[Sent]) -> Path:
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["Customer ID", "Send time", "Campaign name"])
        lines.writerows([(one.who, iso(one.at_us), "Thank you") for one in sends])
    return path


def compared(story: Story, path: Path, **more: object) -> Report:
    columns = {"person": "Customer ID", "at": "Send time", "what": "Campaign name"}
    ask = {"journey": "thanks", "file": path, "columns": columns, "within_us": 2 * HOUR_US} | more
    return shadow.compare(story.world.config, Ask(**ask))  # type: ignore[arg-type]


def test_the_shadow_would_send_what_the_rules_say(story: Story) -> None:
    rows = [row for row in story.world.ledger.recent(100_000) if row.reason == "shadow"]
    assert len(rows) == len(story.would) > 200
    assert {row.state for row in story.world.ledger.recent(100_000)} == {"suppressed"}
    assert sorted(row.decided_us // SECOND_US for row in rows) == sorted(one.at_us // SECOND_US for one in story.would)


def test_both_only_ours_and_only_theirs_are_told_apart_exactly(story: Story, tmp_path: Path) -> None:
    kept = [one for number, one in enumerate(story.would) if number % 10]
    later = [Sent(one.who, one.at_us + (number % 7) * 60 * SECOND_US) for number, one in enumerate(kept)]
    extra = [Sent(one.who, one.at_us + 3 * DAY_US) for one in story.would[::15]]
    strangers = [Sent(f"stranger-{number}", story.would[0].at_us) for number in range(4)]

    found = compared(story, file_of(tmp_path / "sent.csv", [*later, *extra, *strangers]))

    assert (found.both, found.only_ours) == (len(kept), len(story.would) - len(kept))
    assert found.only_theirs == len(extra) + len(strangers)
    assert {one.reason: one.count for one in found.reasons} == {"another_time": len(extra), "unknown_person": 4}
    assert abs(found.apart.median_us - 180 * SECOND_US) < SECOND_US
    assert abs(found.apart.p95_us - 360 * SECOND_US) < SECOND_US
    assert sum(day.both + day.only_ours + day.only_theirs for day in found.days) == len(story.would) + found.only_theirs
    assert [one.kind for one in found.people].count("only_ours") == found.only_ours
    assert any("4 people of sent.csv are not known here" in note for note in found.notes)


def test_who_was_never_let_in_is_explained(story: Story, tmp_path: Path) -> None:
    first = story.would[0]
    found = compared(story, file_of(tmp_path / "early.csv", [Sent(first.who, first.at_us - 12 * HOUR_US)]), from_us=1)
    assert (found.both, found.only_theirs) == (0, 1)
    (theirs,) = [one for one in found.people if one.kind == "only_theirs"]
    assert theirs.reason == "running: a_day"
    assert "A run is going on: at step a_day it waits 1d" in theirs.why


def test_the_report_is_one_page_without_anything_from_outside(story: Story, tmp_path: Path) -> None:
    page = shadow.html(compared(story, file_of(tmp_path / "sent.csv", story.would[:50])))
    assert page.count("<rect") > 5
    assert "http" not in page
    assert "<script" not in page
    assert "more; --json has all of them" in page


def test_files_that_cannot_be_read_say_what_to_do(story: Story, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("who,when\n17850,2011-01-01\n")
    with pytest.raises(InputError, match=r"no column says person; got who, when; name it with --map person=COLUMN"):
        compared(story, path, columns={})
    with pytest.raises(InputError, match="got no column 'nobody' for person"):
        compared(story, path, columns={"person": "nobody"})
    path.write_text("email,sent_at\n,2011-01-01\nann@x.example,yesterday\n")
    assert any(
        "2 lines of odd.csv cannot be read; line 2: nobody is named" in n
        for n in compared(story, path, columns={}).notes
    )
    with pytest.raises(InputError, match="--map: got 'x'"):
        shadow.columns(["x"])


def test_before_it_decided_on_anything_it_is_compared_from_their_first_message(tmp_path: Path) -> None:
    at_us = parse_instant("2026-03-01")
    world = World(tmp_path, at_us, write(tmp_path / "source", **FILES))
    world.run()
    path = file_of(tmp_path / "theirs.csv", [Sent("17850", at_us - 3 * DAY_US)])
    columns = {"person": "Customer ID", "at": "Send time", "what": "Campaign name"}
    report = shadow.compare(world.config, Ask(journey="thanks", file=path, columns=columns, within_us=DAY_US))
    assert report.since == iso(at_us - 4 * DAY_US)
    assert any("decided on nothing yet" in note for note in report.notes)
    assert report.only_theirs == 1
    world.close()
