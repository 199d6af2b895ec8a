"""Signatures as an independent implementation judges them, and keys in files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.deliver.dkim_judge import verdicts
from tidings.cli import main
from tidings.config import Config, save
from tidings.deliver import dkim_keys
from tidings.deliver.dkim import SEALED, SIGNED, Signer
from tidings.errors import InputError

HEAD = (
    b'From: "Shop" <news@shop.example>\r\nTo: <ann@x.example>\r\nSubject: =?utf-8?b?w6k=?=\r\n  folded \t here\r\n'
    b"Date: Mon, 24 Nov 2025 16:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\nX-Other: not signed\r\n"
    b"List-Unsubscribe: <https://t.shop.example/u/abc>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
)
MESSAGE = HEAD + b"\r\nHello  Ann, \r\n\tyour basket\r\n"


SIGNERS: dict[tuple[Path, str], Signer] = {}
"""Loading checks a key, which takes longer than all else here."""


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    dkim_keys.make(folder, "shop.example", "t1")
    return folder


def signed(secrets: Path, message: bytes = MESSAGE, domain: str = "shop.example") -> bytes:
    if (secrets, domain) not in SIGNERS:
        SIGNERS[secrets, domain] = dkim_keys.load_signer(secrets, "t1", domain)
    return SIGNERS[secrets, domain].headers(message) + message


def judged(secrets: Path, message: bytes) -> list[bool]:
    return verdicts(message, dkim_keys.published(secrets, "shop.example", "t1"))


def test_both_signatures_verify(secrets: Path) -> None:
    message = signed(secrets)
    assert judged(secrets, message) == [True, True]
    assert re.findall(rb"a=([\w-]+);", message) == [b"rsa-sha256", b"ed25519-sha256"]
    assert b" t=1764000000;" in message


def test_a_domain_below_is_vouched_for_by_the_one_above_it(secrets: Path) -> None:
    assert judged(secrets, signed(secrets, domain="news.eu.Shop.Example")) == [True, True]


@pytest.mark.parametrize("tail", [b"", b"\r\n", b"no line end", b"lines\r\n\r\n\r\n", b".\r\n..dots\r\n", b" \r\n"])
def test_whatever_the_body_ends_with_the_signature_verifies(secrets: Path, tail: bytes) -> None:
    assert judged(secrets, signed(secrets, HEAD + b"\r\n" + tail)) == [True, True]


def test_an_address_in_another_script_is_signed_as_it_stands(secrets: Path) -> None:
    assert judged(secrets, signed(secrets, MESSAGE.replace(b"<ann@x", "<zoë.猫@x".encode()))) == [True, True]


def test_the_same_message_gets_the_same_signature_again(secrets: Path) -> None:
    assert signed(secrets) == signed(secrets)


@pytest.mark.parametrize(
    "name", [b"From", b"To", b"Subject", b"Date", b"Message-ID", b"List-Unsubscribe", b"List-Unsubscribe-Post"]
)
def test_one_flipped_byte_of_a_signed_header_is_seen(secrets: Path, name: bytes) -> None:
    message = signed(secrets)
    place = message.index(b"\r\n" + name + b": ") + len(name) + 6
    broken = message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]
    assert judged(secrets, broken) == [False, False]


def test_one_flipped_byte_of_the_body_is_seen(secrets: Path) -> None:
    message = signed(secrets)
    assert judged(secrets, message[:-9] + bytes([message[-9] ^ 1]) + message[-8:]) == [False, False]


@pytest.mark.parametrize(
    "added", [b"From: evil@x.example", b"Subject: evil", b"To: evil@x.example", b"List-Unsubscribe: <https://evil>"]
)
def test_a_second_header_above_ours_breaks_the_signature(secrets: Path, added: bytes) -> None:
    assert judged(secrets, added + b"\r\n" + signed(secrets)) == [False, False]


def test_a_relay_may_fold_headers_and_add_its_own(secrets: Path) -> None:
    message = b"Received: from a\r\n by b\r\n" + signed(secrets)
    assert judged(secrets, message.replace(b"Message-ID: <", b"message-id:\r\n\t<")) == [True, True]


def test_what_one_click_needs_is_signed_and_sealed() -> None:
    assert {"list-unsubscribe", "list-unsubscribe-post", "from", "subject"} <= SEALED <= set(SIGNED)


def test_keys_are_readable_by_nobody_else_and_never_overwritten(secrets: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in (secrets / "dkim").iterdir()} == {0o600}
    with pytest.raises(InputError, match="exists already"):
        dkim_keys.make(secrets, "shop.example", "t1")


@pytest.mark.parametrize(
    ("domain", "selector"), [("../x", "t1"), ("shop.example", "../t"), ("shop.example", "T 1"), ("", "t")]
)
def test_names_that_would_leave_the_folder_are_refused(tmp_path: Path, domain: str, selector: str) -> None:
    with pytest.raises(InputError, match="wanted"):
        dkim_keys.make(tmp_path, domain, selector)


def test_a_selector_without_keys_is_an_error_and_not_unsigned_mail(secrets: Path) -> None:
    with pytest.raises(InputError, match=r"tidings dkim make other\.example --selector t1"):
        dkim_keys.load_signer(secrets, "t1", "other.example")


def test_a_spoilt_key_is_named(tmp_path: Path) -> None:
    dkim_keys.make(tmp_path, "shop.example", "t1")
    (tmp_path / "dkim" / "shop.example.t1.rsa.pem").write_text("no key")
    with pytest.raises(InputError, match=r"rsa\.pem: not a private key"):
        dkim_keys.load_signer(tmp_path, "t1", "shop.example")


def test_the_command_makes_keys_and_prints_what_to_publish(tmp_path: Path) -> None:
    file = tmp_path / "tidings.toml"
    save(Config(data=tmp_path / "data", workspace=tmp_path), file)
    made = CliRunner().invoke(main, ["dkim", "make", "shop.example", "--config", str(file), "--selector", "t202612"])
    assert made.exit_code == 0, made.output
    for record in dkim_keys.published(tmp_path / "data" / "secrets", "shop.example", "t202612"):
        assert record.zone_line in made.output
        assert max(map(len, re.findall('"([^"]*)"', record.zone_line))) <= 255
    shown = CliRunner().invoke(main, ["dkim", "show", "--config", str(file)])
    assert shown.output.count("v=DKIM1; k=") == 2
    assert "t202612-ed25519._domainkey.shop.example. IN TXT" in shown.output
