"""One suite, every host: what people do, what must come of it; on disk and in memory, byte for byte the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.acceptance.hosts import Host, InMemory, OnDisk
from tidings import workspace
from tidings.clock import DAY_US, MINUTE_US
from tidings.domain.record import LogRecord
from tidings.testing.histories import call
from tidings.workspace import Definitions

RETAIL = workspace.load(Path(workspace.__file__).parent / "workspaces/retail")
START_US = 1_800_000_000_000_000
MUG = {"product_id": "mug", "name": "Mug", "price": 4.5, "quantity": 1}
CUP = {"product_id": "cup", "name": "Cup", "price": 2.0, "quantity": 2}
YES = {"purpose": "marketing", "method": "checkbox"}
ORDER = {"order_id": "o1", "revenue": 12.5}


class Storyteller:
    """Tells a host what happens, in minutes from the start."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._count = 0

    def track(self, minute: float, event: str, properties: dict[str, Any] | None = None, **who: str) -> LogRecord:
        return self._say(minute, "track", event=event, properties=properties or {}, **who)

    def identify(self, minute: float, user: str, anonymous: str = "", **traits: str) -> LogRecord:
        return self._say(minute, "identify", user=user, anonymous=anonymous, traits=traits)

    def told(self, minute: float, event: str, properties: dict[str, Any], **who: str) -> LogRecord:
        """A call that is not sent yet."""
        return self._call(minute, "track", event=event, properties=properties, **who)

    def together(self, received: float, records: list[LogRecord]) -> None:
        """One request brings all of these."""
        self.host.take(records, START_US + int(received * MINUTE_US))

    def _call(self, minute: float, kind: str, **more: Any) -> LogRecord:
        self._count += 1
        return call(kind, f"e{self._count}", START_US + int(minute * MINUTE_US), **more)

    def _say(self, minute: float, kind: str, received: float | None = None, **more: Any) -> LogRecord:
        record = self._call(minute, kind, **more)
        self.together(minute if received is None else received, [record])
        return record

    def late(self, minute: float, received: float, event: str, properties: dict[str, Any], **who: str) -> None:
        self._say(minute, "track", received, event=event, properties=properties, **who)

    def known(self, minute: float, user: str = "ann", anonymous: str = "d1", *, opted_in: bool = True) -> None:
        """Signs in, with or without the box ticked."""
        self.identify(minute, user, anonymous, email=f"{user}@x.example", first_name=user.title())
        if opted_in:
            self.track(minute, "Consent Given", YES, user=user)

    def until(self, minute: float) -> None:
        self.host.advance_to(START_US + int(minute * MINUTE_US))

    def decided(self) -> list[tuple[str, float, list[str]]]:
        """(sent or why not, minute it belongs to, cart) of each decision, in order."""
        rows = sorted(self.host.sends(), key=lambda intent: intent.decided_us)
        return [
            (i.suppressed or "sent", (i.occurred_us - START_US) / MINUTE_US, [c["item_id"] for c in i.values["cart"]])
            for i in rows
        ]


def cart_left_alone(tell: Storyteller) -> Any:
    tell.track(0, "Product Added", MUG, anonymous="d1")
    tell.track(1, "Product Added", CUP, anonymous="d1")
    tell.known(2)
    tell.until(60)
    assert tell.decided() == [("sent", 6, ["mug", "cup"])]


def bought_before(tell: Storyteller) -> Any:
    tell.known(0)
    tell.track(0, "Product Added", MUG, user="ann")
    tell.track(4.99, "Order Completed", ORDER, user="ann")
    tell.until(60)
    assert tell.decided() == []


def bought_exactly_when_the_wait_is_over(tell: Storyteller) -> Any:
    tell.known(0)
    tell.track(0, "Product Added", MUG, user="ann")
    tell.track(5, "Order Completed", ORDER, user="ann")
    tell.until(60)
    assert tell.decided() == [("sent", 5, ["mug"])]


def emptied(tell: Storyteller) -> Any:
    tell.known(0)
    tell.track(0, "Product Added", MUG, user="ann")
    tell.track(1, "Product Removed", MUG, user="ann")
    tell.until(60)
    assert tell.decided() == []


