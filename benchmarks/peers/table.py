"""The table that every tool reads: residents made with DuckDB from a count and a seed, written as Parquet once."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.peers.rules import CODES

SQL = Path(__file__).with_name("table.sql")


def make_table(target: Path, rows: int, seed: int) -> None:
    """Write the table: one row per resident, columns as in `resident.yaml` and `row_no`, counted from 1."""
    places = {"rows": int(rows), "seed": int(seed), "divisions": CODES / "division.csv", "target": target}
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GiB"}) as connection:
        connection.execute(SQL.read_text(encoding="utf-8").format(**places))
