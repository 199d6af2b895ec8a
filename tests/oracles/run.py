"""Runs the oracles: what the streams must give, computed by DuckDB from the raw files, without any code of Tidings.

    python -m tests.oracles.run        prints the counts per verdict and of the abandoned carts

Each function returns rows as named tuples; the SQL files next to this one say exactly what they mean.
"""

from __future__ import annotations

import lzma
import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import duckdb

HERE = Path(__file__).resolve().parent
DAY_S = 86_400


class Person(NamedTuple):
    """A row of online_retail_people.sql."""

    customer: str
    revenue_micro: int
    orders: int
    first_us: int | None
    last_us: int | None
    events: int
    high_value: bool
    lapsed_90d: bool
    new_buyers: bool


class Cart(NamedTuple):
    """A row of retailrocket_carts.sql."""

    visitor: str
    abandoned_us: int
    mailed: bool


class CartItem(NamedTuple):
    """A row of retailrocket_cart_items.sql."""

    visitor: str
    abandoned_us: int
    item: str
    added_us: int


def shared_data() -> Path:
    """The folder of shared data. Raises FileNotFoundError saying what to do."""
    folder = Path(os.environ.get("TIDINGS_SHARED_DATA") or HERE.parents[2] / "shared/data")
    if not folder.is_dir():
        msg = f"{folder}: no such folder; set TIDINGS_SHARED_DATA to the folder that holds online_retail/ and retailrocket/"
        raise FileNotFoundError(msg)
    return folder


def online_retail() -> Path:
    """The whole Online Retail file."""
    return shared_data() / "online_retail/online_retail.csv.xz"


def retailrocket() -> Path:
    """RetailRocket's events."""
    return shared_data() / "retailrocket/events.csv.xz"


def online_retail_lines(path: Path) -> dict[str, int]:
    """Verdict (applied, duplicate, or a refusal's word) to its number of lines."""
    return dict(_rows(retail_database(path), "online_retail_lines"))


def online_retail_people(path: Path, as_of_us: int) -> list[Person]:
    """Every customer with an applied line up to `as_of_us`, by customer."""
    return [Person(*row) for row in _rows(retail_database(path), "online_retail_people", as_of_us=as_of_us)]


def retailrocket_carts(path: Path, wait_s: int = 300, cap_s: int = DAY_S, until_s: int | None = None) -> list[Cart]:
    """Every cart found abandoned, by visitor and time."""
    parameters = {"wait_s": wait_s, "cap_s": cap_s, "until_s": until_s}
    return [Cart(*row) for row in _rows(rocket_database(path), "retailrocket_carts", **parameters)]


def retailrocket_cart_items(path: Path, wait_s: int = 300, until_s: int | None = None) -> list[CartItem]:
    """Every item in every abandoned cart, by visitor, time, and when it was added."""
    parameters = {"wait_s": wait_s, "until_s": until_s}
    return [CartItem(*row) for row in _rows(rocket_database(path), "retailrocket_cart_items", **parameters)]


def retailrocket_backtest(path: Path, *, from_s: int, to_s: int) -> list[tuple[str, str, int]]:
    """What a rehearsal of the cart journey must find: what, of which day, how much."""
    spans = {"wait_s": 300, "cap_s": DAY_S, "within_s": 2 * DAY_S}
    return _rows(rocket_database(path), "retailrocket_backtest", from_s=from_s, to_s=to_s, **spans)


def online_retail_backtest(path: Path, *, from_us: int, to_us: int, within_us: int) -> list[tuple[str, str, int]]:
    """What a rehearsal of a journey for lapsed customers must find: what, of which day or template, how much."""
    return _rows(retail_database(path), "online_retail_backtest", from_us=from_us, to_us=to_us, within_us=within_us)


def shop(data: str) -> duckdb.DuckDBPyConnection:
    """A sample of the people of ``online_retail`` or ``retailrocket``, as acts for shop_segments.sql, from the raw file."""
    database = retail_database(online_retail()) if data == "online_retail" else rocket_database(retailrocket())
    database.execute((HERE / f"shop_acts_{data}.sql").read_text("utf-8"))
    return database


def acts(rows: Iterable[tuple[str, int, str, str]]) -> duckdb.DuckDBPyConnection:
    """(who, at_us, event, properties as JSON) of made-up people, as acts."""
    database = duckdb.connect()
    columns = [list(column) for column in zip(*rows, strict=True)]
    database.execute(
        "CREATE TABLE acts AS SELECT unnest($1::VARCHAR[]) AS who, unnest($2::BIGINT[]) AS at_us, "
        "unnest($3::VARCHAR[]) AS event, unnest($4::VARCHAR[])::JSON AS properties",
        columns,
    )
    return database


def segments(database: duckdb.DuckDBPyConnection, trade: str, as_of_us: int) -> dict[str, set[str]]:
    """The members of each segment of a template: of a ``shop``, of ``software``, of a ``newspaper``."""
    members: dict[str, set[str]] = {}
    for segment, who in _rows(database, f"{trade}_segments", as_of_us=as_of_us):
        members.setdefault(segment, set()).add(who)
    return members


def _rows(connection: duckdb.DuckDBPyConnection, name: str, **parameters: int | None) -> list[tuple]:
    sql = (HERE / f"{name}.sql").read_text("utf-8")
    return connection.execute(sql, parameters or None).fetchall()


@lru_cache(maxsize=2)
def retail_database(path: Path) -> duckdb.DuckDBPyConnection:
    """Online Retail: the file's lines as `lines`, and what must become of each as `verdicts`."""
    connection = _loaded(path, "lines")
    connection.execute((HERE / "online_retail_verdicts.sql").read_text("utf-8"))
    return connection


@lru_cache(maxsize=2)
def rocket_database(path: Path) -> duckdb.DuckDBPyConnection:
    """RetailRocket: the file's lines as `events`."""
    connection = _loaded(path, "events")
    connection.execute('ALTER TABLE events ALTER "timestamp" TYPE BIGINT')
    return connection


def _loaded(path: Path, table: str) -> duckdb.DuckDBPyConnection:
    """A database in memory with the file as a table of text, lines numbered in the order of the file."""
    connection = duckdb.connect(config={"threads": 1})  # one thread reads in order, so the numbers are the file's
    with tempfile.NamedTemporaryFile(suffix=".csv") as plain:
        with lzma.open(path, "rb") if path.suffix == ".xz" else path.open("rb") as packed:
            shutil.copyfileobj(packed, plain)
        plain.flush()
        connection.execute(
            f"CREATE TABLE {table} AS SELECT row_number() OVER () AS line, * FROM read_csv($path, header = true, "
            "all_varchar = true, delim = ',', quote = '\"', escape = '\"', parallel = false, null_padding = false)",
            {"path": plain.name},
        )
    return connection


def main() -> None:
    """Prints the figures that the documentation states."""
    for verdict, lines in online_retail_lines(online_retail()).items():
        print(f"{verdict:26}{lines:>9,}")
    carts = retailrocket_carts(retailrocket())
    print(f"abandoned carts {len(carts):,}, mailed {sum(cart.mailed for cart in carts):,}")


if __name__ == "__main__":
    main()
