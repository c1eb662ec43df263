"""Puts the SQL function library into a DuckDB connection.

Here: which files of warehouse/sql/duckdb hold the macros, and in what order they build on each other. What
each function promises is declared in schemas/functions.yaml, what it does is in the .sql files. Macros whose
name begins with an underscore are steps of another one; contracts and rules cannot name them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

import duckdb

# Later files use macros of earlier ones.
_FILES = ("codes", "text", "value", "resident_id", "uscc", "phone", "person", "division", "plate")


def install(con: duckdb.DuckDBPyConnection) -> None:
    """Create every function of the library in the connection's current schema, replacing older ones.

    Args:
        con: an open connection whose current database may be written to.
    """
    for script in _scripts():
        con.execute(script)


@cache
def library_digest() -> str:
    """A fingerprint of the library: what was made with other functions is out of date."""
    return hashlib.sha256("".join(_scripts()).encode()).hexdigest()


@cache
def _scripts() -> tuple[str, ...]:
    folder = files("warehouse") / "sql" / "duckdb"
    return tuple((folder / f"{name}.sql").read_text(encoding="utf-8") for name in _FILES)
