"""Bounces against the labels of another project, and under a rain of spoilt mails. A longer run: python -m benchmarks.bounces 300"""

from __future__ import annotations

import os

from benchmarks.bounces import rain, score

SECONDS = float(os.environ.get("TIDINGS_BOUNCE_FUZZ_S", "8"))


def test_nobody_alive_is_taken_for_dead_and_nearly_all_the_dead_are_found() -> None:
    found = score()
    assert found.total > 200
    assert found.false == 0, found.wrong
    assert found.found >= 0.95 * found.hard, found.wrong
    assert found.reasons >= 0.8 * found.total


def test_spoilt_mails_are_read_quickly_and_nothing_breaks() -> None:
    read, longest_s, grown_mb = rain(SECONDS)
    assert read > 50
    assert longest_s < 1.0
    assert grown_mb < 100
