"""A real collector in a process of its own, and what its tests need to talk to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

from tidings.clock import SystemClock
from tidings.config import CollectConfig, Config, save
from tidings.domain.record import LogRecord
from tidings.log.sqlite import SqliteLog

KEY = "wk_web"
BASIC = {"Authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode()}
EVENT = {"type": "track", "event": "Product Viewed", "userId": "7", "messageId": "m-1"}

_SRC = Path(__file__).resolve().parents[3] / "src"
_ROLE = """
import json, resource, sys
from pathlib import Path
from tidings.config import load
from tidings.hosts.collect import run
if int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
run(load(Path(sys.argv[1])), lambda facts: print(json.dumps(facts), flush=True))
"""


class Answer(NamedTuple):
    """A response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Collector:
    """`settings` are fields of `CollectConfig`; `sections` other parts of the configuration; `max_file_bytes` makes the disk "full" for its files at that size."""

    def __init__(
        self, folder: Path, *, max_file_bytes: int = 0, sections: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        self._sections = sections or {}
        self.data = folder / "data"
        self._folder = folder
        self._settings = {"port": 0, "write_keys": {KEY: "web"}, **settings}
        self.port = 0
        self.start(max_file_bytes)

    def start(self, max_file_bytes: int = 0) -> None:
        """Start it (again), on the port it had."""
        collect = CollectConfig(**{**self._settings, "port": self.port or self._settings["port"]})
        save(Config(data=self.data, collect=collect, **self._sections), self._folder / "tidings.toml")
        command = [sys.executable, "-c", _ROLE, str(self._folder / "tidings.toml"), str(max_file_bytes)]
        env = {**os.environ, "PYTHONPATH": str(_SRC)}
        with (self._folder / "errors.txt").open("ab") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=env)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the collector did not start"
        facts = json.loads(line)
        self.port, self.returns_port = facts["port"], facts["returns_port"]
        self.url = f"http://127.0.0.1:{self.port}"

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def errors(self) -> str:
        """What it said on standard error."""
        return (self._folder / "errors.txt").read_text()

    def connect(self, timeout_s: float = 10) -> socket.socket:
        """A plain TCP connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            return read(connection.getresponse())
        finally:
            connection.close()

    def post(self, path: str, value: Any, headers: dict[str, str] | None = None) -> Answer:
        """POST JSON (or bytes as they are) with the write key."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.ask("POST", path, body, {**BASIC, **(headers or {})})

    def records(self, offset: int = 0) -> list[LogRecord]:
        """What is in the log from `offset` on."""
        log = SqliteLog(self.data / "log.db", SystemClock())
        try:
            return [r for block in log.read(offset, 1_000_000) for r in block.records]
        finally:
            log.close()

    def memory_bytes(self) -> int:
        """What the process holds in memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def head(self) -> int:
        """How many records are in the log."""
        return int(self.ask("GET", "/health").json["head"])


def read(response: HTTPResponse) -> Answer:
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def request_bytes(body: bytes, path: str = "/v1/track", extra: str = "") -> bytes:
    """A POST as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC['Authorization']}\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def read_until_closed(connection: socket.socket, timeout_s: float) -> tuple[bytes, float]:
    """(what came, after how many seconds the other side closed). Raises TimeoutError when it does not."""
    began = time.monotonic()
    connection.settimeout(timeout_s)
    received = b""
    while True:
        try:
            piece = connection.recv(65_536)
        except ConnectionResetError:
            break
        if not piece:
            break
        received += piece
    return received, time.monotonic() - began
