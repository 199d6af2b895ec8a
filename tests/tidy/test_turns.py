"""The suite in several processes runs each test once and counts all of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.suite import main, missing, verdict
from tests.turns import SLOW_FIRST, TOGETHER, claim, order, turn_of

ROOT = Path(__file__).parent.parent.parent
SMALL = ("tests/unit/test_ids.py", "tests/unit/test_clock.py", "tests/unit/render/test_addresses.py")


def test_what_is_named_is_there() -> None:
    assert [one for one in (*SLOW_FIRST, *TOGETHER) if not (ROOT / one).exists()] == []


def test_a_turn_is_taken_once(tmp_path: Path) -> None:
    assert turn_of("tests/sdk/test_node_sdks.py") == "tests/sdk"
    assert turn_of("tests/unit/test_ids.py") == "tests/unit/test_ids.py"
    assert [claim(tmp_path, turn) for turn in ("a/b", "a", "a/b")] == [True, True, False]


def test_two_meet_in_the_middle_and_begin_with_what_is_slow() -> None:
    turns = ["a", SLOW_FIRST[1], "b", SLOW_FIRST[0], "c"]
    assert order(turns, 0) == [*SLOW_FIRST[:2], "a", "b", "c"]
    assert order(turns, 1) == [*SLOW_FIRST[:2], "c", "b", "a"]


def test_one_verdict_counts_all() -> None:
    found = [Counter(passed=3, failed=1, collected=9), Counter(passed=4, error=1, collected=9)]
    assert verdict(found, 3_700.5) == "1 failed, 7 passed, 1 error in 3700.50s (1:01:40)"
    with pytest.raises(AssertionError, match="saw different tests"):
        verdict([Counter(passed=1, collected=1), Counter(collected=2)], 1.0)


def test_a_test_that_nobody_ran_is_missed() -> None:
    assert missing([Counter(passed=3, skipped=1, collected=5), Counter(failed=1, collected=5)]) == 0
    assert missing([Counter(passed=3, collected=5), Counter(collected=5)]) == 2


def test_each_test_runs_once(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bad = tmp_path / "test_bad.py"
    bad.write_text("def test_bad():\n    assert 'this' == 'that'\n", "utf-8")
    monkeypatch.chdir(ROOT)
    assert main(["-p", "no:cacheprovider", *SMALL, str(bad)]) == 1
    said = capfd.readouterr().out
    assert "assert 'this' == 'that'" in said
    assert said.splitlines()[-1].startswith("1 failed, ")
