"""What every transport must do: ask once before anything leaves, and tell apart what a caller must tell apart."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.unit.deliver.scripted_esps import DIALECTS, FakeEsp, text_of
from tests.unit.deliver.scripted_esps import serving as serve_http
from tests.unit.deliver.scripted_smtp import ScriptedServer, serving
from tidings.clock import ManualClock
from tidings.deliver.base import Handover, Outcome, Result, Transport
from tidings.deliver.esp.base import Settings
from tidings.deliver.esp.client import EspTransport
from tidings.deliver.esp.kinds import ESPS
from tidings.deliver.file import FileTransport
from tidings.deliver.memory import MemoryTransport
from tidings.deliver.routing import Route, RoutedTransport
from tidings.deliver.smtp import Relay, SmtpTransport
from tidings.deliver.smtp_session import Timeouts, Tls

IMPATIENT = Timeouts(connect_s=0.5, greeting_s=0.5, command_s=0.5, write_s=0.5, answer_s=0.5)
DATA = b"Subject: hi\r\n\r\n.a line with a dot\r\n..two\r\n.\r\nend\r\n"
BEHAVIOURS = {
    "take": Result.ACCEPTED,
    "refuse-rcpt": Result.REFUSED,
    "refuse-data": Result.REFUSED,
    "later-rcpt": Result.LATER,
    "later-data": Result.LATER,
    "hangup-rcpt": Result.LATER,
    "closing": Result.LATER,
    "early": Result.LATER,
    "hangup-taken": Result.LOST,
    "silent-taken": Result.LOST,
    "garbled-taken": Result.LOST,
}
BEFORE_DATA = {"refuse-rcpt", "later-rcpt", "hangup-rcpt", "closing", "early"}


IN_ONE_GO = {"take", "refuse-data", "later-data", "hangup-taken", "silent-taken", "garbled-taken"}
"""What the other side of a request that is sent whole can do: it has no say before the data."""
ON_DISK = {"take"}


class Stage:
    """A transport and a look at what the other side took."""

    def __init__(
        self,
        make: Callable[[], Transport],
        taken: Callable[[], list[tuple[str, bytes]]],
        data: bytes = DATA,
    ) -> None:
        self.make = make
        self.taken = taken
        self.data = data
        """What of `DATA` the other side is given."""


@contextmanager
def smtp() -> Iterator[Stage]:
    server = ScriptedServer(answer_delay_s=0.002)
    with serving(server) as port:
        yield Stage(
            lambda: SmtpTransport(Relay(host="127.0.0.1", port=port), connections=3, timeouts=IMPATIENT),
            lambda: server.taken,
        )


@contextmanager
def memory() -> Iterator[Stage]:
    def answer(mail: Handover) -> Outcome:
        name = mail.recipient.partition("@")[0]
        # In memory a refusal is a refusal wherever it comes; the port makes no difference either.
        return Outcome(BEHAVIOURS[name], "250 ok" if name == "take" else "scripted")

    transport = MemoryTransport(answer, connections=3)
    yield Stage(lambda: transport, lambda: [(mail.recipient, mail.data) for mail in transport.taken])


SETTINGS = {"domain": "mg.example", "region": "eu-west-1", "campaign": "77"}


def transport_to(name: str, url: str) -> EspTransport:
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" if name == "webhook" else "id:secret"
    settings = Settings(key=key, base_url=url, **SETTINGS)
    return EspTransport(ESPS[name], settings, ManualClock(1_800_000_000_000_000), connections=3, timeout_s=0.5)


def esp(name: str) -> Callable[[], AbstractContextManager[Stage]]:
    @contextmanager
    def staged() -> Iterator[Stage]:
        fake = FakeEsp(DIALECTS[name])
        with serve_http(fake) as url:
            data = DATA if ESPS[name].says.raw else text_of(DATA).encode()
            yield Stage(lambda: transport_to(name, url), lambda: fake.taken, data)

    return staged


@contextmanager
def routed() -> Iterator[Stage]:
    """Two ways, one of which nobody can reach."""
    fake = FakeEsp(DIALECTS["mailgun"])
    with serve_http(fake) as url, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{nobody.getsockname()[1]}"

        def make() -> Transport:
            ways = [
                Route(name="dead", transport=transport_to("ses", dead), weight=1_000),
                Route(name="alive", transport=transport_to("mailgun", url)),
            ]
            return RoutedTransport(ways, ManualClock(1_800_000_000_000_000))

        yield Stage(make, lambda: fake.taken)


@contextmanager
def file() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"

        def taken() -> list[tuple[str, bytes]]:
            envelopes = [path.read_bytes().split(b"\r\n", 2) for path in sorted(out.glob("*.eml"))]
            return [(to.decode().partition("<")[2].rstrip(">"), data) for _, to, data in envelopes]

        yield Stage(lambda: FileTransport(out), taken)


STAGES: dict[str, tuple[Callable[[], AbstractContextManager[Stage]], set[str]]] = {
    "smtp": (smtp, set(BEHAVIOURS)),
    "memory": (memory, set(BEHAVIOURS)),
    "file": (file, ON_DISK),
    "routes": (routed, IN_ONE_GO),
    **{name: (esp(name), IN_ONE_GO) for name in ESPS},
}
EACH = [pytest.param(stage, name, id=f"{stage}-{name}") for stage in STAGES for name in sorted(STAGES[stage][1])]
each_behaviour = pytest.mark.parametrize(("stage", "name"), EACH, indirect=["stage"])


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with STAGES[request.param][0]() as made:
        yield made


def mail(name: str, number: int = 1) -> Handover:
    return Handover(message_id=f"{number:032x}", sender="hello@shop.example", recipient=f"{name}@x.example", data=DATA)


class Permission:
    """Counts how often it was asked."""

    def __init__(self, *, answer: bool = True) -> None:
        self.asked = 0
        self._answer = answer

    def __call__(self) -> bool:
        self.asked += 1
        return self._answer


def run(stage: Stage, use: Callable[[Transport], Coroutine[Any, Any, Any]]) -> Any:
    async def whole() -> Any:
        transport = stage.make()
        try:
            return await use(transport)
        finally:
            await transport.close()

    return uvloop.run(whole())  # as the deliver role does


def test_what_is_taken_arrives_byte_for_byte_and_is_accepted_with_the_answer(stage: Stage) -> None:
    outcome = run(stage, lambda transport: transport.hand_over(mail("take"), Permission()))
    assert outcome.result is Result.ACCEPTED
    assert outcome.reply.startswith("2")
    assert stage.taken() == [("take@x.example", stage.data)]


@each_behaviour
def test_each_thing_the_other_side_may_do_has_its_result(stage: Stage, name: str) -> None:
    outcome = run(stage, lambda transport: transport.hand_over(mail(name), Permission()))
    assert outcome.result is BEHAVIOURS[name]
    assert "\n" not in outcome.reply


@each_behaviour
def test_permission_is_asked_once_at_most_and_always_before_data_leaves(stage: Stage, name: str) -> None:
    permission = Permission()
    run(stage, lambda transport: transport.hand_over(mail(name), permission))
    assert permission.asked <= 1
    assert not stage.taken() or permission.asked == 1
    if BEHAVIOURS[name] is Result.LOST:
        assert permission.asked == 1, "lost without an attempt on record"


def test_without_permission_nothing_leaves_and_the_next_message_goes(stage: Stage) -> None:
    async def use(transport: Transport) -> list[Outcome]:
        return [
            await transport.hand_over(mail("take", 1), Permission(answer=False)),
            await transport.hand_over(mail("take", 2), Permission()),
        ]

    withheld, taken = run(stage, use)
    assert (withheld.result, taken.result) == (Result.WITHHELD, Result.ACCEPTED)
    assert len(stage.taken()) == 1


@each_behaviour
def test_after_anything_the_next_message_is_taken(stage: Stage, name: str) -> None:
    async def use(transport: Transport) -> Outcome:
        await transport.hand_over(mail("take", 1), Permission())
        await transport.hand_over(mail(name, 2), Permission())
        return await transport.hand_over(mail("take", 3), Permission())

    assert run(stage, use).result is Result.ACCEPTED


def test_many_at_once_all_arrive(stage: Stage) -> None:
    async def use(transport: Transport) -> list[Outcome]:
        return await asyncio.gather(*(transport.hand_over(mail("take", n), Permission()) for n in range(30)))

    outcomes = run(stage, use)
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert len(stage.taken()) == 30


def test_a_permission_that_fails_is_the_callers_fault_and_reaches_the_caller(stage: Stage) -> None:
    def broken() -> bool:
        msg = "disk full"
        raise OSError(msg)

    with pytest.raises(OSError, match="disk full"):
        run(stage, lambda transport: transport.hand_over(mail("take"), broken))
    assert stage.taken() == []


def test_smtp_keeps_to_its_connections_and_uses_them_again() -> None:
    server = ScriptedServer(answer_delay_s=0.005)
    with serving(server) as port:
        stage = Stage(lambda: SmtpTransport(Relay(host="127.0.0.1", port=port), connections=2), lambda: server.taken)

        async def use(transport: Transport) -> None:
            for start in (0, 10):
                await asyncio.gather(*(transport.hand_over(mail("take", start + n), Permission()) for n in range(10)))

        run(stage, use)
    assert (server.connections, server.most_at_once, len(server.taken)) == (2, 2, 20)


def test_smtp_notices_that_an_idle_connection_was_closed_and_takes_a_fresh_one() -> None:
    first, second = ScriptedServer(), ScriptedServer()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def use(transport: Transport) -> list[Result]:
        with serving(first, port):
            one = await transport.hand_over(mail("take", 1), Permission())
        none = await transport.hand_over(mail("take", 2), Permission())
        with serving(second, port):
            two = await transport.hand_over(mail("take", 2), Permission())
        return [one.result, none.result, two.result]

    stage = Stage(lambda: SmtpTransport(Relay(host="127.0.0.1", port=port), connections=2), list)
    assert run(stage, use) == [Result.ACCEPTED, Result.UNREACHABLE, Result.ACCEPTED]


def test_smtp_that_must_use_tls_does_not_talk_without() -> None:
    server = ScriptedServer()
    with serving(server) as port:
        stage = Stage(
            lambda: SmtpTransport(
                Relay(host="127.0.0.1", port=port, tls=Tls(context=ssl.create_default_context(), required=True))
            ),
            list,
        )
        outcome = run(stage, lambda transport: transport.hand_over(mail("take"), Permission()))
    assert (outcome.result, server.taken) == (Result.UNREACHABLE, [])


@pytest.mark.parametrize("recipient", ["a@x.example>\r\nRCPT TO:<evil@x.example", "a\x00@x.example", "a\n@x"])
def test_smtp_lets_no_address_add_a_command(recipient: str) -> None:
    server = ScriptedServer()
    with serving(server) as port:
        stage = Stage(lambda: SmtpTransport(Relay(host="127.0.0.1", port=port)), list)
        bad = Handover(message_id="1", sender="hello@shop.example", recipient=recipient, data=DATA)
        outcome = run(stage, lambda transport: transport.hand_over(bad, Permission()))
    assert outcome.result is not Result.ACCEPTED
    assert server.taken == []
