"""A bounce that proves an address dead, and a complaint, end all mail to it; nothing else does, and nobody else can say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidings import workspace
from tidings.domain.record import LogRecord
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import call

RETAIL = workspace.load(Path(workspace.__file__).parent / "workspaces/retail")
START_US = 1_800_000_000_000_000
ANN = "ann@x.example"


def said(
    name: str, properties: dict[str, Any], event_id: str = "b1", source: str = INTERNAL_SOURCE
) -> list[tuple[str, str, str, bool]]:
    """(address, category, reason, active) of every entry that such an event makes."""
    simulator = Simulator(RETAIL)
    simulator.take([call("identify", "1", START_US, user="u", traits={"email": ANN})], START_US)
    simulator.run()
    body = {
        "type": "track",
        "event": name,
        "messageId": event_id,
        "userId": "" if source == INTERNAL_SOURCE else "u",
        "context": {"profile_id": simulator.people()[0].profile_id},
        "properties": properties,
    }
    simulator.take([LogRecord(source, "", 0, msgspec.json.encode(body))] * 2, START_US + 3)
    simulator.run()
    return [(one.address, one.category, one.reason, one.active) for one in simulator.sink.suppressions.values()]


def test_proof_of_a_dead_address_ends_all_mail_to_it_once() -> None:
    assert said("Email Bounced", {"kind": "hard", "address": "Ann@X.example"}) == [(ANN, "*", "bounced", True)]


def test_the_next_servers_refusal_may_be_proof_too() -> None:
    assert said("Email Refused", {"kind": "hard", "address": ANN}) == [(ANN, "*", "bounced", True)]
    assert said("Email Refused", {"kind": "block", "address": ANN}) == []
    assert said("Email Refused", {"reply": "550 5.1.1 no such user"}) == []


def test_a_complaint_does_too() -> None:
    assert said("Email Marked As Spam", {"address": ANN}) == [(ANN, "*", "complained", True)]


@pytest.mark.parametrize("kind", ["soft", "block", "policy", "unknown", "", "HARD", True, ["hard"]])
def test_no_other_kind_of_bounce_does(kind: object) -> None:
    assert said("Email Bounced", {"kind": kind, "address": ANN}) == []


@pytest.mark.parametrize("address", ["", None, 7, "nobody", "x\r\n@y.example"])
def test_what_is_no_address_suppresses_nothing(address: object) -> None:
    assert said("Email Bounced", {"kind": "hard", "address": address}) == []


def test_a_member_may_clear_it() -> None:
    assert said("Address Cleared", {"address": ANN}) == [(ANN, "*", "cleared", False)]


@pytest.mark.parametrize("name", ["Email Bounced", "Email Refused", "Email Marked As Spam", "Address Cleared"])
def test_a_page_cannot_say_any_of_this(name: str) -> None:
    assert said(name, {"kind": "hard", "address": ANN}, source="web") == []
