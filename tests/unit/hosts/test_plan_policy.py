"""A change of what holds across categories concerns every journey that sends, unless its messages are exempt."""

from __future__ import annotations

from pathlib import Path

from tests.unit.core import definitions
from tidings.hosts.plan import policy_names
from tidings.process.steps.send import Send

POLICY = "caps: [{at_most: 1, per: day}]\nmarketing: {}\ntransactional: {}\n"


def send(category: str) -> Send:
    return Send("s", "exit", template="t", category=category)


def test_what_holds_across_categories_concerns_what_is_not_exempt(tmp_path: Path) -> None:
    both = [definitions(tmp_path, policy=POLICY)] * 2
    assert policy_names([send("marketing")], both) == ["marketing", "caps", "quiet", "arbitration", "holdout"]
    assert policy_names([send("transactional")], both) == ["transactional"]
    assert policy_names([send("gone")], both) == ["gone"]
