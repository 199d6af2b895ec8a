"""A file as history: sorted on disk in pieces, copies left out, what concerns nothing read of who and when only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidings.backtest import file
from tidings.backtest.file import FileHistory
from tidings.backtest.history import Moment, Passing, Wanted
from tidings.backtest.shares import ALL, Share, tied
from tidings.clock import SECOND_US, parse_instant
from tidings.domain.event import Event
from tidings.sources.mapping import parse_map

MAP = """
name: small
event_id: {hash: all}
user_id: {column: who}
anonymous_id: {column: device}
timestamp: {column: at, format: unix_s}
reject:
  - {reason: no_act, because: it says nothing, when: {column: act, empty: true}}
cases:
  - {event: Bought, when: {column: act, equals: buy}}
  - {event: Looked}
"""
START_S = 1_700_000_000


def history(folder: Path, rows: list[str]) -> FileHistory:
    path = folder / "acts.csv"
    path.write_text("at,who,device,act\n" + "".join(f"{row}\n" for row in rows), "utf-8")
    return FileHistory(path, parse_map(MAP, "map"))


def moments(
    one: FileHistory, *, clocks: bool = True, from_us: int = 0, until_us: int = 1 << 60, share: Share = ALL
) -> list[Moment]:
    wanted = Wanted(names=frozenset({"Bought"}), clocks=clocks, from_us=from_us, until_us=until_us, share=share)
    return [moment for window in one.windows(wanted) for some in window.moments for moment in some]


@pytest.mark.parametrize("piece", [1, 2, 3, 100])
def test_any_order_of_lines_gives_the_order_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(file, "PIECE", piece)
    one = history(tmp_path, [f"{START_S + at},ann,,buy" for at in (5, 1, 4, 1_000, 2, 3)])
    found = moments(one)
    assert [moment.occurred_us // SECOND_US - START_S for moment in found] == [1, 2, 3, 4, 5, 1_000]
    assert [moment.offset for moment in found] == list(range(6))
    one.close()


def test_events_of_one_instant_are_taken_one_after_the_other(tmp_path: Path) -> None:
    one = history(tmp_path, [f"{START_S},{who},,buy" for who in ("ann", "bob", "cid")])
    found = moments(one)
    assert [moment.received_us - START_S * SECOND_US for moment in found] == [0, 1, 2]
    assert {moment.occurred_us for moment in found} == {START_S * SECOND_US}
    one.close()


def test_copies_and_lines_that_are_no_event_are_left_out_and_counted(tmp_path: Path) -> None:
    one = history(tmp_path, [f"{START_S},ann,,buy", f"{START_S},ann,,buy", f"{START_S},ann,,"])
    assert len(moments(one)) == 1
    assert (one.span().events, one.span().rejected, dict(one.refused)) == (2, 1, {"no_act": 1})
    one.close()


def test_what_concerns_nothing_passes_or_is_left_out(tmp_path: Path) -> None:
    rows = [f"{START_S},ann,,look", f"{START_S + 1},ann,phone,look", f"{START_S + 2},ann,,buy"]
    one = history(tmp_path, rows)
    assert [type(moment) for moment in moments(one)] == [Passing, Passing, Event]
    without_clocks = moments(one, clocks=False)
    assert [type(moment) for moment in without_clocks] == [Passing, Event]
    (told, _) = without_clocks
    assert isinstance(told, Passing)
    assert (told.user_id, told.anonymous_id) == ("ann", "phone")
    one.close()


def test_reading_goes_on_where_it_was_and_ends_where_it_is_told(tmp_path: Path) -> None:
    one = history(tmp_path, [f"{START_S + at},ann,,buy" for at in range(10)])
    every = moments(one)
    third = every[2]
    assert moments(one, from_us=third.received_us) == every[2:]
    assert moments(one, until_us=third.received_us) == every[:2]
    one.close()


def test_the_span_is_that_of_the_events(tmp_path: Path) -> None:
    one = history(tmp_path, [f"{START_S + at},ann,,buy" for at in (7, 3)])
    span = one.span()
    assert (span.first_us, span.last_us) == ((START_S + 3) * SECOND_US, (START_S + 7) * SECOND_US)
    assert parse_instant("2023-11-14T22:13:20Z") == START_S * SECOND_US
    one.close()


def test_windows_are_the_same_for_every_share_and_shares_together_are_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "WINDOW", 3)
    people = ("ann,phone", "bob,", ",phone", ",till", "cid,till", "dan,", ",web")
    one = history(tmp_path, [f"{START_S + at},{people[at % len(people)]},buy" for at in range(40)])
    ties = tied(one.ties(), 2)
    assert ties.keys() == {"user_id:ann", "anonymous_id:phone", "user_id:cid", "anonymous_id:till"}
    assert ties["user_id:ann"] == ties["anonymous_id:phone"]
    found, ends = [], []
    for number in range(2):
        share = Share(number=number, of=2, tied=ties)
        found += moments(one, share=share)
        wanted = Wanted(names=frozenset(), clocks=True, until_us=1 << 60, share=share)
        ends.append([window[:2] for window in one.windows(wanted)])
    assert sorted(found, key=lambda moment: moment.offset) == moments(one)
    assert ends[0] == ends[1]
    assert [gone for _, gone in ends[0]] == [*range(3, 40, 3), 40]
    one.close()


def test_another_process_reads_the_same(tmp_path: Path) -> None:
    one = history(tmp_path, [f"{START_S + at},ann,,buy" for at in range(10)])
    other = one.elsewhere()()
    wanted = Wanted(names=frozenset({"Bought"}), clocks=True, until_us=1 << 60)
    assert [list(window.moments) for window in other.windows(wanted)] == [[moments(one)]]
    assert other.span() == one.span()
    other.close()
    one.close()
