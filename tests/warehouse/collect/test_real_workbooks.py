"""Workbooks as they are published, with contracts for them: every row comes out, held against openpyxl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from schemas.codes import CodeLibrary
from schemas.contract.library import load_library
from schemas.contract.odcs import read_contract
from schemas.lint import lint
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers.layout import Reading
from warehouse.collect.readers.registry import read

DATA = Path(__file__).parents[2] / "data"
UNIVERSITIES = DATA / "universities"
CHANGES = DATA / "township_changes"


def rows_of(folder: Path, spool: Path) -> tuple[Reading, list[tuple[object, ...]]]:
    (file,) = (folder / "contracts").iterdir()
    (path,) = folder.glob("*.xlsx")
    contract = read_contract(file)
    layout = layout_of(contract, contract.deliveries[0])
    with duckdb.connect() as connection:
        reading = read(path, layout, connection, "t", spool=spool)
        columns = ", ".join(column.name for column in contract.columns)
        return reading, connection.execute(f"SELECT _sheet, _row, {columns} FROM t").fetchall()


def seen(sheet: Worksheet, repeated: range, first: int) -> Iterator[tuple[int, list[str | None]]]:
    """The rows of a sheet from `first` on as openpyxl has them, merged cells of some columns repeated downwards."""
    cells = {(c.row, c.column): c.value for row in sheet.iter_rows() for c in row if c.value is not None}
    for area in sheet.merged_cells.ranges:
        if area.min_col in repeated and area.min_row >= first:
            for row in range(area.min_row, area.max_row + 1):
                cells[row, area.min_col] = cells.get((area.min_row, area.min_col))
    for row in range(first, sheet.max_row + 1):
        values = [cells.get((row, column)) for column in range(1, 9)]
        yield row, [None if value is None else str(value) for value in values]


def test_the_contracts_lint_clean() -> None:
    library = load_library([UNIVERSITIES / "contracts", CHANGES / "contracts"])
    assert [str(problem) for problem in lint(library, CodeLibrary())] == []


def test_a_list_over_thirteen_sheets_is_one_dataset(tmp_path: Path) -> None:
    path = UNIVERSITIES / "高校名单_20260302.xlsx"
    reading, rows = rows_of(UNIVERSITIES, tmp_path)
    expected = []
    for sheet in openpyxl.load_workbook(path):
        for row, cells in seen(sheet, range(0), 2):
            expected.append((sheet.title, row, *cells[1:7], sheet.title))
    assert rows == expected
    assert len(rows) == 12 * 11
    # Twelve sheets number their rows in a column without a heading.
    (note,) = reading.notes
    assert note.text.startswith("第 1 列（A 列）没有列名，有内容的行没有读取这一列（12 张工作表：")
    assert reading.recognition.sheet is not None and "其他类" not in reading.recognition.sheet


def test_merged_cells_are_repeated_over_their_rows_and_nowhere_else(tmp_path: Path) -> None:
    path = CHANGES / "区划代码变更_20260302.xlsx"
    reading, rows = rows_of(CHANGES, tmp_path)
    expected = []
    for sheet, first in zip(openpyxl.load_workbook(path), (5, 4, 6), strict=True):
        for row, cells in seen(sheet, range(2, 9), first):
            # In 2015 there is no column 省份; below the data stand two notes.
            cells = [cells[0], None, *cells[1:7]] if sheet.title == "2015" else cells
            if any(cells) and not (sheet.title == "2018" and row > 502):
                expected.append((sheet.title, row, sheet.title, *cells))
    assert rows == expected
    assert {(aside.sheet, aside.row) for aside in reading.set_aside} == {("2018", 503), ("2018", 504)}
    # Most rows of these sheets are filtered out (counted with openpyxl, as far as they hold anything).
    hidden = "是隐藏或被筛选掉的行，也读取了；不应交付的，请删除后重新交付"
    assert [(note.sheet, note.text, note.count) for note in reading.notes] == [
        ("2023", hidden, 101),
        ("2018", hidden, 494),
        ("2015", hidden, 109),
        ("2015", "没有其他工作表里有的列：省份", 1),
    ]
