"""What a reader is told of a file, what it found there, and how it refuses: plain data, no reading.

A layout comes from a contract, see `warehouse.collect.layouts`. The readers of the forms live beside this.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.contract import DeliveryForm

DEFAULT_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True)
class LayoutColumn:
    """A column that the contract expects, with every heading it may stand under, best first."""

    name: str
    titles: tuple[str, ...]
    required: bool = False
    key: bool = False


@dataclass(frozen=True)
class Layout:
    """What the contract says of a file.

    Attributes:
        form: `csv`, `xlsx` (any workbook) or `sqlite`.
        columns: the columns to read, in the order of the table that is filled.
        encodings: candidates for text, tried in this order; a byte order mark settles it.
        delimiter: one character, or None to find it.
        sheet: the sheet's name, or None for the only sheet with these headings.
        table: the database table's name, or None for the only table with these columns.
        header_row: the row of the headings as a person counts (from 1), or None to find it.
    """

    form: DeliveryForm
    columns: tuple[LayoutColumn, ...]
    encodings: tuple[str, ...] = DEFAULT_ENCODINGS
    delimiter: str | None = None
    sheet: str | None = None
    table: str | None = None
    header_row: int | None = None


@dataclass(frozen=True)
class FoundColumn:
    """A column of the layout as it stands in the file: its position from 1, its heading untouched."""

    name: str
    position: int
    title: str


@dataclass(frozen=True)
class Recognition:
    """What a file turned out to be.

    Attributes:
        form: the layout's form.
        columns: the columns found, in the layout's order.
        missing: names of the optional columns that were not delivered.
        extra: headings that no column of the layout claims, in the file's order.
        header_row: the headings' row from 1; None for a database.
        encoding: of text files only.
        delimiter: of text files only.
        sheet: of workbooks only.
        table: of databases only.
    """

    form: DeliveryForm
    columns: tuple[FoundColumn, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    header_row: int | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    table: str | None = None


@dataclass(frozen=True)
class SetAside:
    """A row of the file that is no record, such as a note or a total, and why (Chinese)."""

    row: int
    reason: str


@dataclass(frozen=True)
class Note:
    """Something remarkable about rows that were read all the same (Chinese).

    `rows` holds the first of the rows concerned, `count` says how many there are.
    """

    text: str
    count: int
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The outcome of a reading: the number of rows in the table, and everything that is not in it."""

    rows: int
    recognition: Recognition
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[Note, ...] = ()


class UnreadableFile(Exception):
    """A file that cannot be read. The message is for the department: file, place, problem, remedy."""


def unreadable(path: Path, problem: str, remedy: str) -> UnreadableFile:
    """The refusal of a file, in one Chinese sentence for what is wrong and one for what to do."""
    return UnreadableFile(f"文件“{path.name}”：{problem}。请{remedy}。")
