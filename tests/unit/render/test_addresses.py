"""Addresses, judged by Dominic Sayers' is_email corpus (BSD-3-Clause), which is not ours."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tidings.render.headers import sendable

SHARED = Path(os.environ.get("TIDINGS_SHARED_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
CORPUS = SHARED / "address_validation" / "isemail_tests.xml"
SYMBOLS = 0x2400  # the corpus writes a control character as its picture


def addresses(*categories: str) -> list[str]:
    assert CORPUS.exists(), f"{CORPUS} is missing: set TIDINGS_SHARED_DATA to the folder with the test data"
    found = []
    for test in ElementTree.parse(CORPUS).iter("test"):
        if test.findtext("category") in categories:
            raw = test.findtext("address") or ""
            found.append("".join(chr(ord(c) - SYMBOLS) if SYMBOLS <= ord(c) < SYMBOLS + 32 else c for c in raw))
    return found


def test_every_valid_address_can_be_sent_to_as_it_is():
    valid = addresses("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN")
    assert len(valid) == 22
    assert [address for address in valid if sendable(address) != address] == []


def test_no_broken_address_can_be_sent_to():
    """White space around an address is not part of it; everything else that is wrong is refused."""
    broken = [address for address in addresses("ISEMAIL_ERR") if address == address.strip()]
    assert len(broken) == 50
    assert [address for address in broken if sendable(address) is not None] == []


@pytest.mark.parametrize("category", ["ISEMAIL_CFWS", "ISEMAIL_DEPREC", "ISEMAIL_RFC5322", "ISEMAIL_RFC5321"])
def test_odd_but_allowed_forms_are_refused_or_plain(category):
    """Comments, quoted names and address literals: rare, and a way in. What passes is a plain address."""
    for address in addresses(category):
        result = sendable(address)
        assert result is None or (result == address.strip() and not set(result) & set(' "()[]\\<>,;:\r\n'))
