"""Tracking tokens: the opaque part of an open pixel's, a tracked link's or an unsubscribe link's address.

Made by `render/` when a message is rendered, read by the collector when a mail reader comes back. A token names one
message, what is asked of it, and which link; a keyed BLAKE2b code (96 bits) makes it unforgeable, so the collector
needs no database to know a genuine one, and a destination never travels inside the address (no open redirect).

    16 bytes message id | 1 kind | 2 index | 12 code   = 31 bytes = 42 characters of URL-safe base64
"""

from __future__ import annotations

import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from tempfile import mkstemp

import msgspec

from tidings.domain.tracking import BOUNCE, LINK, OPEN, UNSUBSCRIBE
from tidings.errors import CorruptData

__all__ = [
    "BOUNCE",
    "KINDS",
    "LINK",
    "MAX_INDEX",
    "OPEN",
    "UNSUBSCRIBE",
    "Token",
    "Tokens",
    "load_key",
    "load_makers",
    "load_tokens",
]

KINDS = (OPEN, LINK, UNSUBSCRIBE, BOUNCE)
MAX_INDEX = 0xFFFF
"""Highest link index."""

_ID_BYTES = 16
_PAYLOAD_BYTES = _ID_BYTES + 1 + 2
_CODE_BYTES = 12
_TOKEN_CHARS = 42
_KEY_BYTES = 32
_KEY_FILE = "tracking.key"
_MAX_PREVIOUS = 16


class Token(msgspec.Struct, frozen=True, gc=False):
    """What a genuine token says."""

    kind: str
    """One of `KINDS`."""
    message_id: str
    """The message it was made for."""
    index: int
    """Which of the message's links; 0 for the other kinds."""


class Tokens:
    """Makes tokens with one key; reads those made with it or with an earlier one."""

    def __init__(self, key: bytes, previous: Sequence[bytes] = ()) -> None:
        """`key` is 32 secret bytes; `previous` are keys used before a rotation, newest first."""
        self._codes = [_keyed(k) for k in (key, *previous)]

    def make(self, kind: str, message_id: str, index: int = 0) -> str:
        """The 42-character token for `message_id` (32 hexadecimal digits). Raises ValueError for anything else."""
        payload = bytes.fromhex(message_id) + kind.encode("ascii") + index.to_bytes(2, "big")
        if kind not in KINDS or len(payload) != _PAYLOAD_BYTES:
            msg = f"token: got kind {kind!r}, message id {message_id!r}; wanted one of {KINDS} and 32 hex digits"
            raise ValueError(msg)
        code = self._codes[0].copy()
        code.update(payload)
        return urlsafe_b64encode(payload + code.digest())[:_TOKEN_CHARS].decode("ascii")

    def read(self, token: str) -> Token | None:
        """What `token` says, or None when it is forged, truncated or not a token at all.

        The codes are compared in constant time, and only the one canonical spelling of a token is taken.
        """
        if len(token) != _TOKEN_CHARS or not token.isascii():
            return None
        raw = urlsafe_b64decode(token + "==")
        if len(raw) != _PAYLOAD_BYTES + _CODE_BYTES or urlsafe_b64encode(raw)[:_TOKEN_CHARS].decode("ascii") != token:
            return None
        payload, given = raw[:_PAYLOAD_BYTES], raw[_PAYLOAD_BYTES:]
        genuine = False
        for keyed in self._codes:
            code = keyed.copy()
            code.update(payload)
            genuine |= compare_digest(code.digest(), given)
        kind = chr(payload[_ID_BYTES])
        if not genuine or kind not in KINDS:
            return None
        return Token(kind, payload[:_ID_BYTES].hex(), int.from_bytes(payload[_ID_BYTES + 1 :], "big"))


def _keyed(key: bytes) -> blake2b:
    if len(key) != _KEY_BYTES:
        msg = f"tracking key: got {len(key)} bytes, wanted {_KEY_BYTES}; restore it from a backup"
        raise CorruptData(msg)
    return blake2b(digest_size=_CODE_BYTES, key=key, person=b"tracking-token")


def load_key(secrets_dir: Path) -> bytes:
    """The 32-byte key in ``secrets_dir/tracking.key``; made (mode 0600, folder 0700) when there is none yet.

    Two processes that start at once get the same key. Raises CorruptData when the file has the wrong size.
    """
    secrets_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = secrets_dir / _KEY_FILE
    if not path.exists():
        _create(path, secrets.token_bytes(_KEY_BYTES))
    key = path.read_bytes()
    _keyed(key)
    return key


def load_tokens(secrets_dir: Path) -> Tokens:
    """`Tokens` with the present key and those of earlier rotations (``tracking.key.1`` is the newest of them).

    To rotate: rename ``tracking.key.1`` to ``.2`` and so on, ``tracking.key`` to ``tracking.key.1``, and restart;
    links in mail already sent keep working for as long as their key file is kept.
    """
    return Tokens(load_key(secrets_dir), _previous(secrets_dir))


def load_makers(secrets_dir: Path) -> list[Tokens]:
    """One `Tokens` for each key, the present one first: mail that was sent before a rotation has tokens of an earlier one."""
    return [Tokens(key) for key in (load_key(secrets_dir), *_previous(secrets_dir))]


def _previous(secrets_dir: Path) -> list[bytes]:
    """Keys of earlier rotations, newest first."""
    found = []
    for number in range(1, _MAX_PREVIOUS + 1):
        path = secrets_dir / f"{_KEY_FILE}.{number}"
        if not path.exists():
            break
        found.append(path.read_bytes())
    return found


def _create(path: Path, key: bytes) -> None:
    """Write a new file durably under `path` unless another process was quicker."""
    file, draft = mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        os.write(file, key)
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # the other process's key is as good; only one may exist
    finally:
        Path(draft).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
