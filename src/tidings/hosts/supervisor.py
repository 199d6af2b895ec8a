"""The supervisor: the roles as processes, started, watched, started again when they die, and ended in order.

A role that dies (kill -9 at any moment is harmless) is started again after a short, growing pause. Ctrl-C ends the door
first, then those behind it, so that everything accepted is still processed or waits on disk.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import msgspec

from tidings import config as configuration
from tidings.clock import SystemClock
from tidings.config import Config
from tidings.errors import InputError, TidingsError
from tidings.versions.shelf import Versions, login_name

ROLES: Mapping[str, str] = {
    "collect": "tidings.hosts.collect",
    "process": "tidings.hosts.process",
    "deliver": "tidings.hosts.deliver",
    "project": "tidings.hosts.project",
    "console": "tidings.hosts.console",
}
"""The roles of `tidings serve`, in the order in which they start; they end in the same order."""
DEMO_ROLES: Mapping[str, str] = {"receiver": "tidings.hosts.receiver", "shop": "tidings.hosts.shop"}
"""What a demo starts besides."""
START_S = 30.0
"""How long a role may take until it is ready."""
STOP_S = 10.0
"""How long a role may take to end before it is killed."""
PAUSE_S = (0.1, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses before a dead role is started again; the last one repeats."""
STEADY_S = 30.0
"""A role that lived so long starts again with the shortest pause."""

_log = logging.getLogger("tidings.supervisor")


def run_role(name: str, config: Config) -> None:
    """Be one role, in this process, until told to end. Announces itself with one JSON line on standard output."""
    module = {**ROLES, **DEMO_ROLES}.get(name)
    if module is None:
        msg = f"role: got {name!r}, wanted one of {', '.join([*ROLES, *DEMO_ROLES])}"
        raise InputError(msg)
    _die_with_parent()

    def ready(facts: dict[str, object]) -> None:
        sys.stdout.write(msgspec.json.encode({"ready": name, **facts}).decode() + "\n")
        sys.stdout.flush()

    import_module(module).run(config, ready)


def _die_with_parent() -> None:
    """On Linux: end when the supervisor is gone, however it went (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux" and os.environ.get("TIDINGS_SUPERVISED"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Role:
    """One role's process."""

    def __init__(self, name: str, config_path: Path, log_path: Path) -> None:
        self.name = name
        self.ready: dict[str, Any] | None = None
        self.restarts = 0
        self._config_path = config_path
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._again_s = 0.0
        self._died = 0
        self._log_from = 0

    @property
    def pid(self) -> int:
        """Process id; 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    @property
    def stdout(self) -> IO[bytes] | None:
        """Where its announcement comes from."""
        return self._process.stdout if self._process is not None else None

    def start(self) -> None:
        """Start the process."""
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        command = [sys.executable, "-m", "tidings.cli", "role", self.name, "--config", str(self._config_path)]
        with self._log_path.open("ab") as log:
            self._log_from = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "TIDINGS_SUPERVISED": "1", "PYTHONUNBUFFERED": "1"},
            )
        self._started_s = time.monotonic()
        self._again_s = 0.0

    def is_due(self) -> bool:
        """Whether it died and its pause is over, so that it should be started again."""
        if self._process is None or self._process.poll() is None:
            return False
        now_s = time.monotonic()
        if not self._again_s:
            self._died = 0 if now_s - self._started_s > STEADY_S else self._died + 1
            pause_s = PAUSE_S[min(self._died, len(PAUSE_S)) - 1] if self._died else PAUSE_S[0]
            _log.warning(
                "role %s ended with %s; again in %.1f s; see %s",
                self.name,
                self._process.returncode,
                pause_s,
                self._log_path,
            )
            self._again_s = now_s + pause_s
        if now_s < self._again_s:
            return False
        self.restarts += 1
        return True

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, for tests and for the end."""
        if self.pid:
            self._process.send_signal(number)  # type: ignore[union-attr]

    def stop(self) -> None:
        """End it: politely, then not."""
        if self._process is None:
            return
        self.kill(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            _log.warning("role %s did not end within %.0f s; killed", self.name, STOP_S)
            self.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def last_words(self) -> str:
        """The end of what it has logged since it was started, for an error message."""
        with contextlib.suppress(OSError):
            return self._log_path.read_bytes()[self._log_from :].decode("utf-8", "replace")[-2_000:].strip()
        return ""


class Supervisor:
    """Roles on one data directory."""

    def __init__(self, config: Config, roles: Sequence[str]) -> None:
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        (config.data / "run").mkdir(exist_ok=True)
        (config.data / "logs").mkdir(exist_ok=True)
        self.config = config
        Versions(config.data).begin(config.workspace, login_name(), SystemClock().now_us())
        self._path = config.data / "run" / "config.toml"
        absolute = msgspec.structs.replace(config, data=config.data.absolute(), workspace=config.workspace.absolute())
        configuration.save(absolute, self._path)
        self.roles = {name: Role(name, self._path, config.data / "logs" / f"{name}.log") for name in roles}
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    def start(self, told: Callable[[str, dict[str, Any]], None] | None = None) -> None:
        """Start all roles and wait until each is ready. Raises TidingsError with a role's last words when it is not."""
        for role in self.roles.values():
            role.start()
            self._listen(role)
        deadline_s = time.monotonic() + START_S
        while waiting := [role for role in self.roles.values() if role.ready is None]:
            for role in waiting:
                if not role.pid or time.monotonic() > deadline_s:
                    self.stop()
                    msg = f"role {role.name} did not start; its log says:\n{role.last_words()}"
                    raise TidingsError(msg)
            for role in self._hear(0.05):
                if told is not None and role.ready is not None:
                    told(role.name, role.ready)

    def _forget(self, role: Role) -> None:
        """Stop listening to a process that died."""
        for key in list(self._selector.get_map().values()):
            if key.data is role:
                self._selector.unregister(key.fileobj)

    def _listen(self, role: Role) -> None:
        if role.stdout is not None:
            self._selector.register(role.stdout, selectors.EVENT_READ, role)

    def _hear(self, timeout_s: float) -> Iterator[Role]:
        for key, _ in self._selector.select(timeout_s):
            role: Role = key.data
            line = key.fileobj.readline()  # type: ignore[union-attr]
            if not line:
                self._selector.unregister(key.fileobj)
                continue
            with contextlib.suppress(msgspec.DecodeError):
                role.ready = msgspec.json.decode(line)
                yield role

    def watch(self, timeout_s: float = 0.2) -> None:
        """One look at all roles; starts again who died."""
        for role in self._hear(timeout_s):
            _log.info("role %s is ready again", role.name)
        for role in self.roles.values():
            if role.is_due():
                self._forget(role)
                role.start()
                self._listen(role)

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Watch until SIGTERM, SIGINT or until `until()`; then end all roles in order."""
        before = {number: signal.signal(number, self._signalled) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self._stopping and not until():
                self.watch()
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, frame: object) -> None:  # noqa: ARG002 - a signal handler's signature
        self._stopping = True

    def stop(self) -> None:
        """End all roles, the door first."""
        for role in self.roles.values():
            self._forget(role)
            role.stop()
        self._selector.close()


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody uses right now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
