"""Builds the data slice that ships with Tidings: three months of the UCI Online Retail file, lines unchanged.

    python tools/build_slice.py [--check]

Reads `online_retail/online_retail.csv.xz` in the shared data folder (env TIDINGS_SHARED_DATA, else ../shared/data next to
the repository). The result has the same bytes on every run with the same liblzma; ``--check`` builds in memory and compares.
"""

from __future__ import annotations

import argparse
import csv
import lzma
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src/tidings/demo/data/online_retail_slice.csv.xz"
FROM, BEFORE = "2011-09-01", "2011-12-01"
"""The three busiest months in a row: autumn, before the file ends in the midst of December."""


def source_path() -> Path:
    """The complete file. Exits with what to do when it is missing."""
    folder = Path(os.environ.get("TIDINGS_SHARED_DATA") or ROOT.parent / "shared/data")
    path = folder / "online_retail/online_retail.csv.xz"
    if not path.is_file():
        sys.exit(f"{path}: no such file; set TIDINGS_SHARED_DATA to the folder that holds online_retail/")
    return path


def slice_text(path: Path) -> bytes:
    """Header and every line whose InvoiceDate lies in the three months, byte for byte, in the order of the file."""
    with lzma.open(path, "rb") as file:
        header, *lines = file.read().splitlines(keepends=True)
    when = next(csv.reader([header.decode()])).index("InvoiceDate")
    kept = [line for line in lines if FROM <= next(csv.reader([line.decode()]))[when] < BEFORE]
    return b"".join([header, *kept])


def pack(text: bytes) -> bytes:
    """The packed file, with fixed settings."""
    return lzma.compress(text, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=9 | lzma.PRESET_EXTREME)


def main() -> int:
    """Builds, or checks; 1 when the shipped file differs."""
    parser = argparse.ArgumentParser(description="Builds the shipped slice of Online Retail.")
    parser.add_argument("--check", action="store_true", help="compare with the shipped file, write nothing")
    check = parser.parse_args().check
    text = slice_text(source_path())
    packed = pack(text)
    if check:
        same = TARGET.read_bytes() == packed
        print(f"{TARGET}: {'same' if same else 'differs'}")
        return 0 if same else 1
    TARGET.write_bytes(packed)
    lines = len(text.splitlines()) - 1
    print(f"{TARGET}: {lines} lines, {len(packed)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
