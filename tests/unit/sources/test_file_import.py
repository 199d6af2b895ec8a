"""Importing a file: in batches, over one connection, patient, resumable, interruptible; also against the real collector."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tidings import config
from tidings.clock import DAY_US, SystemClock
from tidings.domain.record import BACKFILL, REFUSED
from tidings.errors import InputError, Permanent, Retryable
from tidings.log.sqlite import SqliteLog
from tidings.sources.door import MAX_REQUEST_BYTES, Door
from tidings.sources.importer import MAX_BATCH_RECORDS, ImportProgress, ImportResult, import_file
from tidings.sources.mapping import RowMap, parse_map

MAP = """
name: orders
event_id: {hash: all}
user_id: {column: customer}
timestamp: {column: at, format: unix_s}
reject:
  - {reason: cancelled, because: the order was cancelled, when: {column: state, equals: cancelled}}
properties: {order_id: {column: order}, note: {column: note}}
cases: [{event: Order Completed}]
"""
KEY = "0123456789abcdef"


class LocalDoor(ThreadingHTTPServer):
    """The internal door's contract on a free port: keeps what it takes, and answers first what it was told to answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[dict] = []
        self.sizes: list[int] = []
        self.connections = 0
        self.answers: list[tuple[int, str]] = []
        self.before_answer: Callable[[], None] = lambda: None

    @property
    def records(self) -> list[dict]:
        return [record for request in self.requests for record in request["records"]]


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LocalDoor

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.before_answer()
        status, retry_after = self.server.answers.pop(0) if self.server.answers else (200, "")
        if self.headers["Authorization"] != f"Bearer {KEY}" or self.path != "/internal/events":
            status = 401
        if status == 200:
            self.server.requests.append(json.loads(body))
            self.server.sizes.append(len(body))
        if status == 0:
            self.close_connection = True  # hang up without a word
            return
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_args: object) -> None:
        """Says nothing."""


@pytest.fixture
def door() -> Iterator[LocalDoor]:
    server = LocalDoor()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def row_map() -> RowMap:
    return parse_map(MAP, "orders.yml")


def _orders(path: Path, count: int, note: str = "x") -> Path:
    lines = [f"o{n},c{n % 7},{1_700_000_000 + n},{'cancelled' if n % 10 == 3 else 'paid'},{note}" for n in range(count)]
    path.write_text("\n".join(["order,customer,at,state,note", *lines]) + "\n")
    return path


def _run(door: LocalDoor, path: Path, row_map: RowMap, **more: object) -> ImportResult:
    state_path = path.with_suffix(".state.json")
    options = {"collector_url": door.url, "internal_key": KEY, "source": "shop", "state_path": state_path} | more
    return import_file(path, row_map, **options)


def test_every_line_arrives_once_as_event_or_refusal_in_order_over_one_connection(door, row_map, tmp_path):
    seen: list[ImportProgress] = []
    path = _orders(tmp_path / "orders.csv", 1_200)
    result = _run(door, path, row_map, progress=seen.append, shift_us=DAY_US)
    assert result.complete
    assert result.advice == "imported up to line 1201, the last one"
    assert (result.progress.events, result.progress.refused) == (1_080, {"cancelled": 120})
    assert [len(request["records"]) for request in door.requests] == [500, 500, 200]
    assert {(request["source"], request["backfill"]) for request in door.requests} == {("shop", True)}
    assert door.connections == 1
    assert door.records[0]["body"]["timestamp"] == "2023-11-15T22:13:20Z", "a day later than the file says"
    assert door.records[3] == {
        "refused": "cancelled: the order was cancelled",
        "raw": "o3,c3,1700000003,cancelled,x",
    }
    orders = [r["body"]["properties"]["order_id"] if "body" in r else r["raw"].split(",")[0] for r in door.records]
    assert orders == [f"o{n}" for n in range(1_200)]
    assert [progress.line for progress in seen] == [501, 1_001, 1_201]
    assert seen[-1].position_bytes == seen[-1].size_bytes == path.stat().st_size
    assert seen[-1].lines == 1_200
    assert seen[-1].lines_per_s > 0


def test_a_request_stays_below_the_limit_of_the_door_whatever_the_lines_hold(door, row_map, tmp_path):
    path = _orders(tmp_path / "orders.csv", 200)
    path.write_text(path.read_text() + ("\x01" * 32_000 + "\n") * 300)
    result = _run(door, path, row_map)
    assert result.progress.refused["wrong_columns"] == 300
    assert len(door.records) == 500
    assert max(door.sizes) < MAX_REQUEST_BYTES / 2


def test_a_busy_or_absent_collector_is_waited_for_and_nothing_is_lost(door, row_map, tmp_path):
    door.answers = [(503, "1"), (0, ""), (429, ""), (500, "")]
    result = _run(door, _orders(tmp_path / "orders.csv", 600), row_map)
    assert result.complete
    assert len(door.records) == 600


