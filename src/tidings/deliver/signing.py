"""Signatures of webhooks as in Standard Webhooks (https://www.standardwebhooks.com), and the secrets that make them.

A secret is ``whsec_`` and base64. The file ``secrets/webhooks/NAME`` holds one a line, the newest first; every one of them signs, so
that a receiver may change over in its own time.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from binascii import Error as Base64Error
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from tidings.errors import InputError

PREFIX = "whsec_"
MAX_SECRETS = 5
_BYTES = 32
_SHORTEST, _LONGEST = 24, 64


def headers(call_id: str, at_s: int, body: bytes, signers: Sequence[bytes]) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``: one signature per key."""
    signed = f"{call_id}.{at_s}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, sha256)).decode() for key in signers)
    return {
        "webhook-id": call_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def path_of(data: Path, name: str) -> Path:
    """Where the secrets of a webhook lie."""
    return data / "secrets" / "webhooks" / name


def load(data: Path, name: str) -> list[bytes]:
    """The keys of a webhook, the newest first. Raises InputError when there is none, or one is no secret."""
    path = path_of(data, name)
    try:
        lines = path.read_text("ascii").split()
    except FileNotFoundError:
        lines = []
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}"
        raise InputError(msg) from error
    if not lines:
        msg = f"{path}: no secret for webhook {name}; make one: tidings webhook-secret {name}"
        raise InputError(msg)
    return keys(lines, str(path))


def keys(lines: Sequence[str], where: str) -> list[bytes]:
    """The keys that secrets stand for. Raises InputError, naming `where` they stand, when one is no secret."""
    return [_key(line, where) for line in lines[:MAX_SECRETS]]


def _key(line: str, where: str) -> bytes:
    try:
        key = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (Base64Error, ValueError):
        key = b""
    if not line.startswith(PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        msg = f"{where}: a line is no secret; wanted {PREFIX} and base64 of {_SHORTEST} to {_LONGEST} bytes"
        raise InputError(msg)
    return key


def make(data: Path, name: str, *, keep: int) -> str:
    """Put a fresh secret on top of at most `keep` earlier ones; the secret. The folder is 0700, the file 0600."""
    fresh = PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()
    _write(path_of(data, name), [fresh, *_lines(data, name)[:keep]])
    return fresh


def drop_old(data: Path, name: str) -> None:
    """Keep only the newest."""
    _write(path_of(data, name), _lines(data, name)[:1])


def current(data: Path, name: str) -> str:
    """The newest secret; empty when there is none."""
    return next(iter(_lines(data, name)), "")


def _lines(data: Path, name: str) -> list[str]:
    path = path_of(data, name)
    return path.read_text("ascii").split() if path.exists() else []


def _write(path: Path, lines: Sequence[str]) -> None:
    """Whole or not at all, and readable by nobody else."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write("".join(f"{one}\n" for one in lines))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
