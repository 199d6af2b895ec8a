"""Delivery without a relay: whose servers are asked, in which order, and what it means when nobody answers."""

from __future__ import annotations

import asyncio
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest
import uvloop

from tests.unit.deliver.evil_smtp import CLOSE, EvilServer
from tidings.deliver import mx, reach, smtp_direct
from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.mx import MemoryNames, NoSite, Sites, SystemNames, site_name
from tidings.deliver.smtp import Relay
from tidings.deliver.smtp_direct import DirectTransport

LOOPBACK = reach.networks("127.0.0.0/8")
HERE = "127.0.0.1"
NOWHERE = "127.0.0.2"
"""Loopback, but nobody listens."""


def mail(recipient: str) -> Handover:
    return Handover(message_id="1", sender="b@shop.example", recipient=recipient, data=b"Subject: x\r\n\r\nhi\r\n")


def deliver(
    server: EvilServer, names: MemoryNames, *recipients: str, private: reach.Networks = LOOPBACK
) -> list[Outcome]:
    async def whole() -> list[Outcome]:
        async with server.listening() as port:
            transport = DirectTransport(Sites(names), Relay(host="", port=port), private=private)
            try:
                return [await transport.hand_over(mail(recipient), lambda: True) for recipient in recipients]
            finally:
                await transport.close()

    return uvloop.run(whole())


def test_a_message_goes_to_the_server_that_its_domain_names() -> None:
    server, names = EvilServer(), MemoryNames({"x.example": [(10, HERE)]})
    outcomes = deliver(server, names, "ann@x.example", "bob@X.Example", "cid@x.example")
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert (len(server.taken), server.connections, names.asked) == (3, 1, ["x.example"])


def test_domains_with_one_server_share_its_connections() -> None:
    server = EvilServer()
    deliver(server, MemoryNames({"x.example": [(10, HERE)], "y.example": [(5, HERE)]}), "a@x.example", "b@y.example")
    assert (len(server.taken), server.connections) == (2, 1)


def test_servers_are_tried_in_the_order_of_their_preference() -> None:
    server = EvilServer()
    (outcome,) = deliver(server, MemoryNames({"x.example": [(20, HERE), (10, NOWHERE)]}), "ann@x.example")
    assert (outcome.result, len(server.taken)) == (Result.ACCEPTED, 1)


def test_a_domain_without_servers_of_its_own_is_one_itself() -> None:
    server = EvilServer()
    (outcome,) = deliver(server, MemoryNames({"localhost": []}), "ann@localhost")
    assert (outcome.result, len(server.taken)) == (Result.ACCEPTED, 1)


@pytest.mark.parametrize(
    ("names", "result", "enhanced"),
    [
        (MemoryNames({}), Result.REFUSED, "5.1.2"),
        (MemoryNames({"x.example": [(0, "")]}), Result.REFUSED, "5.1.10"),
        (MemoryNames({"x.example": [(0, ".")]}), Result.REFUSED, "5.1.10"),
        (MemoryNames({}, silent=True), Result.LATER, "4.4.3"),
        (MemoryNames({"x.example": [(10, NOWHERE), (20, NOWHERE)]}), Result.LATER, "4.4.1"),
    ],
    ids=["no domain", "null MX", "null MX with its dot", "silent", "nobody listens"],
)
def test_what_it_means_when_there_is_nobody(names: MemoryNames, result: Result, enhanced: str) -> None:
    (outcome,) = deliver(EvilServer(), names, "ann@x.example")
    assert (outcome.result, outcome.enhanced) == (result, enhanced)
    assert outcome.reply


def test_one_site_that_does_not_answer_does_not_stop_the_others() -> None:
    names = MemoryNames({"x.example": [(10, NOWHERE)], "y.example": [(10, HERE)]})
    outcomes = deliver(EvilServer(), names, "a@x.example", "b@y.example")
    assert [outcome.result for outcome in outcomes] == [Result.LATER, Result.ACCEPTED]


