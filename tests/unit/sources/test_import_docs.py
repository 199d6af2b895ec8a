"""The pages on importing say what happens: their examples are run, their figures computed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.oracles import run as oracle
from tidings.clock import parse_instant
from tidings.demo.data import SLICE
from tidings.sources.mapping import map_rows, parse_map
from tidings.sources.row import MappedEvent

DOCS = Path(__file__).resolve().parents[3] / "docs"


def _fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_example_of_the_how_to_gives_the_events_that_it_shows(tmp_path):
    (csv_text,), (map_text,), (shown,) = (_fenced("how-to/import-a-file.md", kind) for kind in ("csv", "yaml", "jsonl"))
    (tmp_path / "orders.csv").write_text(csv_text)
    row_map = parse_map(map_text, "orders.yml")
    with row_map.open(tmp_path / "orders.csv") as rows:
        mapped = list(map_rows(row_map, rows))
    told = [
        row.body.decode()
        if isinstance(row, MappedEvent)
        else json.dumps({"line": row.line, "refused": row.reason}, separators=(",", ":"))
        for row in mapped
    ]
    assert sum(isinstance(row, MappedEvent) for row in mapped) == 3
    assert set(shown.splitlines()) <= set(told), told


def test_the_figures_of_the_explanation_are_those_of_the_oracles():
    text = (DOCS / "explanation/online-retail.md").read_text("utf-8")
    ends = oracle.online_retail_lines(oracle.online_retail())
    people = oracle.online_retail_people(oracle.online_retail(), parse_instant("2011-12-09T23:59:59Z"))
    shipped = oracle.online_retail_lines(SLICE)
    figures = [
        *ends.values(),
        len(people),
        sum(person.orders for person in people),
        sum(person.high_value for person in people),
        sum(person.lapsed_90d for person in people),
        sum(person.new_buyers for person in people),
        sum(person.first_us is None for person in people),
        shipped["applied"],
        shipped["duplicate"],
        sum(shipped.values()),
        sum(shipped.values()) - shipped["applied"] - shipped["duplicate"],
    ]
    assert [f"{figure:,}" for figure in figures if f"{figure:,}" not in text] == []
    assert f"£{sum(person.revenue_micro for person in people) / 1_000_000:,.2f}" in text