def no_consent(tell: Storyteller) -> Any:
    tell.known(0, opted_in=False)
    tell.track(0, "Product Added", MUG, user="ann")
    tell.until(60)
    assert tell.decided() == [("no_consent", 5, ["mug"])]


def consent_withdrawn_while_waiting(tell: Storyteller) -> Any:
    tell.known(0)
    tell.track(1, "Product Added", MUG, user="ann")
    tell.track(3, "Consent Withdrawn", YES, user="ann")
    tell.until(60)
    assert tell.decided() == [("consent_withdrawn", 6, ["mug"])]


def never_known(tell: Storyteller) -> Any:
    tell.track(0, "Product Added", MUG, anonymous="d1")
    tell.until(60)
    assert tell.decided() == [("no_address", 5, ["mug"])]


def capped(tell: Storyteller) -> Any:
    tell.known(0)
    for hour in (0, 2, 4, 25):
        tell.track(60 * hour, "Product Added", MUG, user="ann")
        tell.until(60 * hour + 30)
    assert [word for word, _, _ in tell.decided()] == ["sent", "sent", "frequency_cap", "sent"]


def a_phone_that_was_offline(tell: Storyteller) -> Any:
    tell.known(0)
    tell.late(10, 70, "Product Added", MUG, user="ann")
    tell.until(80)
    (intent,) = tell.host.sends()
    assert intent.occurred_us == START_US + 15 * MINUTE_US
    assert intent.decided_us >= START_US + 70 * MINUTE_US


def a_phone_that_was_offline_and_bought(tell: Storyteller) -> Any:
    """The cart, the order, and a cart of somebody else, in one request: nobody is reminded of what she has bought."""
    tell.known(0)
    tell.known(0, "bob", "d2")
    tell.together(
        70,
        [
            tell.told(10, "Product Added", MUG, user="ann"),
            tell.told(11, "Product Added", CUP, user="bob"),
            tell.told(30, "Order Completed", ORDER, user="ann"),
        ],
    )
    tell.until(80)
    assert tell.decided() == [("sent", 16, ["cup"])]


def told_twice(tell: Storyteller) -> Any:
    tell.known(0)
    record = tell.track(1, "Order Completed", ORDER, user="ann")
    tell.until(2)
    tell.host.take([record, record], START_US + 3 * MINUTE_US)
    tell.until(4)
    assert tell.host.counts() == [3, 2, 0]
    person = tell.host.person("user_id", "ann")
    assert person is not None
    assert "high_value" not in person.segments


def killed_in_between(tell: Storyteller) -> Any:
    tell.track(0, "Product Added", MUG, anonymous="d1")
    tell.until(0.5)
    tell.host.restart()
    tell.known(1)
    tell.until(2)
    tell.host.restart()
    tell.until(60)
    assert tell.decided() == [("sent", 5, ["mug"])]


def lapses_by_time_alone(tell: Storyteller) -> Any:
    tell.known(0)
    tell.track(0, "Order Completed", ORDER, user="ann")
    tell.until(90 * DAY_US / MINUTE_US - 0.001)
    before = tell.host.person("user_id", "ann")
    assert before is not None
    assert "lapsed_90d" not in before.segments
    tell.until(90 * DAY_US / MINUTE_US)
    after = tell.host.person("user_id", "ann")
    assert after is not None
    assert after.segments["lapsed_90d"] == START_US + 90 * DAY_US
    left = [f for f in tell.host.facts() if f.kind == "segment_left" and f.subject == "new_buyers"]
    assert [fact.occurred_us for fact in left] == [START_US + 30 * DAY_US]


def two_devices_one_person(tell: Storyteller) -> Any:
    tell.track(0, "Product Added", MUG, anonymous="phone")
    tell.track(1, "Product Added", CUP, anonymous="laptop")
    tell.known(2, anonymous="phone")
    tell.identify(3, "ann", "laptop")
    tell.until(60)
    assert tell.decided() == [("sent", 6, ["mug", "cup"])]
    one, other = tell.host.person("anonymous_id", "phone"), tell.host.person("anonymous_id", "laptop")
    assert one == other


