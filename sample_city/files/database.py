"""SQLite databases with one table of text columns. What stands in the rows belongs to delivery."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import polars as pl


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
