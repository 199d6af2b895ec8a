"""How deep JSON is nested: right for every document, and quick for hostile ones."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.wire import MAX_DEPTH, depth

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='{}[]"\\a,:é', max_size=6),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(alphabet='{}[]"\\a', max_size=3), v, max_size=3),
    max_leaves=20,
)


def nesting(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((nesting(v) for v in inner), default=0)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_depth_is_the_nesting_of_objects_and_lists(value: Any, ascii_only: bool, indent: int | None) -> None:
    assert depth(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()) == nesting(value)


@pytest.mark.parametrize("piece", [b"[", b"{}", b"[],", b'{"a":', b'"{', b"\\\\", b'"\\', b"[" * 99 + b"]" * 99])
def test_no_body_of_the_largest_size_takes_long(piece: bytes) -> None:
    body = piece * (32 * 1024 // len(piece))
    nested = b"[" * 16_000 + b"]" * 16_000
    began = time.perf_counter()
    depth(body)
    assert depth(nested) > MAX_DEPTH
    assert time.perf_counter() - began < 0.1
