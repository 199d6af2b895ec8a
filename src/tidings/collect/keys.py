"""Who may write: write keys (public, per source), and the internal, the items and the runs key (secret, one per data directory)."""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path

from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import InputError

_BASIC = b"basic "
_INTERNAL, _ITEMS, _RUNS = "internal.key", "items.key", "runs.key"


class WriteKeys:
    """Write key to source name."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Raises InputError when one is to be our own source: with a public key anybody could say what became of our mails."""
        if INTERNAL_SOURCE in sources.values():
            msg = f"collect.write_keys: no write key may have the source {INTERNAL_SOURCE!r}; give it another name"
            raise InputError(msg)
        self._sources = dict(sources)
        self._headers = {b"Basic " + b64encode(f"{key}:".encode()): name for key, name in sources.items()}

    def named(self, authorization: bytes, query_key: str) -> tuple[str, str] | None:
        """(write key, source) as a settings request names them; None when unknown."""
        write_key = _user_name(authorization) or query_key
        source = self._sources.get(write_key)
        return None if source is None else (write_key, source)

    def source(self, write_key: str) -> str | None:
        """The source of a write key, None when it is unknown."""
        return self._sources.get(write_key)

    def from_header(self, authorization: bytes) -> str | None:
        """The source of a Basic ``Authorization`` header whose user name is a write key; None when it is not."""
        return self._headers.get(authorization) or self._sources.get(_user_name(authorization))


def _user_name(authorization: bytes) -> str:
    if authorization[: len(_BASIC)].lower() != _BASIC:
        return ""
    try:
        return b64decode(authorization[len(_BASIC) :], validate=True).decode().partition(":")[0]
    except (Base64Error, ValueError):
        return ""


def internal_key(data: Path) -> str:
    """The internal key of a data directory; made at the first call. The folder is 0700, the file 0600."""
    return _secret(data, _INTERNAL)


def items_key(data: Path) -> str:
    """The key with which a shop's own system says what is known of items; made in the same way."""
    return _secret(data, _ITEMS)


def runs_key(data: Path) -> str:
    """The key with which a shop's own system begins runs of journeys; made in the same way."""
    return _secret(data, _RUNS)


def _secret(data: Path, name: str) -> str:
    folder = data / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        _create(path)
    return path.read_text("ascii").strip()


def _create(path: Path) -> None:
    """Write a new key aside and link it into place, so that of two processes one wins and none reads half a key."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass  # another process made it first
    finally:
        aside.unlink()


def is_internal(authorization: bytes, key: str) -> bool:
    """Whether the header is ``Bearer`` and the secret key; takes the same time for every wrong key."""
    return compare_digest(authorization, b"Bearer " + key.encode("ascii"))
