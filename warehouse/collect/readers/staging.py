"""The staging table of a reading. Rows that are not records leave the table; the reading lists them.

A source is a relation with `_row BIGINT`, the cells `f0`, `f1`, … as VARCHAR, and three flags: `_short` and `_long`
(fewer or more fields than headings), `_spanning` (lines that may not belong together). This module does not know the
form of the file.
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
from warehouse.collect.readers.doubts import ANY, doubts
from warehouse.collect.readers.headings.header_match import doubled_titles
from warehouse.collect.readers.headings.row_classify import (
    REASONS,
    RECORDS,
    REMARKS,
    RowState,
    blank,
    listed,
    state_sql,
    suspect_sql,
)
from warehouse.collect.readers.layout import Layout, LayoutColumn, Note, Reading, Recognition, SetAside
from warehouse.collect.readers.naming import named
from warehouse.collect.readers.second_table import find_second_table
from warehouse.collect.readers.text.line_hash import RecordLines, hashes_of

# For sheets, if the layout wants it: the text of the last group row above each row.
GROUP = "_group"
NO_FLAGS = "false AS _short, false AS _long, false AS _spanning"

_SQL = Path(__file__).parent / "sql"

# A note lists at most this many of its rows.
_NAMED_ROWS = 1000
# Notes below the data are searched in this many last rows; a row with fewer cells than a record may be a note.
TAIL_ROWS = 1000
_RECORD_CELLS = 3
_NO_TITLE = "\x1f"
# A text longer than this, alone in its row below the last record, is a note.
_LONG_NOTE = 20
_FOOTNOTE = "^\\s*[*＊※①-⑳#]|[。；]\\s*$"


@dataclass(frozen=True)
class StagingTable:
    """A table that is being filled, its layout, and the recognition of the file that fills it."""

    connection: duckdb.DuckDBPyConnection
    table: str
    layout: Layout
    recognition: Recognition

    def create(self) -> None:
        """Create the table; it replaces a table of the same name."""
        columns = [f"{quote(column.name)} VARCHAR" for column in self.layout.columns]
        columns += [f"{_headless(place)} BOOLEAN" for place in self.recognition.headless]
        self._run("create", columns=", ".join(columns))

    def insert(self, source: str, width: int) -> None:
        """Append the rows of a source, in its order.

        Args:
            source: a relation as SQL, with the columns described in the module's docstring.
            width: the number of its cells.
        """
        cells = self._cells()
        keys = [cells[column.name] for column in self._identity()]
        # A file without headings has no titles that a row could repeat.
        titles = {
            f"title_{cells[found.name]}": found.title or _NO_TITLE for found in self.recognition.columns
        }
        values = [self._value(column, cells.get(column.name)) for column in self.layout.columns]
        values += [
            f"NOT {blank(f'f{place - 1}')}" if place <= width else "false"
            for place in self.recognition.headless
        ]
        self._run(
            "insert",
            source=source,
            values=", ".join(values),
            parameters=titles,
            suspect=suspect_sql(keys),
            state=state_sql(keys, list(cells.values()), width),
        )

    def insert_batch(self, batch: pa.Table, width: int, flags: str = NO_FLAGS) -> None:
        """Append the rows of an Arrow table with `_row` and the cells.

        Args:
            batch: the rows.
            width: the number of their cells.
            flags: SQL of the flags, if the batch can have flagged rows.
        """
        self.connection.register("delivered_batch", batch)
        try:
            self.insert(f"(SELECT *, {flags} FROM delivered_batch)", width)
        finally:
            self.connection.unregister("delivered_batch")

    def size(self) -> int:
        """The number of rows so far, including rows that are not records."""
        return int(self._run("count").fetchall()[0][0])

    def number(self, first: int) -> None:
        """Set `_row` to the row's position in the table, counted from `first`."""
        self._run("number", first=first)

    def renumber(self, rows: npt.NDArray[np.int64]) -> None:
        """Set `_row` to the numbers in `rows`, in the order of the table."""
        numbers = pa.table({"place": np.arange(rows.size), "row": rows})
        self.connection.register("numbers_batch", numbers)
        try:
            self._run("renumber")
        finally:
            self.connection.unregister("numbers_batch")

    def finish(
        self, *, notes: bool = True, lines: RecordLines | None = None, odd: frozenset[str] = ANY
    ) -> Reading:
        """Remove the rows that are not records, and describe the result.

        Args:
            notes: whether there may be notes below the data; a database has none.
            lines: for a file with one record on each line; a table holds their hashes.
            odd: which kinds of odd values (`doubts`) the texts may contain.
        """
        second = self._without_second_table() if notes else []
        if notes:
            self._find_notes_below()
        aside = self._listed(REASONS)
        kept = self._listed(REMARKS)
        if lines is not None:
            # A remark must be repeated with every delivery: a row with one is read again, never taken as known.
            self._run("forget", hashes=quote(hashes_of(self.table)), rows=f"_state IN ({listed(REMARKS)})")
        self._run("strip", states=listed([RowState.BLANK, *REASONS]))
        unheaded = self._unheaded()
        by_name = {column.name: column for column in self.layout.columns}
        columns = [(found, by_name[found.name]) for found in self.recognition.columns]
        doubtful = list(doubts(self.connection, self.table, columns, odd))
        if lines is not None:
            for rows in {doubt.rows for doubt in doubtful if doubt.rows is not None}:
                self._run("forget", hashes=quote(hashes_of(self.table)), rows=rows)
        return Reading(
            rows=self.size(),
            recognition=self.recognition,
            set_aside=tuple(SetAside(row, REASONS[RowState(state)]) for row, state in aside),
            notes=(*self._told(), *second, *unheaded, *(doubt.note for doubt in doubtful), *_notes(kept)),
            # A doubt about a whole column concerns all of its rows, also those that came before.
            lines=None if second or any(doubt.rows is None for doubt in doubtful) else lines,
        )

    def _run(
        self, statement: str, parameters: dict[str, str] | None = None, **parts: object
    ) -> duckdb.DuckDBPyConnection:
        sql = (_SQL / f"{statement}.sql").read_text(encoding="utf-8")
        return self.connection.execute(sql.format(table=quote(self.table), **parts), parameters)

    def _listed(self, states: Iterable[RowState]) -> list[tuple[int, int]]:
        return self._run("listed", states=listed(states)).fetchall()

    def _value(self, column: LayoutColumn, cell: str | None) -> str:
        if cell is not None:
            # An empty text is no value, in every format.
            return f"nullif({cell}, '')"
        given = next((each for each in self.recognition.given if each.name == column.name), None)
        if given is not None:
            return literal(given.value) if given.value is not None else "NULL"
        if column.from_group_row and self.layout.has_sheets:
            return f"nullif({GROUP}, '')"
        sheet = self.recognition.sheet
        return literal(sheet) if column.from_sheet_name and sheet is not None else "NULL"

    def _cells(self) -> dict[str, str]:
        """The cell of every column that was found."""
        return {found.name: f"f{found.position - 1}" for found in self.recognition.columns}

    def _identity(self) -> list[LayoutColumn]:
        """The columns found that identify a record: the keys; without keys the required columns; else all columns."""
        cells = self._cells()
        columns = [column for column in self.layout.columns if column.name in cells]
        return (
            [column for column in columns if column.key]
            or [column for column in columns if column.required]
            or columns
        )

    def _doubled(self) -> list[Note]:
        titles = doubled_titles(self.layout, self.recognition.extra)
        text = f"同一项内容有几列，只读取了其中一列，未读取的列名是：{named(titles)}"
        return [Note(text, len(titles))] if titles else []

    def _told(self) -> list[Note]:
        """The remarks on the file as a whole."""
        seen = self.recognition
        texts = [*seen.remarks, *(given.remark for given in seen.given if given.remark)]
        return [*(Note(text, 1) for text in texts), *self._doubled()]

    def _unheaded(self) -> list[Note]:
        """Remove the columns without a heading; note those that hold values."""
        notes = []
        for place in self.recognition.headless:
            name = _headless(place)
            rows = self._run("unheaded", column=name, most=_NAMED_ROWS).fetchall()
            self._run("drop", column=name)
            if rows:
                count, first = rows[0]
                if count:
                    text = f"第 {place} 列（{column_letters(place)} 列）没有列名，有内容的行没有读取这一列"
                    notes.append(Note(text, count, tuple(first)))
        return notes

    def has_second_table(self) -> bool:
        """Whether the rows of a partly read file may contain the headings of a second table."""
        found = find_second_table(self.connection, self.table, self.layout, self.recognition, partial=True)
        return found is not None

    def _without_second_table(self) -> list[Note]:
        """Mark the rows of a second table: they are not records of this table."""
        found = find_second_table(self.connection, self.table, self.layout, self.recognition)
        if found is None:
            return []
        self._run(
            "other_table",
            first=found.first,
            state=int(RowState.OTHER_TABLE),
            records=listed([*RECORDS, RowState.REMARK, RowState.TOTAL]),
            headings=int(RowState.HEADINGS),
        )
        return [found.note(len(self._listed([RowState.OTHER_TABLE])))]

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
            # A row with too many fields is not a note: its cells stand in the wrong columns.
            short=listed(state for state in RECORDS if state != RowState.LONG),
            asides=listed([RowState.REMARK, RowState.TOTAL]),
            remark=int(RowState.REMARK),
            lead=f"concat({', '.join(names)})",
            long=_LONG_NOTE,
            footnote=_FOOTNOTE,
        )


def column_letters(place: int) -> str:
    """The letters of a column in a spreadsheet, counted from 1: A, Z, AA."""
    letters = ""
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _headless(place: int) -> str:
    return f"_headless_{place}"


def _notes(kept: list[tuple[int, int]]) -> Iterable[Note]:
    for state, text in REMARKS.items():
        rows = [row for row, seen in kept if seen == state]
        if rows:
            yield Note(text, len(rows), tuple(rows[:_NAMED_ROWS]))
