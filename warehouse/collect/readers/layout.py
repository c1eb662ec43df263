"""Plain data of the readers: the layout they get, the reading they return, the refusal they raise. No code reads here.

A contract gives the layout, see `warehouse.collect.layouts`. Each format has its reader beside this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.formats import load_formats
from warehouse.collect.readers.text.line_hash import RecordLines
from warehouse.home.names import shown_name

DEFAULT_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True)
class LayoutColumn:
    """A column that the contract expects, with all headings that it may have, the best first.

    Attributes:
        repeats_merged: in a workbook, every row of a merged cell gets its text.
        from_sheet_name: in a workbook, the value is the name of the sheet.
        from_group_row: in a workbook, the value is the text of the last group row above the row.
        from_file_name: a regular expression that finds the value in the name of the file.
        from_title: a regular expression that finds the value in a cell above the headings.
        measured: the values are numbers or dates, so that a row with words in this column may not be a record.
        dated: the values are days or moments; a number without a format is a day number of its workbook.
    """

    name: str
    titles: tuple[str, ...]
    required: bool = False
    key: bool = False
    repeats_merged: bool = False
    from_sheet_name: bool = False
    from_group_row: bool = False
    from_file_name: str | None = None
    from_title: str | None = None
    measured: bool = False
    dated: bool = False


@dataclass(frozen=True)
class Layout:
    """The contract's description of a file.

    Attributes:
        form: the format's name in `schemas.formats`.
        columns: the columns to read, in the order of the table that is filled.
        encodings: candidate encodings for text, tried in this order; a byte order mark decides at once.
        delimiter: one character; None to find it.
        sheet: the sheet's name; None for the only sheet with these headings; a pattern for all sheets that match
            it and have the headings.
        table: the database table's name; None for the only table with these columns.
        header_row: the row of the headings, from 1; None to find it.
        without_headings: whether the file has no headings; its columns are the layout's, in that order.
        file_name: the name of the file on delivery, if its name has changed.
    """

    form: str
    columns: tuple[LayoutColumn, ...]
    encodings: tuple[str, ...] = DEFAULT_ENCODINGS
    delimiter: str | None = None
    sheet: str | None = None
    table: str | None = None
    header_row: int | None = None
    without_headings: bool = False
    file_name: str | None = None

    @property
    def has_titles(self) -> bool:
        """Whether there may be rows above the headings."""
        return load_formats()[self.form].takes("headerRow") and not self.without_headings

    @property
    def has_sheets(self) -> bool:
        """Whether the file is a workbook."""
        return load_formats()[self.form].takes("sheet")

    @property
    def several_sheets(self) -> bool:
        """Whether the sheets of a workbook are read as one."""
        return self.sheet is not None and any(mark in self.sheet for mark in "*?[")

    @property
    def headed_columns(self) -> tuple[LayoutColumn, ...]:
        """The columns that are searched among the headings."""
        return tuple(
            column
            for column in self.columns
            if column.from_file_name is None
            and not (self.has_titles and column.from_title is not None)
            and not (self.has_sheets and (column.from_sheet_name or column.from_group_row))
        )


@dataclass(frozen=True)
class FoundColumn:
    """A column of the layout as found in the file: its position from 1, its heading unchanged."""

    name: str
    position: int
    title: str


@dataclass(frozen=True)
class Given:
    """A column's value that comes from no cell of the table; `remark` (Chinese) reports that it was not found."""

    name: str
    value: str | None
    remark: str = ""


@dataclass(frozen=True)
class Recognition:
    """The recognised form and columns of a file.

    Attributes:
        form: the layout's form.
        columns: the columns found, in the layout's order.
        missing: names of the optional columns that the file lacks.
        extra: headings that belong to no column of the layout, in the file's order.
        header_row: the lowest row of the headings, from 1; None for a database.
        header_rows: the number of rows of the headings.
        encoding: only for text files.
        delimiter: only for text files.
        sheet: only for workbooks; the names of several sheets are joined.
        table: only for databases.
        headless: the columns, from 1, that have no heading.
        given: the values that come from the file's name or a title.
        remarks: remarks on the headings (Chinese).
        unread: the other sheets of the workbook.
    """

    form: str
    columns: tuple[FoundColumn, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    header_row: int | None = None
    header_rows: int = 1
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    table: str | None = None
    headless: tuple[int, ...] = ()
    given: tuple[Given, ...] = ()
    remarks: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetAside:
    """A row of the file that is not a record, such as a note or a total, and the reason (Chinese)."""

    row: int
    reason: str
    sheet: str | None = None


@dataclass(frozen=True)
class Note:
    """A remark (Chinese) on rows that were read nevertheless.

    `rows` holds the first rows concerned, `count` is the number of all of them.
    """

    text: str
    count: int
    rows: tuple[int, ...] = ()
    sheet: str | None = None


@dataclass(frozen=True)
class Reading:
    """The result of a reading: the number of rows in the table, and the description of everything left out.

    `sheets` describes each sheet, in order, if several were read as one; else it is empty. `lines` is set for text with
    one record on each line; the table `line_hash.hashes_of` holds the hashes of these lines.
    """

    rows: int
    recognition: Recognition
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[Note, ...] = ()
    sheets: tuple[Recognition, ...] = ()
    lines: RecordLines | None = None


class UnreadableFile(Exception):
    """A file that cannot be read. The message for the department names file, place, problem and remedy."""


def unreadable(path: Path, problem: str, remedy: str) -> UnreadableFile:
    """Build the refusal of a file: one Chinese sentence for the problem, one for the remedy."""
    return UnreadableFile(f"文件“{shown_name(path)}”：{problem}。请{remedy}。")
