"""The local mail receiver: a small SMTP server that keeps what it is sent, so that a demo needs no mail provider.

The deliver role hands messages to it like to any other server; the console's inbox page shows them. It accepts mail
from this machine only, delivers nothing onwards, and drops nothing it said 250 to: a message is on disk before its
answer. It removes no duplicates, so that tests can count them.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from tidings.clock import Clock, SystemClock
from tidings.config import Config
from tidings.hosts.signals import until_stopped

MAX_MAIL_BYTES = 10 * 1024 * 1024
"""Largest message taken."""
MAX_MAILS = 100_000
"""Newest messages kept; older ones make room."""
_PRUNE_EVERY = 1_000

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS mails (id INTEGER PRIMARY KEY, received_us INTEGER NOT NULL, sender TEXT NOT NULL,"
    " recipients TEXT NOT NULL, subject TEXT NOT NULL, message_id TEXT NOT NULL, raw BLOB NOT NULL)"
)
_ADD = "INSERT INTO mails (received_us, sender, recipients, subject, message_id, raw) VALUES (?, ?, ?, ?, ?, ?)"
_COLUMNS = "SELECT id, received_us, sender, recipients, subject, message_id, length(raw) FROM mails"


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One received message, without its bytes."""

    id: int
    """Running number in this inbox."""
    received_us: int
    """When it was taken."""
    sender: str
    """Envelope sender (MAIL FROM)."""
    recipients: list[str]
    """Envelope recipients (RCPT TO)."""
    subject: str
    """Decoded subject."""
    message_id: str
    """The Message-ID header with its angle brackets; empty when there is none."""
    size_bytes: int
    """Size of the raw message."""


class Inbox:
    """Received messages in one SQLite file (WAL, synchronous=FULL). One writer; other processes may read along."""

    def __init__(self, path: Path) -> None:
        """Open `path`, making it and its folder when there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(_SCHEMA)

    def add(self, *, sender: str, recipients: Sequence[str], raw: bytes, received_us: int) -> int:
        """Keep one message; on disk when this returns. Its id."""
        head = _head(raw)
        row = (
            received_us,
            sender,
            msgspec.json.encode(list(recipients)).decode(),
            _header(head, "Subject"),
            _header(head, "Message-ID"),
            raw,
        )
        with self._lock:
            number = self._db.execute(_ADD, row).lastrowid or 0
            if number % _PRUNE_EVERY == 0:
                self._db.execute("DELETE FROM mails WHERE id <= ?", (number - MAX_MAILS,))
        return number

    def list(self, limit: int = 50, before: int | None = None) -> list[Mail]:
        """The newest `limit` messages, newest first; with `before`, those older than that id."""
        highest = before if before is not None else 1 << 62
        query = f"{_COLUMNS} WHERE id < ? ORDER BY id DESC LIMIT ?"
        with self._lock:
            return [_mail(row) for row in self._db.execute(query, (highest, limit))]

    def get(self, number: int) -> tuple[Mail, bytes] | None:
        """One message and its raw bytes, or None when there is none with this id."""
        with self._lock:
            row = self._db.execute(f"{_COLUMNS} WHERE id = ?", (number,)).fetchone()
            raw = self._db.execute("SELECT raw FROM mails WHERE id = ?", (number,)).fetchone()
        return (_mail(row), raw[0]) if row and raw else None

    def count(self) -> int:
        """How many messages are kept."""
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM mails").fetchone()[0])

    def html(self, number: int) -> str | None:
        """The decoded HTML part, or None. It is somebody else's markup: show it only in a sandboxed frame."""
        return self._part(number, "text/html")

    def text(self, number: int) -> str | None:
        """The decoded plain-text part, or None."""
        return self._part(number, "text/plain")

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def _part(self, number: int, content_type: str) -> str | None:
        found = self.get(number)
        if found is None:
            return None
        for part in message_from_bytes(found[1]).walk():
            if part.get_content_type() == content_type:
                return _decoded(part)
        return None


def _mail(row: tuple[int, int, str, str, str, str, int]) -> Mail:
    number, received_us, sender, recipients, subject, message_id, size = row
    return Mail(
        id=number,
        received_us=received_us,
        sender=sender,
        recipients=msgspec.json.decode(recipients, type=list[str]),
        subject=subject,
        message_id=message_id,
        size_bytes=size,
    )


def _head(raw: bytes) -> Message:
    end = raw.find(b"\r\n\r\n")
    return message_from_bytes(raw[: end if end >= 0 else 64 * 1024])


def _header(head: Message, name: str) -> str:
    """A header as people read it; the bare text when its encoding is broken."""
    value = str(head.get(name, ""))
    try:
        return str(make_header(decode_header(value))).replace("\r", " ").replace("\n", " ")
    except (LookupError, UnicodeError, HeaderParseError, ValueError):
        return value.encode("utf-8", "replace").decode()


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


class Receiver:
    """The SMTP server in front of an inbox. Start and stop it inside an event loop."""

    def __init__(self, inbox: Inbox, *, clock: Clock | None = None, answer_delay_s: float = 0.0) -> None:
        """`answer_delay_s` widens the gap between taking a message and saying so, for crash tests."""
        self._inbox = inbox
        self._clock = clock or SystemClock()
        self._answer_delay_s = answer_delay_s
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen on `host`:`port` (0 lets the system choose); the real port."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd writes each address into it
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self._session(loop), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def _session(self, loop: asyncio.AbstractEventLoop) -> SMTP:
        return SMTP(
            self,
            data_size_limit=MAX_MAIL_BYTES,
            hostname="receiver.localhost",
            ident="Tidings receiver",
            timeout=120,
            loop=loop,
        )

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd after the final dot; what it returns is the answer to the client."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        try:
            self._inbox.add(
                sender=envelope.mail_from or "",
                recipients=envelope.rcpt_tos,
                raw=raw,
                received_us=self._clock.now_us(),
            )
        except sqlite3.Error as error:  # disk full and the like: the client keeps the message and tries again
            return f"451 4.3.0 could not store it: {type(error).__name__}"
        if self._answer_delay_s:
            await asyncio.sleep(self._answer_delay_s)
        return "250 2.0.0 stored"


@contextmanager
def receiving(inbox: Inbox, *, port: int = 0, answer_delay_s: float = 0.0) -> Iterator[int]:
    """A receiver on loopback in a thread of its own, for as long as the block runs; gives its port."""
    loop = asyncio.new_event_loop()
    receiver = Receiver(inbox, answer_delay_s=answer_delay_s)
    thread = threading.Thread(target=loop.run_forever, name="receiver", daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(receiver.start("127.0.0.1", port), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(_shut_down(receiver), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _shut_down(receiver: Receiver) -> None:
    await receiver.stop()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def run(config: Config, ready: Callable[[dict[str, object]], None]) -> None:
    """The role: receive on ``mail.smtp_host``:``mail.smtp_port`` into ``data/inbox.db`` until SIGTERM or SIGINT."""
    inbox = Inbox(config.data / "inbox.db")
    try:
        asyncio.run(_serve(config, inbox, ready))
    finally:
        inbox.close()


async def _serve(config: Config, inbox: Inbox, ready: Callable[[dict[str, object]], None]) -> None:
    receiver = Receiver(inbox)
    port = await receiver.start(config.mail.smtp_host, config.mail.smtp_port)
    ready({"host": config.mail.smtp_host, "port": port})
    await until_stopped()
    await _shut_down(receiver)
