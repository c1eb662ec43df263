"""Writing delivered rows into the departments' files: GBK and UTF-8 CSV, workbook, SQLite.

The same rows give the same bytes. What stands in the rows belongs to delivery.
"""

import codecs
import sqlite3
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl

from sample_city.declarations import Delivery
from sample_city.workbook import write_workbook


def write(path: Path, delivery: Delivery, batch: date, slices: Iterable[pl.DataFrame]) -> None:
    """Write one extract in its department's form; an existing file is replaced."""
    if delivery.form == "csv":
        write_csv(path, delivery.headers, slices, delivery.encoding, line_end="\r\n")
    elif delivery.form == "xlsx":
        day = f"{batch.year}年{batch.month}月{batch.day}日"
        write_workbook(
            path,
            delivery.stem,
            delivery.headers,
            slices,
            tuple(line.format(date=day) for line in delivery.above),
            tuple(line.format(date=day) for line in delivery.below),
            delivery.numbers,
        )
    else:
        write_sqlite(path, delivery.table, list(delivery.headers), slices)


def write_csv(
    path: Path,
    headers: dict[str, str],
    slices: Iterable[pl.DataFrame],
    encoding: str = "utf-8",
    line_end: str = "\n",
) -> None:
    """Write text columns; an empty text is an empty field."""
    with path.open("wb") as out:
        if encoding == "utf-8-sig":
            out.write(codecs.BOM_UTF8)
            encoding = "utf-8"
        out.write((",".join(headers.values()) + line_end).encode(encoding))
        for rows in slices:
            fields = rows.select(*headers)
            blank = fields.with_columns(pl.when(pl.all() != "").then(pl.all()))
            text = blank.write_csv(include_header=False, line_terminator=line_end)
            out.write(text.encode(encoding))


def write_sqlite(path: Path, table: str, columns: list[str], slices: Iterable[pl.DataFrame]) -> None:
    """Write one table of text columns into a new database, in row order."""
    path.unlink(missing_ok=True)
    declared = ", ".join(f"{column} TEXT" for column in columns)
    holes = ", ".join("?" for _ in columns)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("BEGIN")
        connection.execute(f"CREATE TABLE {table} ({declared})")
        for rows in slices:
            statement = f"INSERT INTO {table} VALUES ({holes})"
            connection.executemany(statement, rows.select(columns).iter_rows())
        connection.execute("COMMIT")
    finally:
        connection.close()
