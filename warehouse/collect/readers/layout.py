"""What a reader is told of a file, what it found there, and how it refuses: plain data, no reading.

A layout comes from a contract, see `warehouse.collect.layouts`. The readers of the forms live beside this.
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
    """A column that the contract expects, with every heading it may stand under, best first.

    Of workbooks only: `repeats_merged` gives every row of a merged cell its text; `from_sheet_name` means the
    name of the sheet instead of a heading; `from_group_row` the text of the last row across the table.
    `from_file_name` and `from_title` are regular expressions that find the value in the name of the file or in a
    cell above the headings. `measured` says that the values are numbers or dates: words there are no record's.
    `dated` that they are days or moments: a number without a format counts days as its workbook does.
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
    """What the contract says of a file.

    Attributes:
        form: the format's name in `schemas.formats`.
        columns: the columns to read, in the order of the table that is filled.
        encodings: candidates for text, tried in this order; a byte order mark settles it.
        delimiter: one character, or None to find it.
        sheet: the sheet's name, or None for the only sheet with these headings; a pattern means every sheet
            that fits and has them.
        table: the database table's name, or None for the only table with these columns.
        header_row: the row of the headings as a person counts (from 1), or None to find it.
        without_headings: whether the file has none: its columns are the layout's, in that order.
        file_name: the name under which the file was delivered, if it has another one now.
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
        """The columns that are looked for among the headings."""
        return tuple(
            column
            for column in self.columns
            if column.from_file_name is None
            and not (self.has_titles and column.from_title is not None)
            and not (self.has_sheets and (column.from_sheet_name or column.from_group_row))
        )


@dataclass(frozen=True)
class FoundColumn:
    """A column of the layout as it stands in the file: its position from 1, its heading untouched."""

    name: str
    position: int
    title: str


@dataclass(frozen=True)
class Given:
    """The value of a column that stands in no cell of the table; `remark` says (in Chinese) that there is none."""

    name: str
    value: str | None
    remark: str = ""


@dataclass(frozen=True)
class Recognition:
    """What a file turned out to be.

    Attributes:
        form: the layout's form.
        columns: the columns found, in the layout's order.
        missing: names of the optional columns that were not delivered.
        extra: headings that no column of the layout claims, in the file's order.
        header_row: the headings' row from 1, of two rows the lower; None for a database.
        header_rows: how many rows the headings take.
        encoding: of text files only.
        delimiter: of text files only.
        sheet: of workbooks only; of several sheets their names, joined.
        table: of databases only.
        headless: the columns, from 1, that have no heading.
        given: the values that come from the file's name or a title.
        remarks: what is remarkable about the headings (Chinese).
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
    """A row of the file that is no record, such as a note or a total, and why (Chinese)."""

    row: int
    reason: str
    sheet: str | None = None


@dataclass(frozen=True)
class Note:
    """Something remarkable about rows that were read all the same (Chinese).

    `rows` holds the first of the rows concerned, `count` says how many there are.
    """

    text: str
    count: int
    rows: tuple[int, ...] = ()
    sheet: str | None = None


@dataclass(frozen=True)
class Reading:
    """The outcome of a reading: the number of rows in the table, and everything that is not in it.

    `sheets` tells what each of several sheets was, in their order; it is empty for anything else. `lines` is told of
    text that holds a record on each line; the hashes of these are beside the table (`lines.hashes_of`).
    """

    rows: int
    recognition: Recognition
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[Note, ...] = ()
    sheets: tuple[Recognition, ...] = ()
    lines: RecordLines | None = None


class UnreadableFile(Exception):
    """A file that cannot be read. The message is for the department: file, place, problem, remedy."""


def unreadable(path: Path, problem: str, remedy: str) -> UnreadableFile:
    """The refusal of a file, in one Chinese sentence for what is wrong and one for what to do."""
    return UnreadableFile(f"文件“{shown_name(path)}”：{problem}。请{remedy}。")
