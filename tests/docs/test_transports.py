"""The table of transports says what the adapters say of themselves, and the examples of routes are configurations."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from tidings.config import Config
from tidings.deliver.esp.kinds import ESPS
from tidings.deliver.transports import KINDS

TABLE = Path("docs/reference/transports.md").read_text("utf-8")
HOW_TO = Path("docs/how-to/send-through-a-service.md").read_text("utf-8")
ROWS = {
    cells[0].strip("` "): [cell.strip() for cell in cells[1:]]
    for line in TABLE.splitlines()
    if line.startswith("| `") and line.count("|") == 6 and "| takes |" not in line
    for cells in [line.strip("|").split("|")]
}


def test_every_kind_has_its_row() -> None:
    assert set(ROWS) == set(KINDS)


@pytest.mark.parametrize("name", sorted(ESPS))
def test_a_row_says_what_the_service_says(name: str) -> None:
    takes, dropped, largest, needs = ROWS[name]
    esp = ESPS[name]
    assert takes.startswith("our MIME" if esp.says.raw else "fields")
    assert dropped == (f"{esp.says.idempotent_s:,} s" if esp.says.idempotent_s else "never")
    assert largest == f"{esp.says.max_bytes:,} bytes"
    assert needs == ", ".join(f"`{one}`" for one in esp.needs)


@pytest.mark.parametrize("text", re.findall(r"```toml routes\n(.*?)```", HOW_TO, re.DOTALL))
def test_examples_are_configurations(text: str) -> None:
    config = msgspec.convert(tomllib.loads(text), Config)
    assert config.mail.routes
    assert {route.kind for route in config.mail.routes.values()} <= set(KINDS)
