"""Files become rows; lines that cannot be read become refusals, and everything after them is still read."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.errors import CorruptData, InputError
from tidings.sources.reader import MAX_LINE_BYTES, MAX_RECORD_LINES, RowFile
from tidings.sources.row import RefusedRow, Row


def _read(path: Path, data: bytes, **how: str) -> list[Row | RefusedRow]:
    path.write_bytes(data)
    with RowFile(path, **how) as rows:
        return list(rows)


def _word(row: Row | RefusedRow) -> str:
    assert isinstance(row, RefusedRow), row
    return row.reason.partition(":")[0]


@pytest.mark.parametrize(("suffix", "pack"), [("csv", bytes), ("csv.gz", gzip.compress), ("csv.xz", lzma.compress)])
def test_plain_and_packed_files_give_the_same_rows(tmp_path, suffix, pack):
    rows = _read(tmp_path / f"orders.{suffix}", pack(b"id,name\n1,Mug\n2,Tin\n"))
    assert rows == [Row(2, "1,Mug", {"id": "1", "name": "Mug"}), Row(3, "2,Tin", {"id": "2", "name": "Tin"})]


def test_quotes_line_ends_and_delimiters_are_those_of_csv(tmp_path):
    data = b'\xef\xbb\xbfid;name\r\n1;"a; ""b""\r\nc"\r\n\r\n2;7" RECORD\r\n'
    first, second = _read(tmp_path / "a.csv", data, delimiter=";")
    assert first == Row(2, '1;"a; ""b""\r\nc"', {"id": "1", "name": 'a; "b"\r\nc'})
    assert second == Row(5, '2;7" RECORD', {"id": "2", "name": '7" RECORD'})


def test_a_line_with_too_few_or_too_many_values_is_refused_alone(tmp_path):
    few, good, many = _read(tmp_path / "a.csv", b"a,b\n1\n1,2\n1,2,3\n")
    assert few == RefusedRow(2, "wrong_columns: got 1 values, wanted 2 as in the header", "1")
    assert isinstance(good, Row)
    assert _word(many) == "wrong_columns"


def test_a_quote_that_is_never_closed_costs_only_its_own_line(tmp_path):
    rows = _read(tmp_path / "a.csv", b'a,b\n1,"open\n' + b"2,x\n" * (3 * MAX_RECORD_LINES))
    assert rows[0] == RefusedRow(2, rows[0].reason, '1,"open')
    assert _word(rows[0]) == "bad_csv"
    assert [row.line for row in rows] == list(range(2, 3 * MAX_RECORD_LINES + 3))
    assert all(isinstance(row, Row) for row in rows[1:])


def test_an_open_quote_before_a_line_of_another_encoding_loses_neither_order_nor_lines(tmp_path):
    rows = _read(tmp_path / "a.csv", b'a,b\n1,"open\n2,x\n3,\xff\n4,y\n')
    assert [(row.line, isinstance(row, Row)) for row in rows] == [(2, False), (3, True), (4, False), (5, True)]


def test_text_after_a_closing_quote_is_refused(tmp_path):
    (row,) = _read(tmp_path / "a.csv", b'a,b\n1,"x"y\n')
    assert _word(row) == "bad_csv"


def test_a_line_of_another_encoding_is_refused_with_its_bytes_shown(tmp_path):
    bad, good = _read(tmp_path / "a.csv", b"a,b\n1,caf\xe9\n2,tea\n")
    assert _word(bad) == "bad_encoding"
    assert bad.raw == r"1,caf\xe9"
    assert isinstance(good, Row)
    assert _read(tmp_path / "a.csv", b"a,b\n1,caf\xe9\n", encoding="latin-1")[0].values["b"] == "café"


def test_a_line_that_is_too_long_is_refused_without_being_held_in_memory(tmp_path):
    long = b"1," + b"x" * (5 * MAX_LINE_BYTES)
    bad, good = _read(tmp_path / "a.csv", b"a,b\n" + long + b"\n2,y\n")
    assert bad.reason.startswith(f"line_too_long: got {len(long) + 1} bytes")
    assert len(bad.raw) == MAX_LINE_BYTES
    assert good == Row(3, "2,y", {"a": "2", "b": "y"})


def test_a_line_just_as_long_as_allowed_is_read(tmp_path):
    (row,) = _read(tmp_path / "a.csv", b"a,b\n1," + b"x" * (MAX_LINE_BYTES - 2) + b"\n")
    assert isinstance(row, Row)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"a,,b\n", "non-empty"),
        (b"a,a\n", "different"),
        (b"\xff\n", "bad_encoding"),
        (b'"a"b\n', "4180"),
    ],
)
def test_a_file_without_a_usable_header_is_an_error_that_says_so(tmp_path, data, said):
    with pytest.raises(InputError, match=said):
        _read(tmp_path / "a.csv", data)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot be read"):
        RowFile(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_a_packed_file_that_breaks_off_is_corrupt_and_not_just_short(tmp_path, suffix, pack):
    whole = pack(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(10_000)))
    with pytest.raises(CorruptData, match="packed file is broken"):
        _read(tmp_path / f"a.csv.{suffix}", whole[: len(whole) // 2])


def test_json_lines_are_flattened_and_numbers_stay_as_they_are_written(tmp_path):
    data = b'{"id": 7, "total": 12.950, "ok": true, "none": null, "who": {"mail": "a@b.c"}, "tags": ["x"]}\n'
    (row,) = _read(tmp_path / "a.jsonl", data, kind="jsonl")
    expected = {"id": "7", "none": "", "ok": "true", "tags": '["x"]', "total": "12.950", "who.mail": "a@b.c"}
    assert row.values == expected


@pytest.mark.parametrize(
    "line", ["[1]", "7", "{", '{"a": NaN}', '{"a":' * 9 + "1" + "}" * 9, "[" * 20_000, '{"a": "\\ud800"}']
)
def test_lines_that_are_no_usable_json_object_are_refused(tmp_path, line):
    bad, good = _read(tmp_path / "a.jsonl", line.encode() + b'\n{"a": 1}\n', kind="jsonl")
    assert _word(bad) == "bad_json"
    assert isinstance(good, Row)


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_whatever_the_bytes_every_line_that_is_not_blank_is_accounted_for(tmp_path_factory, lines):
    lines = [line.replace(b"\n", b"").replace(b'"', b"") for line in lines]
    rows = _read(tmp_path_factory.mktemp("any") / "a.csv", b"a,b\n" + b"\n".join(lines))
    filled = [n for n, line in enumerate(lines, start=2) if line.decode("utf-8", "replace").strip()]
    assert [row.line for row in rows] == filled
