"""Back-pressure: what does not fit is told to come again, and what was told "stored" is."""

from __future__ import annotations

import gzip
import json
import socket
import time
from pathlib import Path

from tests.unit.collect.collector import EVENT, KEY, Collector, read_until_closed, request_bytes
from tidings.clock import SystemClock
from tidings.log.sqlite import SqliteLog


def test_too_far_ahead_of_processing_the_door_says_later_until_it_has_caught_up(tmp_path: Path) -> None:
    collector = Collector(tmp_path, max_lag_events=20)
    processor = SqliteLog(collector.data / "log.db", SystemClock())
    batch = {"batch": [EVENT] * 21}
    assert collector.post("/v1/batch", batch).status == 200
    for path, body in (("/v1/batch", batch), ("/v1/track", EVENT)):
        answer = collector.post(path, body, {"Origin": "https://shop.example"})
        assert (answer.status, answer.json["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["access-control-expose-headers"] == "Retry-After"
    assert collector.ask("GET", f"/v1/pixel.gif?writeKey={KEY}&event=X&userId=1").status == 503
    health = collector.ask("GET", "/health").json
    assert (health["state"], health["head"], health["processed"]) == ("busy", 21, 0)
    processor.mark_processed(21)
    time.sleep(0.7)
    assert collector.post("/v1/track", EVENT).status == 200
    processor.close()
    assert collector.end() == 0


def test_too_much_at_once_is_told_to_come_again_and_all_that_was_accepted_is_there(tmp_path: Path) -> None:
    collector = Collector(tmp_path, max_waiting_bytes=200_000)
    body = json.dumps({"batch": [{**EVENT, "properties": {"pad": "x" * 20_000}}] * 4}).encode()
    clients: list[socket.socket] = []
    for _ in range(100):
        connection = collector.connect()
        connection.sendall(request_bytes(body, "/v1/batch", "Connection: close\r\n"))
        clients.append(connection)
    received = [read_until_closed(connection, 10)[0] for connection in clients]
    for connection in clients:
        connection.close()
    stored = sum(answer.startswith(b"HTTP/1.1 200 ") for answer in received)
    busy = [answer for answer in received if answer.startswith(b"HTTP/1.1 503 ")]
    assert stored + len(busy) == 100
    assert stored > 0
    assert all(b"Retry-After: " in answer for answer in busy)
    assert collector.head() == 4 * stored
    assert collector.post("/v1/track", EVENT).status == 200
    assert collector.end() == 0


def test_above_the_bound_of_waiting_bytes_requests_are_refused_until_the_disk_has_them(tmp_path: Path) -> None:
    collector = Collector(tmp_path, max_waiting_bytes=10_000)
    body = json.dumps({**EVENT, "properties": {"pad": "x" * 900}}).encode()
    requests = request_bytes(body) * 29 + request_bytes(body, extra="Connection: close\r\n")
    with collector.connect() as connection:
        connection.sendall(requests)  # one piece: all of it arrives before the first is on disk
        received, _ = read_until_closed(connection, 10)
    stored, refused = received.count(b"HTTP/1.1 200 "), received.count(b"HTTP/1.1 503 ")
    assert stored + refused == 30
    assert refused > 5
    assert collector.head() == stored
    assert collector.post("/v1/track", EVENT).status == 200
    assert collector.end() == 0


def test_packed_requests_count_as_what_they_unfold_to(tmp_path: Path) -> None:
    collector = Collector(tmp_path, max_waiting_bytes=1_000_000)
    body = gzip.compress(json.dumps({"batch": [{**EVENT, "properties": {"pad": "x" * 20_000}}] * 10}).encode())
    assert len(body) < 2_000
    requests = request_bytes(body, "/v1/batch") * 29 + request_bytes(body, "/v1/batch", "Connection: close\r\n")
    with collector.connect() as connection:
        connection.sendall(requests)
        received, _ = read_until_closed(connection, 10)
    assert received.count(b"HTTP/1.1 503 ") > 5
    assert collector.head() == 10 * received.count(b"HTTP/1.1 200 ")
    assert collector.end() == 0


def test_half_received_bodies_count_as_well(tmp_path: Path) -> None:
    collector = Collector(tmp_path, max_waiting_bytes=300_000)
    holders = []
    for _ in range(3):
        connection = collector.connect()
        connection.sendall(request_bytes(b"x" * 500_000, "/v1/batch")[:140_000])
        holders.append(connection)
    time.sleep(0.3)
    refused = 0
    for connection in holders:
        connection.settimeout(0.3)
        try:
            refused += connection.recv(100).startswith(b"HTTP/1.1 503 ")
        except TimeoutError:
            continue
    assert refused == 1
    for connection in holders:
        connection.close()
    time.sleep(0.2)
    assert collector.post("/v1/track", EVENT).status == 200
    assert collector.end() == 0
