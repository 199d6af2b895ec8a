"""Which way a message goes: by category, by weight, always the same one, and over to another only while nothing left."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.test_transport import Permission
from tidings import config as configs
from tidings.clock import MINUTE_US, ManualClock
from tidings.config import Config, MailConfig, RouteConfig
from tidings.deliver.base import Handover, Outcome, Permit, Result
from tidings.deliver.memory import MemoryTransport
from tidings.deliver.routing import OPENS_AFTER, Route, RoutedTransport
from tidings.deliver.transports import transport_of
from tidings.errors import InputError

NOW_US = 1_800_000_000_000_000
GONE = Outcome(Result.UNREACHABLE, "nobody there")


def mail(number: int, category: str = "marketing") -> Handover:
    return Handover(
        message_id=f"{number:032x}", sender="a@x.example", recipient="b@x.example", data=b"x", category=category
    )


def way(name: str, answer: Outcome | None = None, **more: object) -> Route:
    transport = MemoryTransport(lambda _mail: answer or Outcome(Result.ACCEPTED, "250 ok"))
    return Route(name=name, transport=transport, **more)  # type: ignore[arg-type]


def go(routed: RoutedTransport, *mails: Handover) -> list[Outcome]:
    async def use() -> list[Outcome]:
        return [await routed.hand_over(one, Permission()) for one in mails]

    return asyncio.run(use())


def test_weights_are_shares_and_a_message_always_goes_the_same_way() -> None:
    routed = RoutedTransport([way("one", weight=1), way("three", weight=3)], ManualClock(NOW_US))
    chosen = {n: routed.order(mail(n))[0].name for n in range(4_000)}
    assert 2_850 < Counter(chosen.values())["three"] < 3_150
    assert chosen == {n: routed.order(mail(n))[0].name for n in range(4_000)}


def test_a_new_way_takes_only_its_share_from_the_others() -> None:
    before = RoutedTransport([way("a"), way("b")], ManualClock(NOW_US))
    after = RoutedTransport([way("a"), way("b"), way("c")], ManualClock(NOW_US))
    moved = [(before.order(mail(n))[0].name, after.order(mail(n))[0].name) for n in range(2_000)]
    assert {new for old, new in moved if old != new} == {"c"}


def test_a_category_with_a_way_of_its_own_goes_no_other() -> None:
    routed = RoutedTransport([way("bulk"), way("first", categories=frozenset({"transactional"}))], ManualClock(NOW_US))
    assert [route.name for route in routed.order(mail(1, "transactional"))] == ["first"]
    assert [route.name for route in routed.order(mail(1, "marketing"))] == ["bulk"]


def test_a_message_goes_over_to_the_backup_while_nothing_has_left_and_says_so() -> None:
    dead, backup = way("dead", GONE), way("spare", backup=True)
    (outcome,) = go(RoutedTransport([dead, backup], ManualClock(NOW_US)), mail(1))
    assert (outcome.result, outcome.reply) == (Result.ACCEPTED, "250 ok (route spare)")


@pytest.mark.parametrize("result", [Result.LOST, Result.REFUSED, Result.LATER])
def test_what_another_may_have_taken_or_has_refused_is_offered_to_nobody_else(result: Result) -> None:
    spare = way("spare", backup=True)
    (outcome,) = go(RoutedTransport([way("a", Outcome(result, "no")), spare], ManualClock(NOW_US)), mail(1))
    assert outcome.result is result
    assert spare.transport.taken == []  # type: ignore[attr-defined]


class _KeyIsWrong(MemoryTransport):
    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        permit()
        return Outcome(Result.UNREACHABLE, "401 wrong key")


def test_once_permission_was_asked_the_attempt_is_of_that_way() -> None:
    spare = way("spare", backup=True)
    routed = RoutedTransport([Route(name="a", transport=_KeyIsWrong()), spare], ManualClock(NOW_US))
    (outcome,) = go(routed, mail(1))
    assert (outcome.result, spare.transport.taken) == (Result.UNREACHABLE, [])  # type: ignore[attr-defined]


def test_a_way_that_is_not_there_is_left_aside_for_a_while_and_then_tried_again() -> None:
    clock = ManualClock(NOW_US)
    dead = way("dead", GONE)
    routed = RoutedTransport([dead, way("spare", backup=True)], clock)
    go(routed, *[mail(n) for n in range(OPENS_AFTER)])
    assert [route.name for route in routed.order(mail(1))] == ["spare", "dead"]
    clock.advance(MINUTE_US)
    assert [route.name for route in routed.order(mail(1))] == ["dead", "spare"]


def test_asking_again_is_promised_only_where_there_is_one_way() -> None:
    def promised(*routes: RouteConfig) -> int:
        mail_config = MailConfig(routes={f"r{n}": route for n, route in enumerate(routes)})
        config = Config(data=Path("/nowhere"), mail=mail_config)
        return transport_of(config, ManualClock(NOW_US)).capabilities.idempotent_s

    file, own = RouteConfig(kind="file"), RouteConfig(kind="file", categories=["transactional"])
    assert promised(file) > 0
    assert promised(file, own) > 0
    assert promised(file, file) == 0
    assert promised(RouteConfig(kind="smtp")) == 0


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (RouteConfig(kind="sengrid"), "did you mean sendgrid"),
        (RouteConfig(kind="resend"), "put the key of mail.routes.main into it"),
        (RouteConfig(kind="file", backup=True), "at least one must be none"),
    ],
)
def test_a_route_that_cannot_work_is_said_at_the_start(tmp_path: Path, route: RouteConfig, words: str) -> None:
    with pytest.raises(InputError, match=words):
        transport_of(Config(data=tmp_path, mail=MailConfig(routes={"main": route})), ManualClock(NOW_US))


def test_routes_survive_being_written_and_read(tmp_path: Path) -> None:
    route = RouteConfig(kind="ses", region="eu-west-1", categories=["marketing", "news"], weight=3)
    config = Config(data=tmp_path / "data", workspace=tmp_path / "w", mail=MailConfig(routes={"main": route}))
    configs.save(config, tmp_path / "config.toml")
    assert configs.load(tmp_path / "config.toml").mail.routes == {"main": route}
