"""DKIM keys in files, ``secrets/dkim/<domain>.<selector>.rsa.pem`` and ``….ed25519.pem``, and what is published about them.

One selector of ours is two in the name service, because a name there holds one key: the RSA key stands under the selector
itself, the Ed25519 key under ``<selector>-ed25519``. RSA is what every receiver knows; Ed25519 is checked by some besides.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from tidings.deliver.dkim import Key, Signer
from tidings.errors import InputError
from tidings.render.headers import sendable

FOLDER = "dkim"
"""Where the keys are, below the folder of secrets."""
RSA_BITS = 2048
"""1024 are too few for Gmail, and 4096 fit into few name servers' answers."""
KINDS = ("rsa", "ed25519")

_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")
_TEXT_CHARS = 255  # one string of a TXT record

Signature = Callable[[bytes], bytes]
Private = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The TXT record that lets receivers check a key's signatures."""

    name: str
    """``t202612._domainkey.shop.example``"""
    text: str
    """``v=DKIM1; k=rsa; p=…``, in one piece."""

    @property
    def zone_line(self) -> str:
        """As a zone file has it: the text in strings of at most 255 characters."""
        pieces = [self.text[i : i + _TEXT_CHARS] for i in range(0, len(self.text), _TEXT_CHARS)]
        return f"{self.name}. IN TXT " + " ".join(f'"{piece}"' for piece in pieces)


def make(secrets_dir: Path, domain: str, selector: str) -> list[Published]:
    """Make both keys (mode 0600) of a selector; what to publish. Raises InputError when there are some already."""
    if sendable(f"a@{domain}") != f"a@{domain}" or not _SELECTOR.fullmatch(selector):
        msg = f"dkim: got domain {domain!r}, selector {selector!r}; wanted e.g. shop.example and t202612"
        raise InputError(msg)
    folder = secrets_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(
        _path(secrets_dir, domain, selector, "rsa"), rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    )
    _write(_path(secrets_dir, domain, selector, "ed25519"), ed25519.Ed25519PrivateKey.generate())
    return published(secrets_dir, domain, selector)


def published(secrets_dir: Path, domain: str, selector: str) -> list[Published]:
    """What the name service must say about the keys of a selector. Raises InputError when there are none."""
    return [
        Published(
            name=f"{_published_selector(selector, kind)}._domainkey.{domain}",
            text=f"v=DKIM1; k={kind}; p={_public(key)}",
        )
        for kind, key in _keys(secrets_dir, domain, selector)
    ]


def selectors(secrets_dir: Path) -> list[tuple[str, str]]:
    """(domain, selector) of all keys there are, sorted."""
    found = set()
    for path in (secrets_dir / FOLDER).glob("*.pem"):
        domain, _, selector = path.name.removesuffix(".pem").rpartition(".")[0].rpartition(".")
        found.add((domain, selector))
    return sorted(found)


def load_signer(secrets_dir: Path, selector: str, from_domain: str) -> Signer:
    """Signs for `from_domain` with the keys of `selector`, its own or those of a domain above it.

    Raises InputError when there are none: mail that was to be signed must not go out unsigned.
    """
    labels = from_domain.lower().split(".")
    for domain in (".".join(labels[start:]) for start in range(len(labels) - 1)):
        if any(_path(secrets_dir, domain, selector, kind).exists() for kind in KINDS):
            return Signer(load_keys(secrets_dir, domain, selector))
    msg = (
        f"mail.dkim_selector: no key {selector!r} for {from_domain} in {secrets_dir / FOLDER};"
        f" run `tidings dkim make {from_domain} --selector {selector}`, or take the setting out"
    )
    raise InputError(msg)


def load_keys(secrets_dir: Path, domain: str, selector: str) -> list[Key]:
    """The keys of a selector, RSA first. Raises InputError when there are none."""
    return [_key(domain, selector, kind, key) for kind, key in _keys(secrets_dir, domain, selector)]


def _key(domain: str, selector: str, kind: str, private: Private) -> Key:
    return Key(
        domain=domain,
        selector=_published_selector(selector, kind),
        algorithm=f"{kind}-sha256",
        sign=_rsa(private) if isinstance(private, rsa.RSAPrivateKey) else _ed25519(private),
    )


def _rsa(private: rsa.RSAPrivateKey) -> Signature:
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    return lambda data: private.sign(data, scheme, digest)


def _ed25519(private: ed25519.Ed25519PrivateKey) -> Signature:
    return lambda data: private.sign(sha256(data).digest())  # RFC 8463: what is signed is the hash


def _keys(secrets_dir: Path, domain: str, selector: str) -> list[tuple[str, Private]]:
    found = [(kind, _read(path)) for kind in KINDS if (path := _path(secrets_dir, domain, selector, kind)).exists()]
    if not found:
        msg = f"dkim: no key of {domain} with selector {selector!r} in {secrets_dir / FOLDER}; make one with `tidings dkim make`"
        raise InputError(msg)
    return found


def _read(path: Path) -> Private:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        msg = f"{path}: not a private key in PEM form without a password; restore it, or make another selector"
        raise InputError(msg) from error
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        msg = f"{path}: got a {type(key).__name__}, wanted an RSA or Ed25519 key"
        raise InputError(msg)
    return key


def _write(path: Path, key: Private) -> None:
    body = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        msg = f"{path}: exists already; take another selector, receivers may still need this one"
        raise InputError(msg) from error
    with os.fdopen(file, "wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())


def _public(key: Private) -> str:
    """RSA as its SubjectPublicKeyInfo (RFC 6376), Ed25519 as the bare 32 bytes (RFC 8463)."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return b64encode(public.public_bytes_raw()).decode("ascii")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return b64encode(public.public_bytes(serialization.Encoding.DER, form)).decode("ascii")


def _published_selector(selector: str, kind: str) -> str:
    return selector if kind == "rsa" else f"{selector}-{kind}"


def _path(secrets_dir: Path, domain: str, selector: str, kind: str) -> Path:
    return secrets_dir / FOLDER / f"{domain}.{selector}.{kind}.pem"
