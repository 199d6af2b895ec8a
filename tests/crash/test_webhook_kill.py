"""kill -9 of the deliver role, again and again, while webhooks are called: each call ends once in the log, none is lost."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from tests.crash.deliver_role import Life, log_file
from tests.unit.deliver.test_caller import intent
from tidings import config as configuration
from tidings.clock import HOUR_US, MINUTE_US, SECOND_US, SystemClock
from tidings.config import CollectConfig, Config, MailConfig, WebhooksConfig
from tidings.deliver import signing
from tidings.deliver.calls import Calls
from tidings.domain.message import CallIntent, EventIntent
from tidings.hosts.supervisor import Supervisor, free_ports
from tidings.log.sqlite import SqliteLog

CALLS = 400
KILLS = 15
clock_us = SystemClock().now_us
HOOKS = ("fine", "flaky", "away", "huge", "slow", "hidden")


class Receiver(BaseHTTPRequestHandler):
    """Plays all webhooks; the path says which."""

    requests: list[tuple[str, dict[str, str], bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.requests.append((self.path.strip("/"), headers, body))
        getattr(self, self.path.strip("/"))(headers["webhook-id"])

    def answer(self, status: int, body: bytes = b'{"score":7}', location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fine(self, _call_id: str) -> None:
        time.sleep(0.01)
        self.answer(200)

    def flaky(self, call_id: str) -> None:
        tries = sum(
            1 for path, headers, _ in list(self.requests) if path == "flaky" and headers["webhook-id"] == call_id
        )
        self.answer(200 if tries > 1 else 503)

    def away(self, _call_id: str) -> None:
        self.answer(302, location="http://169.254.169.254/latest/meta-data")

    def huge(self, _call_id: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000000")
        self.end_headers()
        for _ in range(1_000):
            self.wfile.write(b"x" * 10_000)

    def slow(self, _call_id: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the caller was killed, or had enough
            super().handle()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def receiving() -> Iterator[int]:
    Receiver.requests = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def place(folder: Path, port: int) -> Config:
    hooks = {
        name: {"url": f"http://127.0.0.1:{port}/{name}", "try_timeout": "500ms", "attempts": 12, "per_minute": 6_000}
        for name in HOOKS
    }
    hooks["slow"] |= {"attempts": 1}
    hooks["hidden"]["url"] = "https://169.254.169.254/latest"
    (folder / "workspace").mkdir(parents=True)
    (folder / "workspace" / "webhooks.yml").write_text(json.dumps(hooks))
    collect, smtp = free_ports(2)
    for name in HOOKS:
        signing.make(folder / "data", name, keep=0)
    return Config(
        data=folder / "data",
        workspace=folder / "workspace",
        collect=CollectConfig(port=collect, write_keys={"wk": "web"}),
        mail=MailConfig(smtp_port=smtp),
        webhooks=WebhooksConfig(private_networks="127.0.0.0/8"),
    )


def wanted(number: int, now_us: int) -> CallIntent:
    asked = intent(
        number + 1, webhook=HOOKS[number // 4 % len(HOOKS)] if number % 4 == 0 else "fine", until_us=now_us + HOUR_US
    )
    return msgspec.structs.replace(asked, known_us=now_us, occurred_us=now_us)


def own_event(number: int, now_us: int) -> EventIntent:
    return EventIntent(
        event_id=f"own{number}", profile_id="p1", kind="track", name="List Joined", properties={"list": "vip"},
        journey="j", run_id="r", step="s", occurred_us=now_us + 1, known_us=now_us,
    )  # fmt: skip


def test_each_call_ends_once_in_the_log_and_its_copies_can_be_known(tmp_path: Path) -> None:
    now_us = SystemClock().now_us()
    rng = random.Random(5)
    with receiving() as port, log_file(tmp_path) as log:
        config = place(tmp_path, port)
        configuration.save(config, tmp_path / "tidings.toml")
        supervisor = Supervisor(config, ["collect"])
        supervisor.start()
        calls = Calls(config.data / "calls.db")
        try:
            for number in range(CALLS):
                calls.add([own_event(number, now_us)], [wanted(number, now_us)])
            for _ in range(KILLS):
                life = Life(tmp_path, log)
                time.sleep(rng.uniform(0.02, 0.12))
                life.kill()
            left = sum(calls.queued().values())
            life = Life(tmp_path, log)
            try:
                settle(calls)
            finally:
                status = life.stop()
            assert status == 0
        finally:
            supervisor.stop()
            calls.close()
    assert left > 0, "the kills fell on nothing"
    check_log(config)
    check_receiver(config)


def settle(calls: Calls) -> None:
    """Until all is done, or a minute after the last try is due: tries that were killed count, so a pause may be long."""
    now_us = clock_us()
    until_us = now_us + MINUTE_US
    while (calls.queued() or calls.unreported(1)) and now_us < until_us:
        time.sleep(0.05)
        now_us = clock_us()
        until_us = max(until_us, *(calls.next_due_us(name, now_us) + MINUTE_US for name in HOOKS))
    assert (calls.queued(), calls.unreported(1)) == ({}, [])


def check_log(config: Config) -> None:
    log = SqliteLog(config.data / "log.db", SystemClock())
    records = [record for block in log.read(0, 1_000_000) for record in block.records]
    log.close()
    assert {record.source for record in records} == {"tidings"}
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for record in records:
        bodies[json.loads(record.body)["messageId"]].add(record.body)
    assert {len(copies) for copies in bodies.values()} == {1}, "two answers to one call"
    assert len(bodies) == 2 * CALLS, "an answer or an event of ours is lost"
    found = Counter(
        (said["webhook"], said["result"], said.get("left_out") or said.get("error", "").partition(":")[0])
        for (body,) in bodies.values()
        if (said := json.loads(body).get("properties", {})).get("call_id")
    )
    print(dict(found), "copies in the log:", len(records) - len(bodies))
    assert {(hook, result, word) for hook, result, word in found} == {
        ("fine", "ok", ""),
        ("flaky", "ok", ""),
        ("away", "failed", "redirect"),
        ("huge", "ok", "too_large"),
        ("slow", "failed", "timeout"),
        ("hidden", "failed", "private_address"),
    }


def check_receiver(config: Config) -> None:
    copies = Counter(headers["webhook-id"] for _, headers, _ in Receiver.requests)
    print("requests:", len(Receiver.requests), "most copies:", max(copies.values()))
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for name, headers, body in Receiver.requests:
        bodies[headers["webhook-id"]].add(body)
        (key,) = signing.load(config.data, name)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, sha256)).decode()
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    assert {len(one) for one in bodies.values()} == {1}
    asked = [wanted(number, SECOND_US) for number in range(CALLS)]
    # One that is slow has a single try here, which may be over before it is heard.
    assert {one.call_id for one in asked if one.webhook not in ("hidden", "slow")} - bodies.keys() == set()
    assert {one.call_id for one in asked if one.webhook == "hidden"} & bodies.keys() == set()
