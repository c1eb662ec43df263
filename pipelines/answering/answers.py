"""Answers to queries: a table for people, CSV or JSON for programs. Rows are written as they arrive.

DuckDB itself turns values of every type into text: its JSON keeps every digit, its text every interval. Each form
fetches the first rows and returns a function that writes them and the rest. So a query that fails before its first row
has written nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import IO, Protocol, TypeVar, cast

import duckdb
import polars as pl

from pipelines.terminal.rendering import KEPT, Screen, draw_table, json_shown
from schemas.emit.spreadsheet import neutralise_frame
from schemas.emit.sql import literal
from warehouse.home.names import shown
from warehouse.query.judge import Query, TableName, check

# Rows of a table for people. `--csv` and `--json` write all rows.
SHOWN = 200
# Rows fetched and written at a time.
BATCH = 20_000

# NaN and infinity in the text of JSON, outside of strings: JSON has no such numbers.
_NOT_FINITE = re.compile(r'("(?:[^"\\]|\\.)*")|(-?\b(?:nan|inf(?:inity)?)\b)', re.IGNORECASE)

_Item = TypeVar("_Item")

Writing = Callable[[], int]
"""Writes an answer and returns the number of written rows."""


class Sink(Protocol):
    """Takes an answer. `width` is the width of the terminal, None for a file or a pipe."""

    width: int | None

    def write(self, text: str) -> int:
        """Take a piece of the answer. Returns its number of characters."""

    def flush(self) -> None:
        """Pass on what was taken."""

    def remark(self, text: str) -> None:
        """Take a line for a person, which is not part of the answer."""


@dataclass(frozen=True)
class Answer:
    """The rows of a judged query on a connection. The query may name `tables`."""

    connection: duckdb.DuckDBPyConnection
    query: Query
    tables: frozenset[TableName]

    @cached_property
    def names(self) -> list[str]:
        """The columns. A repeated name gets a number, so that each name is unique."""
        if self.query.explain:
            return ["explain_key", "explain_value"]
        self._run(f"SELECT * FROM (\n{self.query.text}\n) AS answer LIMIT 0")
        return _told_apart([str(column[0]) for column in self.connection.description or ()])

    @cached_property
    def numbers(self) -> list[str]:
        """The columns that hold numbers."""
        if self.query.explain:
            return []
        self._select("*", "LIMIT 0")
        described = self.connection.description or ()
        return [
            name
            for name, column in zip(self.names, described, strict=True)
            if column[1] == duckdb.NUMBER  # type: ignore[attr-defined]  # the stubs lack it
        ]

    def texts(self, most: int | None = None) -> Iterator[pl.DataFrame]:
        """The rows in batches, every value as text, at most `most` rows."""
        if self.query.explain:
            rows = self.connection.execute(self.query.sql).fetchall()
            yield pl.DataFrame(rows, schema=dict.fromkeys(self.names, pl.String), orient="row")
            return
        columns = ", ".join(f"CAST({column} AS VARCHAR)" for column in self._columns)
        self._select(columns, "" if most is None else f"LIMIT {most}")
        for batch in self.connection.to_arrow_reader(BATCH):
            yield pl.DataFrame(batch.rename_columns(self.names))

    def objects(self) -> Iterator[list[str]]:
        """The rows in batches, each as the text of a JSON object."""
        if self.query.explain:
            for frame in self.texts():
                yield [json.dumps(row, ensure_ascii=False) for row in frame.to_dicts()]
            return
        parts = [
            f"{literal(('{' if not number else ', ') + json.dumps(name, ensure_ascii=False) + ': ')}, "
            f"coalesce(CAST(to_json({column}) AS VARCHAR), 'null')"
            for number, (name, column) in enumerate(zip(self.names, self._columns, strict=True))
        ]
        self._select(f"concat({', '.join(parts)}, '}}')")
        for batch in self.connection.to_arrow_reader(BATCH):
            yield [json_shown(_finite(row)) for row in batch.column(0).to_pylist()]

    def count(self) -> int:
        """The number of rows."""
        self._select("count(*)")
        row = self.connection.fetchone()
        assert row is not None
        return int(row[0])

    @property
    def _columns(self) -> list[str]:
        return [f"c{number}" for number in range(len(self.names))]

    def _select(self, select: str, end: str = "") -> None:
        named = f"answer({', '.join(self._columns)})"
        self._run(f"SELECT {select} FROM (\n{self.query.text}\n) AS {named} {end}")

    def _run(self, sql: str) -> None:
        """Run a query that wraps the person's query. The whole statement is judged again."""
        check(self.connection, sql, self.tables)
        self.connection.execute(sql)


def as_csv(answer: Answer, sink: Sink) -> Writing:
    """The answer as CSV with a header line. No text in it is a formula (`schemas.emit.spreadsheet`)."""
    numbers = answer.numbers
    frames = _first_taken(answer.texts())

    def write() -> int:
        written = 0
        sink.write(neutralise_frame(pl.DataFrame(schema=answer.names)).write_csv())
        for frame in frames:
            sink.write(neutralise_frame(frame, numbers).write_csv(include_header=False))
            written += frame.height
        return written

    return write


def as_json(answer: Answer, sink: Sink) -> Writing:
    """The answer as a JSON array, one line for each row."""
    batches = _first_taken(answer.objects())

    def write() -> int:
        written = 0
        for rows in batches:
            if rows:
                sink.write(("[\n" if not written else ",\n") + ",\n".join(rows))
                written += len(rows)
        sink.write("\n]\n" if written else "[]\n")
        return written

    return write


def as_table(answer: Answer, sink: Sink) -> Writing:
    """The first rows for people: a table, or one line for each field where a table would be too wide."""
    frames = list(answer.texts(SHOWN + 1))
    rows = [row for frame in frames for row in frame.rows()]

    def write() -> int:
        if answer.query.explain:
            for _, plan in rows:
                sink.write(f"{shown(plan, KEPT)}\n")
        else:
            # Rich needs no more of a file.
            draw_table(Screen(cast("IO[str]", sink), sink.width), answer.names, rows[:SHOWN])
        if len(rows) > SHOWN:
            left = answer.count() - SHOWN
            sink.remark(f"只显示前 {SHOWN} 行，还有 {left:,} 行没有显示；全部结果请用 --csv 或 --json")
        return min(len(rows), SHOWN)

    return write


def _first_taken(items: Iterator[_Item]) -> Iterator[_Item]:
    """The same items, after the first one has been fetched."""
    return chain([item for item in [next(items, None)] if item is not None], items)


def _finite(row: str) -> str:
    """The row with NaN and infinity as texts: JSON has no such numbers."""
    if _NOT_FINITE.search(row) is None:
        return row
    return _NOT_FINITE.sub(lambda match: match[1] or f'"{match[2]}"', row)


def _told_apart(names: Sequence[str]) -> list[str]:
    """Distinct names for columns: a repeated name gets the suffix that DuckDB would give it."""
    given: list[str] = []
    for name in names:
        number, unique = 0, name
        while unique in given or (number and unique in names):
            number += 1
            unique = f"{name}_{number}"
        given.append(unique)
    return given
