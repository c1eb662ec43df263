"""Workbooks: the file opened, the sheet and its headings found, its rows handed over.

How a cell becomes text is `cells`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import fastexcel
import numpy as np
import pyarrow as pa

from warehouse.collect.readers.cells import Kind, cells_as_seen
from warehouse.collect.readers.encoding import OLE, ZIP, signature_of
from warehouse.collect.readers.extent import DamagedWorkbook, refuse_far_cells
from warehouse.collect.readers.layout import (
    Layout,
    Reading,
    Recognition,
    unreadable,
)
from warehouse.collect.readers.staging import Stage
from warehouse.collect.readers.titles import (
    HEADING_ROWS,
    Headings,
    clean_title,
    find_headings,
    missing_columns,
    no_headings,
)

# In the directory of an encrypted workbook, as it spells the names of its streams.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True)
class _Sheet:
    """A sheet as text from its row 1; its first column may stand right of column A."""

    name: str
    visible: bool
    cells: pa.RecordBatch
    errors: tuple[fastexcel.CellError, ...]
    first_column: int

    @property
    def width(self) -> int:
        """The number of columns that hold anything."""
        return int(self.cells.num_columns)

    def rows(self, count: int) -> list[list[str | None]]:
        """The first rows, from column A."""
        columns = [column.to_pylist() for column in self.cells.slice(0, count).columns]
        blank = [None] * self.first_column
        return [[*blank, *row] for row in zip(*columns, strict=True)]


def recognise(path: Path, layout: Layout) -> Recognition:
    """What a workbook holds, from its headings.

    Raises:
        UnreadableFile: it is no workbook, damaged, encrypted, or no one sheet of it has the headings.
    """
    with _sound(path):
        return _recognition(layout, *_choose(path, _open(path), layout))


def read(
    path: Path, layout: Layout, connection: duckdb.DuckDBPyConnection, table: str, _scratch: Path
) -> Reading:
    """Fill a table with the rows of a workbook's sheet.

    Args:
        path: the file.
        layout: what the contract says of it.
        connection: where the table is made.
        table: the table's name.
        _scratch: not needed; every form is read through the same call.

    Raises:
        UnreadableFile: as `recognise`.
    """
    with _sound(path):
        book = _open(path)
        sheet, headings = _choose(path, book, layout)
        columns = _columns(book, sheet, headings)
    stage = Stage(connection, table, layout, _recognition(layout, sheet, headings))
    stage.create()
    _insert(stage, columns, sheet.first_column, headings.row)
    return stage.finish()


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """What the library cannot read is a damaged workbook."""
    try:
        yield
    except (fastexcel.FastExcelError, DamagedWorkbook) as error:
        raise unreadable(
            path,
            "工作簿已损坏或不完整，打不开",
            "核对能否用 Excel 或 WPS 打开，另存为 .xlsx 后重新交付",
        ) from error


def _columns(book: fastexcel.ExcelReader, sheet: _Sheet, headings: Headings) -> list[pa.Array]:
    """The columns of a sheet below its headings, as text."""
    places = [found.position - 1 - sheet.first_column for found in headings.columns]

    def load(kinds: dict[int, Kind]) -> pa.RecordBatch:
        # fastexcel counts columns from A.
        every: fastexcel.DTypeMap = {
            place + sheet.first_column: kinds.get(place, "boolean") for place in range(sheet.width)
        }
        return _load(book, sheet.name, every).to_arrow()

    return cells_as_seen(sheet.cells, sheet.errors, headings.row, places, load)


def _insert(stage: Stage, columns: Sequence[pa.Array], first_column: int, header_row: int) -> None:
    # A sheet has no fields too few or too many: cells without a heading stand beside the table.
    cells = [pa.nulls(len(columns[0]), pa.string())] * first_column + list(columns)
    rows = np.arange(header_row + 1, header_row + 1 + len(columns[0]))
    names = ["_row", *(f"f{place}" for place in range(len(cells)))]
    stage.insert_batch(pa.table([rows, *cells], names=names), len(cells))


def _open(path: Path) -> fastexcel.ExcelReader:
    data = path.read_bytes()
    if not data:
        raise unreadable(path, "文件是空的", "核对导出是否成功，重新交付")
    if data.startswith(OLE) and _ENCRYPTED in data:
        raise unreadable(path, "工作簿设了打开密码", "取消密码后重新交付")
    if not data.startswith((ZIP, OLE)):
        raise unreadable(
            path,
            f"内容是{signature_of(data) or '文本或网页'}，不是 Excel 工作簿",
            "用 Excel 或 WPS 打开，另存为 .xlsx 后重新交付",
        )
    if data.startswith(ZIP):
        refuse_far_cells(path, data)
    return fastexcel.read_excel(data)


def _load(
    book: fastexcel.ExcelReader, name: str, kinds: fastexcel.DType | fastexcel.DTypeMap
) -> fastexcel.ExcelSheet:
    """A sheet from its row 1, every column as one type; a cell of another type is null."""
    # With all types given, the sample that would guess them is not needed.
    return book.load_sheet(name, header_row=None, skip_rows=0, dtypes=kinds, schema_sample_rows=1)


def _text(book: fastexcel.ExcelReader, name: str) -> _Sheet:
    sheet = _load(book, name, "string")
    cells, errors = sheet.to_arrow_with_errors()
    columns = sheet.selected_columns
    return _Sheet(
        name=name,
        visible=sheet.visible == "visible",
        cells=cells,
        errors=tuple(errors.errors) if errors else (),
        first_column=columns[0].absolute_index if columns else 0,
    )


def _choose(path: Path, book: fastexcel.ExcelReader, layout: Layout) -> tuple[_Sheet, Headings]:
    """The sheet the layout means: the one it names, else the only one with its headings."""
    wanted = clean_title(layout.sheet or "")
    named = [name for name in book.sheet_names if wanted and clean_title(name) == wanted]
    found, seen = [], []
    candidates = named or book.sheet_names
    for name in candidates:
        sheet = _text(book, name)
        rows = sheet.rows(max(HEADING_ROWS, layout.header_row or 0))
        headings = find_headings(rows, layout)
        if headings is not None:
            found.append((sheet, headings))
        elif rows:
            seen.append((name, rows))
    if not found:
        name, rows = seen[0] if seen else (next(iter(candidates), ""), [])
        raise no_headings(path, f"工作表“{name}”的", rows, layout)
    best = _best(found)
    if len(best) > 1:
        names = "、".join(sheet.name for sheet, _ in best)
        raise unreadable(
            path,
            f"有 {len(best)} 张工作表都有这些列名（{names}），不知道该读哪一张",
            f"只保留要交付的一张，或把它命名为“{layout.sheet}”"
            if layout.sheet
            else "合并成一张工作表后重新交付",
        )
    sheet, headings = best[0]
    if not headings.complete:
        raise missing_columns(path, f"工作表“{sheet.name}”第 {headings.row} 行的表头", headings)
    return sheet, headings


def _best(found: Sequence[tuple[_Sheet, Headings]]) -> Sequence[tuple[_Sheet, Headings]]:
    """The visible sheets with the most headings and rows below them; of empty ones, the first."""
    shown = [each for each in found if each[0].visible] or found
    most = max(len(headings.columns) for _, headings in shown)
    best = [each for each in shown if len(each[1].columns) == most]
    return [each for each in best if each[0].cells.num_rows > each[1].row] or best[:1]


def _recognition(layout: Layout, sheet: _Sheet, headings: Headings) -> Recognition:
    return Recognition(
        form=layout.form,
        columns=headings.columns,
        missing=tuple(column.name for column in headings.missing),
        extra=headings.extra,
        header_row=headings.row,
        sheet=sheet.name,
    )
