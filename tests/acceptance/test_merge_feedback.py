"""What comes back from a mail finds the person, also when her profile was absorbed; and what she said counts for both."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.acceptance.hosts import OnDisk
from tidings import workspace
from tidings.clock import MINUTE_US
from tidings.deliver.ledger import Ledger
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


def joined(tmp_path: Path, *, phone: str, ann: str) -> Ledger:
    """A mail to the phone's address waits in the ledger; then what each says of consent; then they turn out to be one."""
    host = OnDisk(RETAIL, START_US, tmp_path)
    yes, mug = {"purpose": "marketing"}, {"product_id": "mug", "price": 4.5}
    host.take([call("identify", "1", START_US, anonymous="p", traits={"email": "old@x.example"})], START_US)
    host.take([call("track", "2", START_US, anonymous="p", event="Consent Given", properties=yes)], START_US)
    host.take([call("track", "3", START_US, anonymous="p", event="Product Added", properties=mug)], START_US)
    host.advance_to(at_us := START_US + 10 * MINUTE_US)
    host.take([call("identify", "4", at_us, user="ann", traits={"email": "new@x.example"})], at_us)
    if phone:
        host.take([call("track", "5", at_us + 1, anonymous="p", event=phone, properties=yes)], at_us + 1)
    host.take([call("track", "6", at_us + 2, user="ann", event=ann, properties=yes)], at_us + 2)
    host.take([call("identify", "7", at_us + 3, user="ann", anonymous="p")], at_us + 3)
    host.advance_to(at_us + MINUTE_US)
    host.close()
    return Ledger(tmp_path / "ledger.db")


def test_what_waits_for_the_other_address_does_not_go_out_after_a_withdrawal(tmp_path: Path) -> None:
    ledger = joined(tmp_path, phone="", ann="Consent Withdrawn")
    (row,) = ledger.recent(10)
    assert (row.address, row.state) == ("old@x.example", "queued")
    assert ledger.withhold(row.message_id, START_US + 20 * MINUTE_US)
    assert [entry.address for name in ("old", "new") for entry in ledger.suppressions(f"{name}@x.example")] == [
        "old@x.example",
        "new@x.example",
    ]
    ledger.close()


def test_what_waits_for_the_other_address_goes_out_when_the_latest_word_is_yes(tmp_path: Path) -> None:
    ledger = joined(tmp_path, phone="Consent Withdrawn", ann="Consent Given")
    (row,) = ledger.recent(10)
    assert not ledger.withhold(row.message_id, START_US + 20 * MINUTE_US)
    assert ledger.suppressions("old@x.example") == []
    ledger.close()
