"""HTTP as clients really speak it, and clients that hold on to what they should let go."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.unit.collect.collector import BASIC, EVENT, Collector, read, read_until_closed, request_bytes

BODY = json.dumps(EVENT).encode()


def answers(connection: socket.socket, count: int, method: str = "POST") -> list[tuple[int, bytes]]:
    """The next `count` responses on one connection."""
    found = []
    file = connection.makefile("rb")
    for _ in range(count):
        line = file.readline()
        status, length = int(line.split()[1]), 0
        while (header := file.readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        found.append((status, file.read(length) if method != "HEAD" else b""))
    return found


def test_one_connection_takes_many_requests(collector: Collector) -> None:
    connection = HTTPConnection("127.0.0.1", collector.port)
    before = collector.head()
    for _ in range(20):
        connection.request("POST", "/v1/track", BODY, BASIC)
        assert read(connection.getresponse()).status == 200
    connection.close()
    assert collector.head() == before + 20


def test_pipelined_requests_are_answered_in_order(collector: Collector) -> None:
    # Refusals are ready at once, stored events only after a sync: the order must hold all the same.
    paths = ["/v1/track", "/nothing", "/v1/track", "/health", "/v1/batch", "/v1/track"]
    with collector.connect() as connection:
        connection.sendall(b"".join(request_bytes(BODY, path) for path in paths))
        assert [status for status, _ in answers(connection, 6)] == [200, 404, 200, 200, 400, 200]


def test_very_many_pipelined_requests_are_all_answered(collector: Collector) -> None:
    before = collector.head()
    with collector.connect() as connection:
        sender = threading.Thread(target=connection.sendall, args=(request_bytes(BODY) * 2_000,))
        sender.start()
        assert [status for status, _ in answers(connection, 2_000)] == [200] * 2_000
        sender.join()
    assert collector.head() == before + 2_000


def test_a_request_may_come_byte_by_byte(collector: Collector) -> None:
    with collector.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request_bytes(BODY):
            connection.sendall(bytes([byte]))
        assert answers(connection, 1)[0][0] == 200


def test_a_body_may_come_in_chunks(collector: Collector) -> None:
    before = collector.head()
    connection = HTTPConnection("127.0.0.1", collector.port)
    connection.request("POST", "/v1/track", (BODY[i : i + 7] for i in range(0, len(BODY), 7)), BASIC)
    assert read(connection.getresponse()).status == 200
    connection.close()
    assert collector.records(before)[0].body == BODY


def test_a_client_that_asks_to_go_on_is_told_to(collector: Collector) -> None:
    head, _, body = request_bytes(BODY, extra="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with collector.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert answers(connection, 1)[0][0] == 200


def test_a_client_that_asks_to_send_too_much_is_told_not_to(collector: Collector) -> None:
    with collector.connect() as connection:
        connection.sendall(b"POST /v1/b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
        assert read_until_closed(connection, 5)[0].startswith(b"HTTP/1.1 413 ")


def test_head_gets_the_headers_of_get(collector: Collector) -> None:
    with collector.connect() as connection:
        connection.sendall(b"HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        assert [status for status, _ in answers(connection, 2, "HEAD")] == [200, 200]


def test_a_client_that_closes_gets_its_answer_first(collector: Collector) -> None:
    for extra in ("Connection: close\r\n",):
        with collector.connect() as connection:
            connection.sendall(request_bytes(BODY, extra=extra))
            received, _ = read_until_closed(connection, 5)
            assert received.startswith(b"HTTP/1.1 200 ")
            assert b"Connection: close\r\n" in received


def test_http_1_0_is_answered_and_closed(collector: Collector) -> None:
    for extra in (b"", b"Connection: keep-alive\r\n"):
        with collector.connect() as connection:
            connection.sendall(b"GET /health HTTP/1.0\r\n" + extra + b"\r\n")
            received, seconds = read_until_closed(connection, 5)
            assert received.startswith(b"HTTP/1.1 200 ")
            assert seconds < 1


def test_every_answer_is_dated(collector: Collector) -> None:
    assert collector.ask("GET", "/health").headers["date"].endswith("GMT")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 404),  # one name a hundred times is one header
        (b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(101)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000, 431),
        (b"GET /" + b"x" * 20_000, 431),
        (b"POST /v1/b HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n", 413),
        (b"POST /v1/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536 + b"\r\n", 0),
    ],
)
def test_what_is_not_a_request_is_refused_and_cut_off(collector: Collector, sent: bytes, status: int) -> None:
    with collector.connect() as connection:
        connection.sendall(sent)
        connection.settimeout(1)
        if not status:  # not too large yet: the rest is waited for
            with pytest.raises(TimeoutError):
                connection.recv(1)
            return
        assert connection.recv(100).startswith(b"HTTP/1.1 %d " % status)
    assert collector.ask("GET", "/health").status == 200


def test_a_chunked_body_is_bounded_as_it_comes(collector: Collector) -> None:
    with collector.connect() as connection:
        connection.sendall(b"POST /v1/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        assert read_until_closed(connection, 5)[0].startswith(b"HTTP/1.1 413 ")


def test_endless_trailers_are_cut_off(collector: Collector) -> None:
    with collector.connect() as connection:
        connection.sendall(b"POST /v1/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ")
        try:
            for _ in range(40):
                connection.sendall(b"x" * 100_000)
        except OSError:
            return
        assert read_until_closed(connection, 5)[0].startswith(b"HTTP/1.1 413 ")


def test_an_upgrade_is_declined(collector: Collector) -> None:
    upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
    with collector.connect() as connection:
        connection.sendall(f"GET /health HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_goes_away_harms_nobody(collector: Collector) -> None:
    for _ in range(20):
        connection = collector.connect()
        connection.sendall(request_bytes(BODY) + b"POST /v1/b HTTP/1.1\r\nContent-Le")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()
    assert collector.ask("GET", "/health").status == 200


def test_clients_that_go_away_while_their_events_are_stored_cost_the_others_nothing(collector: Collector) -> None:
    body = json.dumps({"batch": [{**EVENT, "properties": {"pad": "x" * 9_000}}] * 20}).encode()
    stayers = [collector.connect() for _ in range(10)]
    for round_number in range(20):
        leavers = [collector.connect() for _ in range(10)]
        for leaver, stayer in zip(leavers, stayers, strict=True):
            leaver.sendall(request_bytes(body, "/v1/batch") * 2)
            if round_number == 0:
                stayer.sendall(request_bytes(BODY) * 20)
            leaver.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            leaver.close()  # a reset
    for stayer in stayers:
        assert [status for status, _ in answers(stayer, 20)] == [200] * 20
        stayer.close()
    until = time.monotonic() + 10
    while collector.ask("GET", "/health").json["waiting_bytes"] and time.monotonic() < until:
        time.sleep(0.05)
    assert collector.ask("GET", "/health").json["waiting_bytes"] == 0


# Slow clients.


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """Short time-outs and few connections."""
    running = Collector(
        tmp_path_factory.mktemp("hasty"), header_timeout_s=1.0, body_timeout_s=1.5, idle_timeout_s=2.0, max_connections=60
    )  # fmt: skip
    yield running
    assert running.end() == 0
    assert running.errors() == ""


def trickle(connection: socket.socket, piece: bytes, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        try:
            connection.sendall(piece)
        except OSError:
            return


def test_slow_clients_are_cut_off_while_a_good_one_works(hasty: Collector) -> None:
    begins = {
        "header trickle": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n", b"HTTP/1.1 408 ", 1.0),
        "header byte trickle": (b"GET / HTTP/1.1\r\nA: ", b"x", b"HTTP/1.1 408 ", 1.0),
        "body trickle": (request_bytes(b"x" * 1000)[:-999], b"x", b"HTTP/1.1 408 ", 1.5),
        "silent": (b"", b"", b"", 1.0),
        "idle": (b"GET /health HTTP/1.1\r\n\r\n", b"", b"HTTP/1.1 200 ", 2.0),
    }
    stop = threading.Event()
    open_ones, threads = [], []
    for start, piece, _, _ in list(begins.values()) * 8:
        connection = hasty.connect()
        connection.sendall(start)
        open_ones.append(connection)
        if piece:
            threads.append(threading.Thread(target=trickle, args=(connection, piece, stop)))
            threads[-1].start()
    waits = []
    for _ in range(50):
        began = time.monotonic()
        assert hasty.post("/v1/track", EVENT).status == 200
        waits.append(time.monotonic() - began)
    assert sorted(waits)[48] < 0.25
    for connection, (_, _, expected, after_s) in zip(open_ones, list(begins.values()) * 8, strict=True):
        received, _ = read_until_closed(connection, after_s + 4)
        assert received.startswith(expected)
        connection.close()
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("begin", "limit_s"),
    [(b"", 2.2), (b"GET / HTTP/1.1\r\n", 2.2), (request_bytes(b"x" * 99)[:-98], 2.7)],
    ids=["silent", "head", "body"],
)
def test_a_slow_client_is_cut_off_in_time(hasty: Collector, begin: bytes, limit_s: float) -> None:
    with hasty.connect() as connection:
        connection.sendall(begin)
        _, seconds = read_until_closed(connection, 6)
    assert 0.5 < seconds < limit_s + 2.5  # plus the time to read the refusal in


def test_connections_are_bounded(hasty: Collector) -> None:
    crowd = [hasty.connect() for _ in range(60)]
    time.sleep(0.2)
    with hasty.connect() as one_too_many:
        assert read_until_closed(one_too_many, 2)[0] == b""
    for connection in crowd:
        connection.close()
    time.sleep(0.2)
    assert hasty.ask("GET", "/health").status == 200


def test_a_client_that_does_not_read_its_answers_is_cut_off(hasty: Collector) -> None:
    connection = hasty.connect()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    began = time.monotonic()

    def ask_on() -> None:
        while time.monotonic() < began + 15:
            connection.sendall(b"GET /tidings.js HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000)

    before = hasty.memory_bytes()
    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        ask_on()
    assert hasty.memory_bytes() - before < 10_000_000, "answers that nobody reads pile up"
    assert time.monotonic() - began < 12
    connection.close()
    assert hasty.ask("GET", "/health").json["state"] == "ok"


def test_what_is_under_way_is_finished_at_a_clean_end(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    connection = HTTPConnection("127.0.0.1", collector.port, timeout=5)
    connection.putrequest("POST", "/v1/track")
    connection.putheader("Authorization", BASIC["Authorization"])
    connection.putheader("Content-Length", str(len(BODY)))
    connection.endheaders()
    connection.send(BODY[:10])
    time.sleep(0.2)
    collector.process.terminate()
    time.sleep(0.3)
    with pytest.raises(ConnectionRefusedError):
        collector.connect()
    connection.send(BODY[10:])
    response: HTTPResponse = connection.getresponse()
    assert read(response).status == 200
    connection.close()
    assert collector.process.wait(10) == 0
    collector.end()
    assert collector.records()[0].body == BODY
