"""Bodies as they are sent: gunzipped within bounds, unwrapped from forms."""

from __future__ import annotations

import gzip
import tracemalloc
from base64 import b64encode, urlsafe_b64encode

import pytest

from tidings.collect.body import TooLarge, data_field, plain, unform
from tidings.errors import InputError

MEGABYTE = 1024 * 1024


def test_a_gzip_bomb_is_stopped_before_it_has_unfolded() -> None:
    bomb = gzip.compress(bytes(200 * MEGABYTE))
    tracemalloc.start()
    with pytest.raises(TooLarge, match="decompresses to more than 1048576 bytes"):
        plain(bomb, b"gzip", MEGABYTE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MEGABYTE


def test_exactly_the_bound_is_taken() -> None:
    assert len(plain(gzip.compress(bytes(MEGABYTE)), b"gzip", MEGABYTE)) == MEGABYTE


def test_what_is_not_packed_is_left_alone_whatever_its_label_says() -> None:
    for encoding in (b"", b"identity"):
        assert plain(b"{}", encoding, 10) == b"{}"
    with pytest.raises(InputError, match=r"got 'gzip' and a body that is not gzip"):
        plain(b"{}", b"gzip", 10)


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:20] + b"\x00" + b[21:], lambda b: b[:3]])
def test_damaged_gzip_is_refused(damage: object) -> None:
    with pytest.raises(InputError, match="gzip"):
        plain(damage(gzip.compress(b"x" * 100 + bytes(range(256)))), b"", MEGABYTE)  # type: ignore[operator]


def test_json_is_found_in_forms() -> None:
    assert unform(b'  {"a":1}') == b'{"a":1}'
    assert unform(b"data=%7B%22a%22%3A1%7D") == b'{"a":1}'
    assert unform(b"data=" + b64encode(b'{"a":1}')) == b'{"a":1}'
    assert unform(b"other=1") == b"other=1"


def test_both_base64_alphabets_and_missing_padding_are_read() -> None:
    text = b'{"a":"\xc3\xbe\xc3\xbf?>"}'
    for encoded in (b64encode(text), urlsafe_b64encode(text), b64encode(text).rstrip(b"=")):
        assert data_field(encoded.decode()) == text
    with pytest.raises(InputError, match="data: "):
        data_field("%%%")
