"""The collector killed at any moment, and on a disk that fills up: every event it acknowledged is there afterwards."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.unit.collect.collector import BASIC, EVENT, Collector
from tidings.collect.role import EXIT_STORAGE

KILLS = 15
CLIENTS = 4


class Client(threading.Thread):
    """An SDK: makes an id once and sends the event again until it is acknowledged."""

    def __init__(self, port: int, number: int, stop: threading.Event) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self._port = port
        self._number = number
        self._stop_sending = stop

    def run(self) -> None:
        sent = 0
        while not self._stop_sending.is_set():
            ids = [f"{self._number}-{sent + n}" for n in range(random.randrange(1, 6))]
            sent += len(ids)
            body = json.dumps({"batch": [{**EVENT, "messageId": event_id} for event_id in ids]})
            while not self._send(body):
                if self._stop_sending.wait(0.02):
                    return
            self.acknowledged += ids

    def _send(self, body: str) -> bool:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("POST", "/v1/batch", body, BASIC)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def ids_in_log(collector: Collector) -> Counter[str]:
    return Counter(json.loads(record.body)["messageId"] for record in collector.records())


def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    random.seed(11)
    collector = Collector(tmp_path)
    stop = threading.Event()
    clients = [Client(collector.port, number, stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        time.sleep(random.uniform(0.02, 0.35))
        collector.process.kill()
        collector.process.wait()
        assert collector.process.stdout is not None
        collector.process.stdout.close()
        collector.start()
    stop.set()
    for client in clients:
        client.join()
    assert collector.end() == 0
    found = ids_in_log(collector)
    acknowledged = [event_id for client in clients for event_id in client.acknowledged]
    repeated = sum(count - 1 for count in found.values())
    print(f"{KILLS} kills: {len(acknowledged)} acknowledged, {repeated} sent again after being stored")
    assert len(acknowledged) == len(set(acknowledged)) > 500
    assert [event_id for event_id in acknowledged if event_id not in found] == [], "acknowledged and lost"
    # What was stored but not acknowledged was sent again under the same id: at most what was under way at each kill.
    assert repeated <= KILLS * CLIENTS * 5
    assert max(found.values()) <= 1 + KILLS


def test_a_full_disk_acknowledges_nothing_it_cannot_keep_and_ends_the_process(tmp_path: Path) -> None:
    collector = Collector(tmp_path, max_file_bytes=300_000)
    acknowledged: list[str] = []
    refused = 0
    for number in range(10_000):
        event_id = f"e-{number}"
        pad = random.Random(number).randbytes(600).hex()
        try:
            answer = collector.post("/v1/track", {**EVENT, "messageId": event_id, "properties": {"pad": pad}})
        except (OSError, HTTPException):
            break
        if answer.status == 200:
            acknowledged.append(event_id)
        else:
            assert (answer.status, answer.json["code"]) == (503, "busy")
            assert "retry-after" in answer.headers
            refused += 1
    assert refused >= 1, "who waits for the disk is told, not left hanging"
    assert collector.process.wait(10) == EXIT_STORAGE
    collector.end()
    assert len(acknowledged) > 10
    collector.start()  # there is room again
    assert collector.post("/v1/track", {**EVENT, "messageId": "after"}).status == 200
    assert collector.end() == 0
    found = ids_in_log(collector)
    assert [event_id for event_id in acknowledged if found[event_id] != 1] == []
    assert found["after"] == 1
