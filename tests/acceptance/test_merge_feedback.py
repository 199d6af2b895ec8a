"""What comes back from a mail finds the person, also when her profile was absorbed after the mail went out."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidings import workspace
from tidings.domain.record import LogRecord
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import call

RETAIL = workspace.load(Path(workspace.__file__).parent / "workspaces/retail")
START_US = 1_800_000_000_000_000


def test_an_unsubscribe_of_an_absorbed_profile_counts_for_the_survivor() -> None:
    simulator = Simulator(RETAIL)
    simulator.take([call("identify", "1", START_US, anonymous="a", traits={"email": "a@x.example"})], START_US)
    given = {"purpose": "marketing", "method": "checkbox"}
    simulator.take([call("track", "2", START_US, anonymous="a", event="Consent Given", properties=given)], START_US + 1)
    simulator.run()
    before = simulator.person("anonymous_id", "a")
    assert before is not None
    simulator.take([call("identify", "3", START_US, anonymous="a", user="u")], START_US + 2)
    body = {
        "type": "track",
        "event": "Unsubscribed",
        "messageId": "4",
        "context": {"profile_id": before.profile_id},
        "properties": {"category": "marketing", "method": "one_click"},
    }
    simulator.take([LogRecord(INTERNAL_SOURCE, "", 0, msgspec.json.encode(body))], START_US + 3)
    simulator.run()
    (person,) = simulator.people()
    assert ("user_id", "u") in person.identifiers
    assert person.consents["marketing"].granted is False
    assert [entry.active for entry in simulator.sink.suppressions.values()] == [False, True]


def test_nobody_outside_may_name_a_profile() -> None:
    simulator = Simulator(RETAIL)
    simulator.take([call("identify", "1", START_US, user="u")], START_US)
    simulator.run()
    target = simulator.people()[0].profile_id
    forged = call("track", "2", START_US, anonymous="x", event="Unsubscribed", context={"profile_id": target})
    simulator.take([forged], START_US + 1)
    simulator.run()
    victim = simulator.person("user_id", "u")
    assert victim is not None
    assert "marketing" not in victim.consents