def a_shared_computer(tell: Storyteller) -> Any:
    tell.known(0, "ann", "library")
    tell.known(1, "bob", "library")
    tell.until(2)
    ann, bob = tell.host.person("user_id", "ann"), tell.host.person("user_id", "bob")
    assert ann is not None
    assert bob is not None
    assert ann.profile_id != bob.profile_id


STORIES: list[Callable[[Storyteller], Any]] = [
    cart_left_alone,
    bought_before,
    bought_exactly_when_the_wait_is_over,
    emptied,
    no_consent,
    consent_withdrawn_while_waiting,
    never_known,
    capped,
    a_phone_that_was_offline,
    a_phone_that_was_offline_and_bought,
    told_twice,
    killed_in_between,
    lapses_by_time_alone,
    two_devices_one_person,
    a_shared_computer,
]


@pytest.fixture(params=["simulator", "embedded"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    made: Host = InMemory(RETAIL, START_US) if request.param == "simulator" else OnDisk(RETAIL, START_US, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_story(story: Callable[[Storyteller], Any], host: Host) -> None:
    story(Storyteller(host))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_both_hosts_put_out_the_same_bytes(story: Callable[[Storyteller], Any], tmp_path: Path) -> None:
    hosts: list[Host] = [InMemory(RETAIL, START_US), OnDisk(RETAIL, START_US, tmp_path)]
    for one in hosts:
        story(Storyteller(one))
    facts = [msgspec.json.encode(by_person(one)) for one in hosts]
    sends = [msgspec.json.encode(one.sends()) for one in hosts]
    for one in hosts:
        one.close()
    assert facts[0] == facts[1]
    assert sends[0] == sends[1]


CROWDED = """
caps: [{at_most: 2, per: day}]
quiet: {from: "21:00", to: "08:00"}
arbitration: {window: 1h, hold: 10m}
marketing: {consent: not_needed, when_capped: wait, patience: 2d}
"""


def crowded(folder: Path) -> Definitions:
    """Three journeys that want the same people at once."""
    (folder / "journeys").mkdir(parents=True)
    (folder / "policy.yml").write_text(CROWDED, "utf-8")
    for value, name in enumerate(("low", "middle", "best")):
        text = f"journey: {name}\nentry: {{event: Go}}\nsteps:\n  - id: s\n    send: {{template: t, value: {value}}}\n"
        (folder / "journeys" / f"{name}.yml").write_text(text, "utf-8")
    return workspace.load(folder)


def test_both_hosts_decide_the_same_between_journeys_also_when_they_are_killed_meanwhile(tmp_path: Path) -> None:
    definitions = crowded(tmp_path / "crowded")
    hosts: list[Host] = [InMemory(definitions, START_US), OnDisk(definitions, START_US, tmp_path)]
    for host in hosts:
        tell = Storyteller(host)
        tell.identify(0, "ann", "d1", email="ann@x.example", timezone="America/New_York")  # where it is three at night
        tell.track(1, "Go", user="ann")
        for minute in (5, 301, 310.5, 400, 2_000):
            tell.until(minute)
            host.restart()
        tell.until(4 * 24 * 60)
    went = [
        [(one.journey, (one.decided_us - START_US) / MINUTE_US, one.suppressed) for one in host.sends()]
        for host in hosts
    ]
    facts = [msgspec.json.encode(by_person(one)) for one in hosts]
    for host in hosts:
        host.close()
    morning = 5 * 60
    assert sorted(went[0], key=lambda one: one[1]) == [
        ("best", morning, ""),
        ("middle", morning + 60, ""),
        ("low", morning + 16 * 60 + 8 * 60, ""),  # two a day: at the next midnight, which is quiet, so in the morning
    ]
    assert sorted(went[0]) == sorted(went[1])
    assert facts[0] == facts[1]


def by_person(host: Host) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for fact in host.facts():
        found.setdefault(fact.profile_id, []).append(fact)
    return dict(sorted(found.items()))
