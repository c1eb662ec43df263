"""The table a reading fills: rows come in from any form, what is no record goes out, and both are told.

A source is a relation with `_row BIGINT`, the cells `f0`, `f1`, ... as VARCHAR, and three flags: `_short` and
`_long` (fewer or more fields than headings), `_spanning` (lines that may not belong together). Which file it
comes from is the readers' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.emit.sql import literal, quote
from warehouse.collect.readers.layout import Layout, LayoutColumn, Note, Reading, Recognition, SetAside
from warehouse.collect.readers.lines import Lines, hashes_of
from warehouse.collect.readers.rows import (
    REASONS,
    RECORDS,
    REMARKS,
    State,
    blank,
    listed,
    state_sql,
    suspect_sql,
)
from warehouse.collect.readers.titles import doubled_titles

NO_FLAGS = "false AS _short, false AS _long, false AS _spanning"

_SQL = Path(__file__).parent / "sql"

# A note names so many of the rows it is about.
_NAMED_ROWS = 1000
# Notes below the data are looked for in so many last rows; a row with fewer cells may be one.
TAIL_ROWS = 1000
_RECORD_CELLS = 3


@dataclass(frozen=True)
class Stage:
    """A table under way, the layout it follows, and what was recognised of the file that fills it."""

    connection: duckdb.DuckDBPyConnection
    table: str
    layout: Layout
    recognition: Recognition

    def create(self) -> None:
        """Make the table, in place of one of that name."""
        columns = ", ".join(f"{quote(column.name)} VARCHAR" for column in self.layout.columns)
        self._run("create", columns=columns)

    def insert(self, source: str, width: int) -> None:
        """Add the rows of a source, in its order.

        Args:
            source: a relation as SQL, with the columns that the module names.
            width: the number of its cells.
        """
        cells = self._cells()
        keys = [cells[column.name] for column in self._identity()]
        titles = {f"title_{cells[found.name]}": found.title for found in self.recognition.columns}
        values = (self._value(column, cells.get(column.name)) for column in self.layout.columns)
        self._run(
            "insert",
            source=source,
            values=", ".join(values),
            parameters=titles,
            suspect=suspect_sql(keys),
            state=state_sql(keys, list(cells.values()), width),
        )

    def insert_batch(self, batch: pa.Table, width: int, flags: str = NO_FLAGS) -> None:
        """Add the rows of an Arrow table with `_row` and the cells.

        Args:
            batch: the rows.
            width: the number of its cells.
            flags: SQL for the flags, if the batch can have any.
        """
        self.connection.register("delivered_batch", batch)
        try:
            self.insert(f"(SELECT *, {flags} FROM delivered_batch)", width)
        finally:
            self.connection.unregister("delivered_batch")

    def size(self) -> int:
        """The number of rows so far, with those that are no records."""
        return int(self._run("count").fetchall()[0][0])

    def number(self, first: int) -> None:
        """Give every row its number: its place in the table, counted from `first`."""
        self._run("number", first=first)

    def renumber(self, rows: npt.NDArray[np.int64]) -> None:
        """Give every row its number: those of `rows`, in the order of the table."""
        numbers = pa.table({"place": np.arange(rows.size), "row": rows})
        self.connection.register("numbers_batch", numbers)
        try:
            self._run("renumber")
        finally:
            self.connection.unregister("numbers_batch")

    def finish(self, *, notes: bool = True, lines: Lines | None = None) -> Reading:
        """Take out what is no record, and tell what was found.

        Args:
            notes: whether people write notes below such data; into a database they do not.
            lines: of a file whose records are lines, with their hashes beside the table.
        """
        if notes:
            self._find_notes_below()
        aside = self._listed(REASONS)
        kept = self._listed(REMARKS)
        if lines is not None:
            # What is remarkable about a row is to be told every time that it comes: it is never a known one.
            self._run("forget", hashes=quote(hashes_of(self.table)), states=listed(REMARKS))
        self._run("strip", states=listed([State.BLANK, *REASONS]))
        return Reading(
            rows=self.size(),
            recognition=self.recognition,
            set_aside=tuple(SetAside(row, REASONS[State(state)]) for row, state in aside),
            notes=(*self._doubled(), *_notes(kept)),
            lines=lines,
        )

    def _run(
        self, statement: str, parameters: dict[str, str] | None = None, **parts: object
    ) -> duckdb.DuckDBPyConnection:
        sql = (_SQL / f"{statement}.sql").read_text(encoding="utf-8")
        return self.connection.execute(sql.format(table=quote(self.table), **parts), parameters)

    def _listed(self, states: Iterable[State]) -> list[tuple[int, int]]:
        return self._run("listed", states=listed(states)).fetchall()

    def _value(self, column: LayoutColumn, cell: str | None) -> str:
        if cell is not None:
            # An empty text is no value, whichever form it came in.
            return f"nullif({cell}, '')"
        sheet = self.recognition.sheet
        return literal(sheet) if column.from_sheet_name and sheet is not None else "NULL"

    def _cells(self) -> dict[str, str]:
        """The cell of every column that was found."""
        return {found.name: f"f{found.position - 1}" for found in self.recognition.columns}

    def _identity(self) -> list[LayoutColumn]:
        """The columns found that say which record a row is: keys, else required columns, else all."""
        cells = self._cells()
        columns = [column for column in self.layout.columns if column.name in cells]
        return (
            [column for column in columns if column.key]
            or [column for column in columns if column.required]
            or columns
        )

    def _doubled(self) -> list[Note]:
        titles = doubled_titles(self.layout, self.recognition.extra)
        text = f"同一项内容有几列，只读取了其中一列，未读取的列名是：{'、'.join(titles)}"
        return [Note(text, len(titles))] if titles else []

    def _find_notes_below(self) -> None:
        names = [quote(column.name) for column in self.recognition.columns]
        keys = [quote(column.name) for column in self._identity()]
        self._run(
            "tail",
            rows=TAIL_ROWS,
            cells=min(_RECORD_CELLS, len(names)),
            keyed=f"NOT ({' AND '.join(map(blank, keys))})",
            filled=" + ".join(f"CAST(NOT {blank(name)} AS INTEGER)" for name in names),
            records=listed(RECORDS),
            asides=listed([State.REMARK, State.TOTAL]),
            remark=int(State.REMARK),
        )


def _notes(kept: list[tuple[int, int]]) -> Iterable[Note]:
    for state, text in REMARKS.items():
        rows = [row for row, seen in kept if seen == state]
        if rows:
            yield Note(text, len(rows), tuple(rows[:_NAMED_ROWS]))
