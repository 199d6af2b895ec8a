"""A nudge: "there is something new", from one process to another on this machine, so that nobody polls.

Datagrams on a Unix socket. Losing one is harmless, because each waiter also looks by itself after its time-out.
"""

from __future__ import annotations

import contextlib
import select
import socket
from pathlib import Path


class Nudge:
    """The receiving end. One process binds a path; any number of processes send to it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def fileno(self) -> int:
        """For event loops: readable when nudged."""
        return self._socket.fileno()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until nudged or until the time is over; True when nudged. Swallows all nudges so far."""
        nudged = bool(self._poll.poll(max(0.0, timeout_s) * 1000))
        self.drain()
        return nudged

    def drain(self) -> None:
        """Forget all nudges received so far."""
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(64):
                pass

    def close(self) -> None:
        """Stop receiving."""
        self._socket.close()


class Nudger:
    """The sending end; works whether or not anybody listens yet."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def nudge(self) -> None:
        """Wake the receiver, if there is one. Never blocks, never fails."""
        with contextlib.suppress(BlockingIOError, FileNotFoundError, ConnectionRefusedError):
            self._socket.sendto(b"n", self._path)

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()