def test_after_a_greeting_that_sends_us_away_the_next_server_is_asked() -> None:
    server = EvilServer({"greeting": b"554 go away"}, {})
    (outcome,) = deliver(server, MemoryNames({"x.example": [(10, HERE), (20, "localhost")]}), "ann@x.example")
    assert (outcome.result, server.connections) == (Result.ACCEPTED, 2)


@pytest.mark.parametrize("point", ["RCPT", "dot"])
def test_once_a_server_has_spoken_about_a_message_no_other_is_asked(point: str) -> None:
    server = EvilServer({point: b"550 5.1.1 no"} if point == "RCPT" else {point: CLOSE})
    (outcome,) = deliver(server, MemoryNames({"x.example": [(10, HERE), (20, "localhost")]}), "ann@x.example")
    assert (outcome.result, server.connections) == (Result.REFUSED if point == "RCPT" else Result.LOST, 1)


@pytest.mark.parametrize("host", [HERE, "localhost", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0x7f.1"])
def test_nobodys_domain_makes_us_talk_to_machines_inside(host: str) -> None:
    server = EvilServer()
    (outcome,) = deliver(server, MemoryNames({"evil.example": [(10, host)]}), "ann@evil.example", private=())
    assert (outcome.result, server.connections) == (Result.LATER, 0)


def test_a_domain_is_looked_up_once_however_many_ask() -> None:
    names = MemoryNames({"x.example": [(10, "mx1.x.example")]})

    async def whole() -> list[str]:
        sites = Sites(names)
        return [site.name for site in await asyncio.gather(*(sites.of(f"{n}@x.example") for n in range(50)))]

    assert set(asyncio.run(whole())) == {"x.example"}
    assert names.asked == ["x.example"]


def test_what_was_not_found_is_asked_again() -> None:
    names = MemoryNames({}, silent=True)

    async def whole() -> None:
        sites = Sites(names)
        for _ in range(2):
            with pytest.raises(NoSite):
                await sites.of("a@x.example")

    asyncio.run(whole())
    assert names.asked == ["x.example"] * 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mx, "MAX_SITES", 10)
    monkeypatch.setattr(smtp_direct, "MAX_SERVERS", 1)
    names = MemoryNames({f"x{n}.example": [(1, f"127.0.0.{1 + n % 2}"), (2, HERE)] for n in range(25)})
    outcomes = deliver(EvilServer(), names, *(f"a@x{n}.example" for n in range(25)))
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("gmail-smtp-in.l.google.com", "google.com"),
        ("aspmx.l.google.com", "google.com"),
        ("mta5.am0.yahoodns.net", "yahoodns.net"),
        ("outlook-com.olc.protection.outlook.com", "outlook.com"),
        ("mx.shop.co.uk", "shop.co.uk"),
        ("mx1.mail.icloud.com.", "icloud.com"),
        ("mx.example", "mx.example"),
        ("localhost", "localhost"),
        ("mail.bbc.de", "bbc.de"),
    ],
)
def test_a_site_is_who_runs_the_servers(host: str, name: str) -> None:
    assert site_name([host]) == name


@pytest.mark.parametrize(
    ("error", "wanted"),
    [(dns.resolver.NXDOMAIN(), None), (dns.resolver.NoAnswer(response=dns.message.make_query("x.example", "MX")), []),
     (dns.exception.Timeout(), OSError), (dns.resolver.NoNameservers(), OSError)],
)  # fmt: skip
def test_what_the_resolver_raises_is_told_apart(monkeypatch: pytest.MonkeyPatch, error: Exception, wanted: Any) -> None:
    async def resolve(*_: object, **__: object) -> object:
        raise error

    monkeypatch.setattr(dns.asyncresolver.Resolver, "resolve", resolve)

    async def whole() -> Any:
        try:
            return await SystemNames().mail_hosts("x.example")
        except OSError:
            return OSError

    assert asyncio.run(whole()) == wanted
