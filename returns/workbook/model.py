"""What a workbook is declared to be: sheets, columns, properties.

Here belong the frozen declarations that a caller fills in and the limits of the file format they
must keep. Nothing here writes or reads a file, and nothing here knows what the rows are about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import polars as pl

CellKind = Literal["text", "integer", "number", "date"]

IDENTITY_SHEET = "_zhenjie"
"""The very hidden sheet that says which package a workbook belongs to (see skeleton, reader)."""

TOTAL = "合计"
"""What a row of totals says in the column that tells it apart."""

MAX_ROWS = 1_048_576
"""Rows of a sheet, header included (ECMA-376; "Excel specifications and limits")."""

MAX_TEXT = 32_767
"""UTF-16 units that a cell's text holds."""

MAX_TITLE = 31
"""Characters of a sheet's name."""

MAX_MESSAGE = 255
"""Characters of the message that a data validation shows."""

_FORBIDDEN_IN_TITLE = set("[]:*?/\\")

_DTYPES: dict[CellKind, str] = {
    "text": "String",
    "integer": "an integer type",
    "number": "a numeric type",
    "date": "Date",
}


@dataclass(frozen=True)
class SheetColumn:
    """One column of a sheet.

    Attributes:
        name: The column of the rows it shows.
        title: The Chinese header a person sees; found again by it when the sheet comes back.
        width: In characters of the standard font (a Chinese character takes two).
        kind: `text` for everything that is not calculated with, identifiers above all: only a text
            cell keeps eighteen digits. `integer` and `number` hold up to 15 digits.
        editable: The person fills this column in: unlocked and tinted.
        choices: The only values allowed, offered as a drop-down list; text columns only.
        wrap: Break long text into lines; the row becomes as high as it needs.
        note: What the person should know on entering a cell of this column; shown as a prompt.
        hidden: There for the way back, not for the person: the column is folded away.
    """

    name: str
    title: str
    width: float
    kind: CellKind = "text"
    editable: bool = False
    choices: tuple[str, ...] = ()
    wrap: bool = False
    note: str | None = None
    hidden: bool = False

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError(f"Column {self.name!r} has no title")
        if self.choices and (self.kind != "text" or not self.editable):
            raise ValueError(f"Column {self.name!r}: only editable text columns take choices")
        if len(set(self.choices)) != len(self.choices) or not all(map(str.strip, self.choices)):
            raise ValueError(f"Column {self.name!r}: choices must be distinct and not blank")
        if self.wrap and self.kind != "text":
            raise ValueError(f"Column {self.name!r}: only text wraps")
        if self.note is not None and not 0 < len(self.note) <= MAX_MESSAGE:
            raise ValueError(f"Column {self.name!r}: a note has 1 to {MAX_MESSAGE} characters")


@dataclass(frozen=True, eq=False)
class ReturnSheet:
    """A sheet that shows a table.

    Attributes:
        title: The sheet's name on its tab.
        columns: From left to right.
        rows: Holds every declared column in a type that fits its kind (`Null` always fits); other
            columns are not shown. Every text is written as text: `=1+1` is never a formula.
        heading: Large line above the table.
        notes: Lines between heading and table, such as how to fill it in.
        frozen_columns: Columns that stay in view when scrolling sideways.
        protected: Cells that are not editable are locked (without a password: against slips, not
            against intent). Filters work; sorting does not, as spreadsheet programs refuse to
            sort locked cells. Leave a sheet with nothing to fill in unprotected: it can be sorted.
        group: A column by which the rows are sorted: the first row of each run of equal values stands out,
            in the others the value is grey. It stays in every row, so that filters work.
        totals: A column that says `TOTAL` in rows of totals, which stand out.
    """

    title: str
    columns: tuple[SheetColumn, ...]
    rows: pl.DataFrame
    heading: str | None = None
    notes: tuple[str, ...] = ()
    frozen_columns: int = 0
    protected: bool = True
    group: str | None = None
    totals: str | None = None

    def __post_init__(self) -> None:
        _check_title(self.title)
        for name in (self.group, self.totals):
            if name is not None and name not in [c.name for c in self.columns]:
                raise ValueError(f"Sheet {self.title!r} has no column {name!r} to set rows apart by")
        if not self.columns:
            raise ValueError(f"Sheet {self.title!r} has no columns")
        for facts in ([c.name for c in self.columns], [c.title for c in self.columns]):
            if len(set(facts)) != len(facts):
                raise ValueError(f"Sheet {self.title!r} declares a column twice: {facts}")
        schema = self.rows.schema
        for column in self.columns:
            if column.name not in schema:
                raise ValueError(f"Sheet {self.title!r}: the rows lack column {column.name!r}")
            dtype = schema[column.name]
            if not _fits(column.kind, dtype):
                raise ValueError(
                    f"Sheet {self.title!r}: column {column.name!r} is {column.kind} and needs "
                    f"{_DTYPES[column.kind]}, not {dtype}"
                )
        if self.header_row + self.rows.height > MAX_ROWS:
            raise ValueError(
                f"Sheet {self.title!r}: {self.rows.height:,} rows do not fit; a sheet holds "
                f"{MAX_ROWS - self.header_row:,} below its header. Split the rows over sheets."
            )

    @property
    def header_row(self) -> int:
        """Row number of the header as a person sees it (the first row is 1)."""
        return 1 + (self.heading is not None) + len(self.notes)


@dataclass(frozen=True)
class TextSheet:
    """A sheet of plain reading, such as 说明.

    Attributes:
        title: The sheet's name on its tab.
        heading: Large first line.
        paragraphs: One row each, wrapped.
    """

    title: str
    heading: str
    paragraphs: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_title(self.title)


@dataclass(frozen=True)
class WorkbookProperties:
    """What the file says about itself.

    Attributes:
        title: Document title.
        author: The organisation that sends the workbook.
        created: Stands in the document properties; given, never taken from the clock, so that
            the same content makes the same bytes.
        identity: Facts by which the returned workbook is known again (which batch, whose). Kept
            in a very hidden sheet, because saving in another program drops custom properties.
    """

    title: str
    author: str
    created: datetime
    identity: Mapping[str, str] = field(default_factory=dict)


def _check_title(title: str) -> None:
    if not 0 < len(title) <= MAX_TITLE or _FORBIDDEN_IN_TITLE & set(title) or "'" in title:
        raise ValueError(f"{title!r} cannot be the name of a sheet")


def _fits(kind: CellKind, dtype: pl.DataType) -> bool:
    if dtype == pl.Null:
        return True
    if kind == "integer":
        return dtype.is_integer()
    if kind == "number":
        return dtype.is_numeric()
    return dtype == (pl.Date if kind == "date" else pl.String)
