"""dkimpy as the judge of our signatures, with a name service of our own in front of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tidings.deliver.dkim_keys import Published


class _VerifyKey:
    """What dkimpy wants of PyNaCl's class of this name. What is signed, and how it is written, stays dkimpy's judgement."""

    def __init__(self, text: bytes, encoder: Any) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(encoder.decode(text))

    def verify(self, data: bytes, signature: bytes) -> bytes:
        self._key.verify(signature, data)
        return data


def _with_ed25519() -> None:
    """Give dkimpy an Ed25519 of `cryptography` where PyNaCl is not installed."""
    if hasattr(dkim, "nacl"):
        return
    import base64  # noqa: PLC0415

    encoding = SimpleNamespace(Base64Encoder=SimpleNamespace(decode=base64.b64decode))
    exceptions = SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError)
    dkim.nacl = SimpleNamespace(signing=SimpleNamespace(VerifyKey=_VerifyKey), encoding=encoding, exceptions=exceptions)


def verdicts(message: bytes, records: list[Published]) -> list[bool]:
    """Of each signature of a message, from the top: whether dkimpy verifies it."""
    _with_ed25519()
    zone = {f"{record.name}.".encode(): record.text.encode() for record in records}

    def answer(name: bytes, timeout: int = 5) -> bytes | None:
        return zone.get(name)

    count = message.partition(b"\r\n\r\n")[0].count(b"DKIM-Signature:")
    return [_verdict(message, number, answer) for number in range(count)]


def _verdict(message: bytes, number: int, answer: Any) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(idx=number, dnsfunc=answer))
    except (dkim.DKIMException, InvalidSignature):
        return False
