"""Tokens: read back what was made, and nothing else."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.errors import CorruptData
from tidings.feedback.tokens import KINDS, MAX_INDEX, Token, Tokens, load_key, load_tokens

KEY = bytes(range(32))
OTHER = bytes(32)
MESSAGE = "00112233445566778899aabbccddeeff"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.sampled_from(KINDS), st.binary(min_size=16, max_size=16), st.integers(0, MAX_INDEX))
def test_a_token_reads_back_as_what_it_was_made_for(kind, message, index):
    assert Tokens(KEY).read(Tokens(KEY).make(kind, message.hex(), index)) == Token(kind, message.hex(), index)


def test_a_token_has_42_url_safe_characters_and_the_same_inputs_give_the_same_token():
    token = Tokens(KEY).make("l", MESSAGE, 7)
    assert len(token) == 42
    assert set(token) <= set(ALPHABET)
    assert token == Tokens(KEY).make("l", MESSAGE, 7)


def test_changing_any_character_to_any_other_makes_it_unreadable():
    tokens = Tokens(KEY)
    token = tokens.make("u", MESSAGE)
    changed = [token[:i] + c + token[i + 1 :] for i in range(42) for c in ALPHABET if c != token[i]]
    assert len(changed) == 42 * 63
    assert [t for t in changed if tokens.read(t) is not None] == []


def test_a_second_spelling_of_the_same_bytes_is_not_taken():
    tokens = Tokens(KEY)
    token = tokens.make("o", MESSAGE)
    last = ALPHABET.index(token[-1])
    assert last % 16 == 0  # the last character carries two bits; the others are padding and must be zero
    assert tokens.read(token[:-1] + ALPHABET[last + 1]) is None


@pytest.mark.parametrize("token", ["", "x", "=" * 42, "\0" * 42, "é" * 42, "A" * 41, "A" * 43, "A" * 42, "+/" * 21])
def test_what_is_not_a_token_reads_as_none(token):
    assert Tokens(KEY).read(token) is None


@given(st.text(max_size=60))
def test_no_text_makes_reading_fail(text):
    assert Tokens(KEY).read(text) is None


def test_a_token_of_another_key_reads_as_none_until_that_key_is_among_the_previous_ones():
    token = Tokens(OTHER).make("l", MESSAGE, 1)
    assert Tokens(KEY).read(token) is None
    assert Tokens(KEY, [OTHER]).read(token) == Token("l", MESSAGE, 1)


@pytest.mark.parametrize(("kind", "message"), [("x", MESSAGE), ("", MESSAGE), ("o", "00"), ("o", MESSAGE + "00")])
def test_making_refuses_an_unknown_kind_and_a_wrong_message_id(kind, message):
    with pytest.raises(ValueError, match="token"):
        Tokens(KEY).make(kind, message)


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    folder = tmp_path / "secrets"
    key = load_key(folder)
    assert len(key) == 32
    assert load_key(folder) == key
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "tracking.key").stat().st_mode) == 0o600
    assert [p.name for p in folder.iterdir()] == ["tracking.key"]


def test_processes_that_start_at_once_share_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(tmp_path / "secrets"), range(16)))
    assert len(keys) == 1


def test_a_truncated_key_file_is_named_as_corrupt(tmp_path):
    (tmp_path / "tracking.key").write_bytes(b"short")
    with pytest.raises(CorruptData, match="wanted 32"):
        load_key(tmp_path)


def test_after_a_rotation_mail_already_sent_keeps_working(tmp_path):
    sent = load_tokens(tmp_path).make("u", MESSAGE)
    (tmp_path / "tracking.key").rename(tmp_path / "tracking.key.1")
    rotated = load_tokens(tmp_path)
    assert rotated.read(sent) == Token("u", MESSAGE, 0)
    assert rotated.make("u", MESSAGE) != sent
