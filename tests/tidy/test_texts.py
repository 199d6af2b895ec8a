"""What no text of the project may hold: work left for later, and places that exist on one machine only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.tidy.source import ROOT, files

TEXTS = {
    ".py", ".md", ".sql", ".yml", ".yaml", ".toml", ".js", ".mjs", ".ts", ".html", ".css", ".mjml", ".txt", ".json", ".jsonl",
    ".csv", ".svg", ".sh", "",
}  # fmt: skip
LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.:/*<>{}$)~%-])/(home|Users|root|work|opt|mnt)/\w")
PRIVATE_INDEX = re.compile(r"--(extra-)?index-url|--find-links|--trusted-host|(?m:^\s*registry\s*=)")
PUBLIC_HOSTS = {"registry.npmjs.org", "github.com", "opencollective.com", "paypal.me", "tidelift.com", "dotenvx.com"}
"""Hosts that a lock file may name: the public registry, and pages that packages name for donations."""
MAX_BYTES = 2_000_000


def texts() -> Iterator[tuple[str, str]]:
    """(path, text) of every text file of the project."""
    for path in files():
        if path.suffix in TEXTS and path.stat().st_size < MAX_BYTES:
            yield str(path.relative_to(ROOT)), path.read_text("utf-8", "replace")


def lines_with(pattern: re.Pattern[str], *, code_only: bool = False) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        if pattern.search(text) and not (code_only and not name.endswith((".py", ".sql", ".js", ".mjs", ".md")))
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_is_left_for_later() -> None:
    assert lines_with(LATER, code_only=True) == []


def test_no_path_of_somebodys_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_private_package_index() -> None:
    named = [line for line in lines_with(PRIVATE_INDEX) if not line.startswith("tests/tidy/")]
    assert named == []


def test_lock_files_name_public_hosts_only() -> None:
    hosts = {
        (name, host)
        for name, text in texts()
        if name.endswith("package-lock.json")
        for host in re.findall(r'"resolved": "https?://([^/"]+)', text)
    }
    assert {(name, host) for name, host in hosts if host not in PUBLIC_HOSTS} == set()
