"""Temporary tables of one piece of work: each has a name of its own, and all are dropped at the end."""

from __future__ import annotations

from itertools import count
from types import TracebackType
from typing import Self

import duckdb
import polars as pl

from schemas.emit.sql import quote


class Scratch:
    """The temporary tables that a stage makes on its connection, to be used in a `with` statement."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._numbers = count(1)
        self._tables: list[str] = []
        self._frames: list[str] = []

    def table(self, name: str, query: str) -> str:
        """Keep the rows of a query in a temporary table; returns its unique name as SQL.

        Args:
            name: a word for the content, for people who read a query plan.
            query: SQL.
        """
        return self.named(f"{name} {next(self._numbers)}", query)

    def named(self, name: str, query: str) -> str:
        """Keep the rows of a query under exactly this name, because other SQL uses the name."""
        table = quote(name)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")
        self._tables.append(table)
        return table

    def adopt(self, table: str) -> str:
        """Drop, at the end, a table that other code makes; `table` is its name without quotes."""
        self._tables.append(quote(table))
        return quote(table)

    def frame(self, name: str, rows: pl.DataFrame) -> str:
        """Let SQL read a frame under exactly this name."""
        self.connection.register(name, rows)
        self._frames.append(name)
        return quote(name)

    def rows(self, table: str) -> int:
        """The number of rows of a table or relation."""
        [(number,)] = self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        return int(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for frame in self._frames:
            self.connection.unregister(frame)
        for table in self._tables:
            self.connection.execute(f"DROP TABLE IF EXISTS {table}")