def test_waiting_follows_retry_after_and_ends_when_patience_does(door):
    waits: list[float] = []
    door.answers = [(503, "7"), (503, "500"), (503, "Fri, 31 Dec 1999 23:59:59 GMT"), (503, "9")]
    with (
        closing(Door(door.url, KEY, patience_s=40, sleep=waits.append)) as client,
        pytest.raises(Retryable, match=r"503 Service Unavailable.*gave up after waiting 38 s"),
    ):
        client.send(b"{}")
    assert waits == [7, 30, 0.8]


def test_an_answer_that_does_not_come_in_time_is_asked_for_again_on_a_new_connection(door):
    def slow_once() -> None:
        door.before_answer = lambda: None
        time.sleep(0.4)

    door.before_answer = slow_once
    with closing(Door(door.url, KEY, timeout_s=0.2)) as client:
        client.send(b'{"records": []}')
    assert door.connections == 2


def test_an_import_goes_on_after_the_last_acknowledged_batch(door, row_map, tmp_path):
    path = _orders(tmp_path / "orders.csv", 1_200)
    door.answers = [(200, ""), (503, ""), (503, "")]
    with pytest.raises(Retryable):
        _run(door, path, row_map, patience_s=0)
    assert len(door.records) == 500
    result = _run(door, path, row_map, patience_s=10)
    assert (result.resumed_from, result.complete) == (501, True)
    assert len(door.records) == 1_200
    again = _run(door, path, row_map)
    assert again.advice == "all 1201 lines were imported before; delete the state file to send them again"
    assert len(door.records) == 1_200


def test_ctrl_c_saves_the_progress_and_says_how_to_go_on(door, row_map, tmp_path):
    path = _orders(tmp_path / "orders.csv", 1_200)

    def press_ctrl_c() -> None:
        if len(door.requests) == 1:
            door.before_answer = lambda: None
            os.kill(os.getpid(), signal.SIGINT)

    door.before_answer = press_ctrl_c
    result = _run(door, path, row_map)
    assert not result.complete
    assert result.advice == "stopped at line 501; run the same command again to go on from there"
    assert _run(door, path, row_map).complete
    ids = {record["body"]["messageId"] for record in door.records if "body" in record}
    assert len(ids) == 1_080


def test_the_state_of_another_import_is_not_taken_for_this_one(door, row_map, tmp_path):
    path = _orders(tmp_path / "orders.csv", 10)
    _run(door, path, row_map)
    with pytest.raises(InputError, match=r"state of another import \(different: shift_us\)"):
        _run(door, path, row_map, shift_us=1)
    _orders(path, 11)
    with pytest.raises(InputError, match=r"different: size_bytes"):
        _run(door, path, row_map)
    path.with_suffix(".state.json").write_text("{")
    with pytest.raises(InputError, match="is not the state of an import"):
        _run(door, path, row_map)


def test_a_wrong_key_address_or_door_is_said_at_once(door, row_map, tmp_path):
    path = _orders(tmp_path / "orders.csv", 10)
    with pytest.raises(InputError, match=r"401 .*wanted the internal key"):
        _run(door, path, row_map, internal_key="guess")
    door.answers = [(404, "")]
    with pytest.raises(Permanent, match=r"404 .*same version"):
        _run(door, path, row_map)
    for address in ("127.0.0.1:8300", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port"):
        with pytest.raises(InputError, match="collector: got "):
            _run(door, path, row_map, collector_url=address)
    assert door.records == []


ROLE = """
import sys, pathlib
from tidings import config
from tidings.hosts.collect import run
run(config.load(pathlib.Path(sys.argv[1])), lambda told: print(told["port"], flush=True))
"""


@contextmanager
def _collector(settings: config.Config, path: Path) -> Iterator[str]:
    config.save(settings, path)
    environment = os.environ | {"PYTHONPATH": str(Path(config.__file__).parents[1])}
    role = subprocess.Popen([sys.executable, "-c", ROLE, str(path)], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield f"http://127.0.0.1:{role.stdout.readline().strip()}"
    finally:
        role.terminate()
        role.wait(timeout=10)
        role.stdout.close()


def test_the_real_collector_keeps_every_line_as_backfill(row_map, tmp_path):
    data = tmp_path / "data"
    settings = config.Config(data=data, workspace=tmp_path, collect=config.CollectConfig(port=0))
    path = _orders(tmp_path / "orders.csv", MAX_BATCH_RECORDS + 100)
    with _collector(settings, tmp_path / "tidings.toml") as url:
        key = (data / "secrets/internal.key").read_text().strip()
        state_path = tmp_path / "state.json"
        result = import_file(
            path, row_map, collector_url=url, internal_key=key, source="shop", state_path=state_path, patience_s=5
        )
    assert result.complete
    log = SqliteLog(data / "log.db", SystemClock())
    records = [record for block in log.read(0, 10_000) for record in block.records]
    log.close()
    assert len(records) == 600
    assert {record.source for record in records} == {"shop"}
    assert all(record.flags & BACKFILL for record in records)
    refused = [record for record in records if record.flags & REFUSED]
    assert len(refused) == 60
    assert refused[0].reason == "cancelled: the order was cancelled"
    assert refused[0].body == b"o3,c3,1700000003,cancelled,x"
