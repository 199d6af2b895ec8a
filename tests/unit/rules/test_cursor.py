"""Where a text goes on: the longest name that reads, and of comparisons the longest that a value follows."""

from __future__ import annotations

import pytest

from tidings.rules.cursor import Cursor

TABLE = {("is",): "equals", ("is", "not"): "not_equals", ("is", "null"): "is_null", ("size",): "size", ("size", "at", "least"): "size_at_least"}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "longest", "compared"),
    [
        ("is 3", ("equals", 1), ("equals", 1)),
        ("is null", ("is_null", 2), ("equals", 1)),
        ("is null true", ("is_null", 2), ("is_null", 2)),
        ("is_null true", ("is_null", 1), ("is_null", 1)),
        ("size at least 3", ("size_at_least", 3), ("size_at_least", 3)),
        ("size_at least 3", ("size_at_least", 2), ("size_at_least", 2)),
        ("size is 3", ("size", 1), ("", 0)),
        ("sizes 3", ("", 0), ("", 0)),
        ("is_not_so 3", ("", 0), ("", 0)),
        ('"is" 3', ("", 0), ("", 0)),
        ("", ("", 0), ("", 0)),
    ],
)
def test_what_reads_from_here_on(text: str, longest: tuple[str, int], compared: tuple[str, int]) -> None:
    cursor = Cursor(text, "rule")
    assert cursor.phrase(TABLE) == longest
    assert cursor.comparison(TABLE) == compared
