"""Items from a file, and by HTTP: what is good becomes a record, what is bad is refused with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tidings.collect import items
from tidings.domain.record import REFUSED
from tidings.errors import InputError
from tidings.hosts import feed


def sent(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    assert feed.send(path, lambda _source, portion: found.extend(portion) or len(found)) == len(found)
    return found


def test_csv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("product_id,price,available,name\nmug,4.5,yes,Mug\nlamp,,no,\n")
    (tmp_path / "a.jsonl").write_text(
        '{"product_id": "mug", "price": 4.5, "available": true, "name": "Mug"}\n\n{"product_id": "lamp", "available": false}\n'
    )
    assert sent(tmp_path / "a.csv") == sent(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "product_id,price\nmug,cheap\n", "a.csv:2: .*cheap"),
        ("a.csv", "product_id,available\nmug,maybe\n", "wanted true or false"),
        ("a.jsonl", '{"product_id": "mug"}\nmug\n', "a.jsonl:2"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(name: str, text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=problem):
        sent(tmp_path / name)


def test_at_the_door_a_bad_item_is_kept_with_its_reason_beside_the_good_ones() -> None:
    parsed = items.checked("items", [b'{"product_id": "mug", "price": 4.5}', b'{"price": -1, "product_id": "x"}'], 1)
    assert (parsed.accepted, parsed.refused) == (1, 1)
    records = list(parsed.records)
    assert [getattr(one, "flags", 0) & REFUSED for one in records] == [0, REFUSED]
    with pytest.raises(InputError, match="wanted 1 to"):
        items.checked("items", [], 1)
