"""Envelope senders that name their message: they survive what mail servers do to addresses, and nothing forged passes."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.tracking import UNSUBSCRIBE
from tidings.domain.verp import MAX_LOCAL_CHARS, address_of
from tidings.feedback import verp
from tidings.feedback.tokens import Tokens
from tidings.render.headers import sendable

TOKENS = Tokens(bytes(32))
MESSAGE = "0123456789abcdef0123456789abcdef"
ADDRESS = verp.make(TOKENS, MESSAGE, "bounce.shop.example")
LETTERS = string.ascii_letters + string.digits + "+=-._"


@given(st.binary(min_size=16, max_size=16))
def test_it_names_its_message_and_fits_into_a_local_part(message: bytes) -> None:
    address = verp.make(TOKENS, message.hex(), "bounce.shop.example")
    assert verp.read(TOKENS, address) == message.hex()
    assert sendable(address) == address
    assert len(address.rpartition("@")[0]) <= MAX_LOCAL_CHARS


@pytest.mark.parametrize(
    "changed", [ADDRESS.upper(), f"<{ADDRESS}>", f" {ADDRESS}\n", ADDRESS.partition("@")[0], ADDRESS.title()]
)
def test_what_servers_do_to_addresses_changes_nothing(changed: str) -> None:
    assert verp.read(TOKENS, changed) == MESSAGE


def test_it_is_still_known_after_a_rotation_of_keys() -> None:
    assert verp.read(Tokens(b"n" * 32, [bytes(32)]), ADDRESS) == MESSAGE
    assert verp.read(Tokens(b"n" * 32), ADDRESS) is None


def test_a_token_of_another_kind_is_no_envelope_sender() -> None:
    assert verp.read(TOKENS, address_of(TOKENS.make(UNSUBSCRIBE, MESSAGE), "x.example")) is None


def test_none_of_a_thousand_forged_ones_passes() -> None:
    draw = random.Random(5)
    local = ADDRESS.partition("@")[0]
    for _ in range(1_000):
        place = draw.randrange(2, len(local))
        other = draw.choice([letter for letter in LETTERS if letter != local[place]])
        forged = local[:place] + other + local[place + 1 :]
        assert forged.lower() == local or verp.read(TOKENS, f"{forged}@bounce.shop.example") is None


@pytest.mark.parametrize("text", ["", "@", "b+", "b+@x", "b+é@x", "b+" + "a" * 50, "b+" + "=" * 8, "x" * 1000, "b+1@x"])
def test_other_texts_are_none_of_ours(text: str) -> None:
    assert verp.read(TOKENS, text) is None
