"""Our SMTP client against a server that fails at every point: what each failure means, and that nothing worse comes of it."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.deliver.evil_smtp import ALL, CLOSE, HALF_CLOSE, HANG, RESET, STOP_READING, EvilServer
from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.smtp import Relay, SmtpTransport
from tidings.deliver.smtp_reply import MAX_LINE_BYTES, BadReply, Replies, extensions
from tidings.deliver.smtp_session import Login, Timeouts, Tls, stuffed

SOON = Timeouts(connect_s=5, greeting_s=0.3, command_s=0.3, write_s=0.3, answer_s=0.3, idle_s=5)
DATA = b"Subject: hi\r\n\r\n.dot\r\nend\r\n"
BIG = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 125_000
CHUNKING = (*ALL, "CHUNKING")
PLAIN = ("8BITMIME",)
LOOPS: dict[str, Callable[[Any], Any]] = {"asyncio": asyncio.run, "uvloop": uvloop.run}


class Permission:
    def __init__(self, answer: Any = True) -> None:
        self.asked = 0
        self._answer = answer

    def __call__(self) -> Any:
        self.asked += 1
        return self._answer() if callable(self._answer) else self._answer


def mail(data: bytes = DATA, recipient: str = "ann@x.example") -> Handover:
    return Handover(message_id="1", sender="b@shop.example", recipient=recipient, data=data)


def talk(
    server: EvilServer,
    use: Callable[[SmtpTransport], Awaitable[Any]],
    loop: str = "uvloop",
    *,
    timeouts: Timeouts = SOON,
    connections: int = 2,
    implicit: ssl.SSLContext | None = None,
    **relay: Any,
) -> Any:
    async def whole() -> Any:
        async with server.listening(implicit) as port:
            transport = SmtpTransport(
                Relay(**{"host": "127.0.0.1", "port": port, **relay}), connections=connections, timeouts=timeouts
            )
            try:
                return await use(transport)
            finally:
                await transport.close()

    return LOOPS[loop](whole())


def one(server: EvilServer, data: bytes = DATA, loop: str = "uvloop", **more: Any) -> tuple[Outcome, int]:
    """What came of one message, and how often permission was asked."""
    permission = Permission()
    outcome = talk(server, lambda transport: transport.hand_over(mail(data), permission), loop, **more)
    return outcome, permission.asked


NOTHING = {HANG, CLOSE, RESET, HALF_CLOSE, b"what?", b"250-no end", b"199 odd", b"250\xff\x00-"}
"""No answer at all, or none that is one."""
AT_OPENING = [
    (point, what) for point in ("greeting", "EHLO") for what in sorted(NOTHING | {b"421 busy", b"554 go away"})
]
BEFORE_DATA = [(point, what, Result.LATER) for point in ("MAIL", "RCPT", "DATA") for what in sorted(NOTHING)] + [
    (point, answer, result)
    for point in ("MAIL", "RCPT", "DATA")
    for answer, result in ((b"451 4.7.1 later", Result.LATER), (b"421 4.3.2 bye", Result.LATER), (b"550 5.1.1 no", Result.REFUSED),
                           (b"334 odd", Result.LATER))
] + [("DATA", b"250 no go-ahead", Result.LATER), ("RCPT", b"354 odd", Result.LATER)]  # fmt: skip
AFTER_DATA = [(what, Result.LOST) for what in sorted(NOTHING | {b"354 odd", b"334 odd"})] + [
    (b"250 2.0.0 taken", Result.ACCEPTED), (b"250-2.0.0 taken\r\n250 2.0.0 as 17", Result.ACCEPTED),
    (b"452 4.3.1 full", Result.LATER), (b"421 4.3.2 bye", Result.LATER), (b"554 5.7.1 spam", Result.REFUSED),
]  # fmt: skip


@pytest.mark.parametrize(("point", "what"), AT_OPENING)
def test_a_conversation_that_does_not_begin_says_nothing_about_the_message(point: str, what: bytes) -> None:
    outcome, asked = one(EvilServer({point: what}))
    assert (outcome.result, asked) == (Result.UNREACHABLE, 0)
    assert outcome.reply


@pytest.mark.parametrize("offers", [ALL, PLAIN], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(("point", "what", "result"), BEFORE_DATA)
def test_before_the_data_everything_is_known(point: str, what: bytes, result: Result, offers: tuple[str, ...]) -> None:
    server = EvilServer({point: what}, offers=offers)
    outcome, asked = one(server)
    assert (outcome.result, asked, server.taken) == (result, 0, [])
    assert outcome.reply


@pytest.mark.parametrize("point", ["dot", "BDAT"])
@pytest.mark.parametrize(("what", "result"), AFTER_DATA)
@pytest.mark.parametrize("loop", LOOPS)
def test_after_the_data_only_an_answer_tells(what: bytes, result: Result, point: str, loop: str) -> None:
    server = EvilServer({point: what}, offers=CHUNKING if point == "BDAT" else ALL)
    outcome, asked = one(server, loop=loop)
    assert (outcome.result, asked, server.taken) == (result, 1, [DATA])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("point", ["dot", "BDAT"])
def test_a_message_that_never_left_us_whole_was_not_taken(point: str, loop: str) -> None:
    """The server stops reading: bytes of ours, the last ones among them, never leave. That is no doubt."""
    server = EvilServer({point: STOP_READING}, offers=CHUNKING if point == "BDAT" else ALL)
    outcome, asked = one(server, BIG[:9_000_000], loop)
    assert (outcome.result, asked) == (Result.LATER, 1)


def test_a_refusal_in_the_middle_of_the_data_is_heard() -> None:
    class Early(EvilServer):
        async def _command(self, reader: Any, writer: Any, script: Any, line: str) -> bool:
            if line == "DATA":
                writer.write(b"354 go\r\n")
                await reader.readexactly(100_000)
                writer.write(b"552 5.3.4 too much\r\n")
                await asyncio.sleep(60)
            return await super()._command(reader, writer, script, line)

    outcome, asked = one(Early(), BIG[:9_000_000])
    assert (outcome.result, outcome.enhanced, asked) == (Result.REFUSED, "5.3.4", 1)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("offers", [ALL, CHUNKING, PLAIN, ()])
def test_answers_that_come_byte_by_byte_are_answers(offers: tuple[str, ...], loop: str) -> None:
    server = EvilServer(offers=offers, dribble=True)
    outcome, asked = one(server, loop=loop)
    assert (outcome.result, outcome.code, outcome.enhanced, asked) == (Result.ACCEPTED, 250, "2.0.0", 1)
    assert server.taken == [DATA]


def test_a_refused_recipient_among_pipelined_commands_is_the_reason_even_if_data_was_allowed() -> None:
    server = EvilServer({"RCPT": b"550 5.1.1 nobody"})
    outcome, _ = one(server)
    assert (outcome.reply, outcome.code, outcome.enhanced) == ("550 5.1.1 nobody", 550, "5.1.1")
    server = EvilServer({"MAIL": b"450 4.7.1 slow down", "RCPT": b"503 no sender", "DATA": b"503 no"})
    assert one(server)[0].reply == "450 4.7.1 slow down"


def test_after_a_refusal_the_same_connection_is_used_again_and_cleared_first() -> None:
    server = EvilServer({"RCPT": b"550 5.1.1 nobody", "DATA": b"503 no"})

    async def use(transport: SmtpTransport) -> None:
        for _ in range(3):
            await transport.hand_over(mail(), Permission())

    talk(server, use)
    assert server.connections == 1
    assert [line.partition(" ")[0] for line in server.commands] == [
        "EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "QUIT",
    ]  # fmt: skip


def test_with_bdat_what_may_not_go_costs_no_connection() -> None:
    server = EvilServer(offers=CHUNKING)

    async def use(transport: SmtpTransport) -> list[Result]:
        return [(await transport.hand_over(mail(), Permission(answer))).result for answer in (True, False, True)]

    assert talk(server, use) == [Result.ACCEPTED, Result.WITHHELD, Result.ACCEPTED]
    assert (server.connections, server.taken) == (1, [DATA, DATA])


def test_without_bdat_the_go_ahead_for_what_may_not_go_is_followed_by_nothing_at_all() -> None:
    server = EvilServer()

    async def use(transport: SmtpTransport) -> list[Result]:
        return [(await transport.hand_over(mail(), Permission(answer))).result for answer in (True, False, True)]

    assert talk(server, use) == [Result.ACCEPTED, Result.WITHHELD, Result.ACCEPTED]
    assert (server.connections, server.taken, server.unfinished) == (2, [DATA, DATA], [b""])


@pytest.mark.parametrize("offers", [ALL, CHUNKING])
def test_a_permission_may_take_its_time(offers: tuple[str, ...]) -> None:
    async def later() -> bool:
        await asyncio.sleep(0.01)
        return True

    server = EvilServer(offers=offers)
    outcome = talk(server, lambda transport: transport.hand_over(mail(), Permission(later)))
    assert (outcome.result, server.taken) == (Result.ACCEPTED, [DATA])


def test_a_connection_that_dies_while_permission_is_asked_has_taken_nothing() -> None:
    async def slow() -> bool:
        await asyncio.sleep(0.2)
        return True

    class Leaving(EvilServer):
        async def _answer(self, reader: Any, writer: Any, script: Any, point: str) -> bool:
            return await super()._answer(reader, writer, script, point) and point != "DATA"

    server = Leaving()
    outcome = talk(server, lambda transport: transport.hand_over(mail(), Permission(slow)))
    assert (outcome.result, server.taken) == (Result.LATER, [])


def test_a_server_that_says_good_bye_while_nobody_asks_costs_a_fresh_connection_and_no_attempt() -> None:
    server = EvilServer({"dot": b"250 2.0.0 yes\r\n421 4.4.2 timeout"}, {})

    async def use(transport: SmtpTransport) -> list[Result]:
        first = await transport.hand_over(mail(), Permission())
        await asyncio.sleep(0.05)
        return [first.result, (await transport.hand_over(mail(), Permission())).result]

    assert talk(server, use) == [Result.ACCEPTED, Result.ACCEPTED]
    assert server.connections == 2


def test_a_connection_nobody_needs_is_ended_politely() -> None:
    server = EvilServer()

    async def use(transport: SmtpTransport) -> None:
        await transport.hand_over(mail(), Permission())
        await asyncio.sleep(0.3)
        assert server.commands[-1] == "QUIT"
        await transport.hand_over(mail(), Permission())

    talk(server, use, timeouts=Timeouts(idle_s=0.1))
    assert server.connections == 2


def test_giving_up_waiting_closes_the_connection() -> None:
    server = EvilServer({"dot": HANG}, {})

    async def use(transport: SmtpTransport) -> Result:
        task = asyncio.ensure_future(transport.hand_over(mail(), Permission()))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return (await transport.hand_over(mail(), Permission())).result

    assert talk(server, use, timeouts=Timeouts(), connections=1) is Result.ACCEPTED
    assert server.connections == 2


@pytest.mark.parametrize("loop", LOOPS)
def test_many_at_once_on_few_connections(loop: str) -> None:
    server = EvilServer(offers=CHUNKING)

    async def use(transport: SmtpTransport) -> set[Result]:
        return {
            o.result for o in await asyncio.gather(*(transport.hand_over(mail(), Permission()) for _ in range(200)))
        }

    assert talk(server, use, loop, timeouts=Timeouts()) == {Result.ACCEPTED}
    assert (server.connections, len(server.taken)) == (2, 200)


# -- what a server takes ---------------------------------------------------------------------------------------------


def test_a_message_larger_than_the_server_takes_is_refused_before_anything_is_sent() -> None:
    server = EvilServer(offers=("SIZE 20",))
    outcome, asked = one(server)
    assert (outcome.result, outcome.enhanced, asked) == (Result.REFUSED, "5.3.4", 0)
    assert server.commands[1:] == ["QUIT"]


def test_the_size_is_declared_where_it_is_asked_for() -> None:
    server = EvilServer(offers=("SIZE",))
    one(server)
    assert f"MAIL FROM:<b@shop.example> SIZE={len(DATA)}" in server.commands


@pytest.mark.parametrize(
    ("offers", "result"),
    [((), Result.REFUSED), (("8BITMIME",), Result.REFUSED), (("SMTPUTF8", "8BITMIME"), Result.ACCEPTED)],
)
def test_an_address_in_another_script_goes_only_where_it_is_taken(offers: tuple[str, ...], result: Result) -> None:
    server = EvilServer(offers=offers)
    outcome = talk(server, lambda transport: transport.hand_over(mail(recipient="用户@x.example"), Permission()))
    assert outcome.result is result
    assert outcome.enhanced in ("5.6.7", "2.0.0")
    assert result is Result.REFUSED or "MAIL FROM:<b@shop.example> SMTPUTF8" in server.commands


@pytest.mark.parametrize(("offers", "result"), [((), Result.REFUSED), (("8BITMIME",), Result.ACCEPTED)])
def test_8_bit_data_goes_only_where_it_is_taken(offers: tuple[str, ...], result: Result) -> None:
    server = EvilServer(offers=offers)
    assert one(server, "Subject: é\r\n\r\n".encode())[0].result is result
    assert result is Result.REFUSED or "MAIL FROM:<b@shop.example> BODY=8BITMIME" in server.commands


def test_a_server_of_old_is_greeted_as_of_old() -> None:
    server = EvilServer({"EHLO": b"502 what"})
    assert one(server)[0].result is Result.ACCEPTED
    assert [line.partition(" ")[0] for line in server.commands] == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]


# -- TLS and log-in --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For localhost, by nobody whom anybody trusts."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate: Path, **more: Any) -> Tls:
    return Tls(context=ssl.create_default_context(cafile=str(certificate.with_suffix(".crt"))), **more)


@pytest.mark.parametrize("loop", LOOPS)
def test_starttls_hides_everything_and_the_extensions_are_asked_for_again(certificate: Path, loop: str) -> None:
    server = EvilServer(offers=(*CHUNKING, "STARTTLS"), tls=server_tls(certificate))
    outcome, _ = one(server, loop=loop, host="localhost", tls=trusting(certificate, required=True))
    assert outcome.result is Result.ACCEPTED
    assert [line.partition(" ")[0] for line in server.commands] == [
        "EHLO",
        "STARTTLS",
        "EHLO",
        "MAIL",
        "RCPT",
        "BDAT",
        "QUIT",
    ]
    assert server.taken == [DATA]


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_from_the_first_byte_on(certificate: Path, loop: str) -> None:
    server = EvilServer()
    outcome, _ = one(
        server, BIG[:3_000_000], loop, host="localhost", tls=trusting(certificate, implicit=True),
        implicit=server_tls(certificate), timeouts=Timeouts(),
    )  # fmt: skip
    assert (outcome.result, server.taken[0].startswith(BIG[:3_000_000])) == (Result.ACCEPTED, True)


def test_a_certificate_nobody_vouches_for_ends_the_conversation(certificate: Path) -> None:
    server = EvilServer(offers=("STARTTLS",), tls=server_tls(certificate))
    outcome, asked = one(server, host="localhost", tls=Tls(context=ssl.create_default_context()))
    assert (outcome.result, asked) == (Result.UNREACHABLE, 0)
    assert "certificate" in outcome.reply


def test_words_that_somebody_put_behind_starttls_are_not_taken_for_the_servers(certificate: Path) -> None:
    server = EvilServer({"STARTTLS": b"220 go\r\n250 injected"}, offers=("STARTTLS",), tls=server_tls(certificate))
    outcome, _ = one(server, host="localhost", tls=trusting(certificate))
    assert outcome.result is Result.UNREACHABLE
    assert "clear text" in outcome.reply


def test_a_password_does_not_go_in_clear_text_unless_told_so() -> None:
    login = Login(username="shop", password="secret")
    server = EvilServer(offers=("AUTH PLAIN",))
    outcome, _ = one(server, tls=Tls(context=ssl.create_default_context()), login=login)
    assert outcome.result is Result.UNREACHABLE
    assert "clear text" in outcome.reply
    assert not any("AUTH" in line for line in server.commands)


@pytest.mark.parametrize(
    ("offered", "script", "said"),
    [
        ("AUTH PLAIN LOGIN", {"AUTH": b"235 ok"}, ["AUTH PLAIN AHNob3AAc2VjcmV0"]),
        ("AUTH=LOGIN", {"AUTH": b"334 VXNlcm5hbWU6", "C2HVCA==": b"334 UGFzc3dvcmQ6", "C2VJCMV0": b"235 ok"},
         ["AUTH LOGIN", "c2hvcA==", "c2VjcmV0"]),
    ],
)  # fmt: skip
def test_logging_in(offered: str, script: dict[str, bytes], said: list[str]) -> None:
    class Asking(EvilServer):
        async def _command(self, reader: Any, writer: Any, script: Any, line: str) -> bool:
            return await super()._command(reader, writer, {**script, **self.by_line(script, line)}, line)

        @staticmethod
        def by_line(script: Any, line: str) -> dict[str, bytes]:
            return {line.upper(): script[line.upper()]} if line.upper() in script else {}

    server = Asking(script, offers=(offered,))
    outcome, _ = one(server, login=Login(username="shop", password="secret"))
    assert outcome.result is Result.ACCEPTED
    assert server.commands[1 : 1 + len(said)] == said


@pytest.mark.parametrize(
    ("offers", "script"), [(("AUTH PLAIN",), {"AUTH": b"535 5.7.8 no"}), (("AUTH GSSAPI",), {}), ((), {})]
)
def test_a_failed_log_in_says_nothing_about_the_message(offers: tuple[str, ...], script: dict[str, bytes]) -> None:
    outcome, asked = one(EvilServer(script, offers=offers), login=Login(username="shop", password="wrong"))
    assert (outcome.result, asked) == (Result.UNREACHABLE, 0)
    assert "wrong" not in outcome.reply


# -- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [b"x" * (MAX_LINE_BYTES + 1), b"250 " + b"x" * MAX_LINE_BYTES + b"\n", b"250-a\r\n" * 101, b"\r\n", b"25 x\r\n", b"2500 x\r\n",
     b"250_x\r\n", b"600 x\r\n", b"\xff\xfe\r\n"],
)  # fmt: skip
def test_what_is_no_reply_is_told_before_it_fills_the_memory(noise: bytes) -> None:
    with pytest.raises(BadReply):
        Replies().feed(noise)


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_no_bytes_make_anything_but_replies_or_an_error(pieces: list[bytes]) -> None:
    replies = Replies()
    try:
        for piece in pieces:
            for reply in replies.feed(piece):
                assert 200 <= reply.code <= 599
    except BadReply:
        pass  # told apart, which is the point


def test_extensions_are_read_whatever_their_case_and_rubbish_is_none() -> None:
    found = extensions(["host", "pipelining", "Size 1000", "AUTH plain", "AUTH=LOGIN", "", "X-ODD \x00", "chunking"])
    assert (found.pipelining, found.chunking, found.size_bytes, found.auth) == (
        True,
        True,
        1000,
        frozenset({"PLAIN", "LOGIN"}),
    )
    assert extensions(["host", "SIZE 9x", "8BITMIME"]).size_bytes == 0
    assert extensions(["host", "SIZE " + "9" * 30]).size_bytes == 0
    assert extensions([]).size_bytes is None


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b".", b"..\r\n"),
        (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n"),
        (b"..\r\n", b"...\r\n"),
        (b"a\r\n", b"a\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_no_line_of_a_message_ends_it(data: bytes, sent: bytes) -> None:
    assert stuffed(data) == sent
