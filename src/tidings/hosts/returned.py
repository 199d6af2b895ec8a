"""`tidings bounces`: mails that came back, from a file, a folder, a maildir or a pipe, into the log of a running Tidings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tidings.clock import SystemClock
from tidings.collect.evidence import Evidence
from tidings.collect.returned import Read, read
from tidings.config import Config
from tidings.deliver.ledger import Ledger
from tidings.domain.record import REFUSED, LogRecord
from tidings.errors import InputError
from tidings.feedback.bounce.parts import MAX_BYTES
from tidings.feedback.tokens import load_tokens
from tidings.hosts.door import Door

BATCH = 100
"""Mails per request to the collector."""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be read."""

    raw: bytes
    """At most `MAX_BYTES` of it."""
    path: Path | None
    """Where it lies in a maildir's ``new``, from where it goes to ``cur`` when the log has it; None elsewhere."""


def take(config: Config, mails: Iterator[Mail]) -> dict[str, int]:
    """Read mails and put what they say into the log; how many of each event, or reason, there were.

    Every mail is on disk before the next hundred are read; a second time the same mails are duplicates. Raises InputError when
    nobody takes them.
    """
    counts: Counter[str] = Counter()
    tokens, ledger = load_tokens(config.data / "secrets"), Ledger(config.data / "ledger.db")
    evidence, door = Evidence(ledger, SystemClock()), Door(config)
    try:
        while batch := [mail for _, mail in zip(range(BATCH), mails, strict=False)]:
            found = [read(mail.raw, (), tokens, ledger) for mail in batch]
            for source in sorted({one.record.source for one in found}):
                door.records(source, [_wire(one.record) for one in found if one.record.source == source])
            for mail, one in zip(batch, found, strict=True):
                counts[_word(one)] += 1
                if one.message is not None:
                    evidence.heard(one.message, one.name)
                _seen(mail)
    finally:
        ledger.close()
    return dict(sorted(counts.items()))


def mails_at(path: Path) -> Iterator[Mail]:
    """The mails at a path: one file, a folder of ``.eml`` files, or the new ones of a maildir. Raises InputError."""
    if (path / "new").is_dir():
        yield from (Mail(raw=_read(one), path=one) for one in sorted((path / "new").iterdir()) if one.is_file())
    elif path.is_dir():
        yield from (Mail(raw=_read(one), path=None) for one in sorted(path.glob("*.eml")))
    elif path.exists():
        yield Mail(raw=_read(path), path=None)
    else:
        msg = (
            f"{path}: no such file or folder; wanted a mail, a folder of .eml files, a maildir, or - for standard input"
        )
        raise InputError(msg)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES)


def _wire(record: LogRecord) -> dict[str, Any]:
    if record.flags & REFUSED:
        return {"refused": record.reason, "raw": record.body.decode("utf-8", "replace")}
    return {"body": msgspec.Raw(record.body)}


def _word(found: Read) -> str:
    record = found.record
    return record.reason.partition(":")[0] if record.flags & REFUSED else found.name


def _seen(mail: Mail) -> None:
    if mail.path is not None:
        seen = mail.path.parent.parent / "cur" / f"{mail.path.name.partition(':')[0]}:2,S"
        seen.parent.mkdir(exist_ok=True)
        mail.path.rename(seen)


def clear(config: Config, address: str) -> bool:
    """Say in the log that mail may go to `address` again; whether a bounce or a complaint stood against it. Raises InputError."""
    ledger = Ledger(config.data / "ledger.db")
    try:
        standing = [one for one in ledger.suppressions(address) if one.category == "*"]
    finally:
        ledger.close()
    now_us = SystemClock().now_us()
    for one in standing:
        Door(config).records("tidings", [{"body": cleared(one.address, one.profile_id, one.reason, now_us)}])
    return bool(standing)


def cleared(address: str, profile_id: str, reason: str, now_us: int) -> dict[str, Any]:
    """The event that clears an address."""
    return {
        "type": "track",
        "event": "Address Cleared",
        "messageId": f"cleared-{address[:150]}-{now_us}",
        "properties": {"address": address, "reason": reason},
        "context": {"profile_id": profile_id},
    }
