"""Small faults of delivered files that would change or hide a value: each is told of."""

from __future__ import annotations

from pathlib import Path

import duckdb
import openpyxl
import pytest

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading
from warehouse.collect.readers.registry import read

COLUMNS = (
    LayoutColumn("code", ("编号",), required=True, key=True),
    LayoutColumn("name", ("姓名",)),
    LayoutColumn("town", ("镇街",)),
)


def rows_of(path: Path, form: str) -> tuple[Reading, list[tuple[object, ...]]]:
    with duckdb.connect() as connection:
        reading = read(path, Layout(form, COLUMNS), connection, "t", spool=path.parent)
        return reading, connection.execute("SELECT _row, code, name, town FROM t ORDER BY _row").fetchall()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('编号,姓名,镇街\n1,"张"三",甲\n2,李,"乙"镇"\n', 2),
        # A quote in a field without quotes is text, and doubled ones are in order: nothing to tell, though a lone
        # carriage return leads the same way.
        ('编号,姓名,镇街\n1,张"三,甲\r2,"李""四",乙\n', 0),
    ],
)
def test_quotes_that_are_not_in_order_are_told(text: str, lines: int, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8", newline="")
    reading, rows = rows_of(path, "csv")
    assert len(rows) == 2
    told = [note.count for note in reading.notes if "双引号写法不规则" in note.text]
    assert told == ([lines] if lines else [])


def test_rows_with_a_field_too_many_at_the_front_are_no_notes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("编号,姓名,镇街\n,1,张三,甲\n,2,李四,乙\n", encoding="utf-8")
    reading, rows = rows_of(path, "csv")
    assert rows == [(2, None, "1", "张三"), (3, None, "2", "李四")]
    assert reading.set_aside == ()
    assert [note.rows for note in reading.notes if "字段比表头多" in note.text] == [(2, 3)]


def test_cells_merged_across_records_are_told_with_the_rows_that_go_without(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("编号", "姓名", "镇街"),
        ("1", "张", "甲"),
        ("2", "李", None),
        ("3", "王", "丙"),
        (None, None, "丁"),
    ):
        sheet.append(row)
    sheet.merge_cells("C2:C3")
    # Of a key, too: the record goes without it.
    sheet.merge_cells("A4:A5")
    book.save(tmp_path / "a.xlsx")
    reading, rows = rows_of(tmp_path / "a.xlsx", "xlsx")
    assert rows[:2] == [(2, "1", "张", "甲"), (3, "2", "李", None)]
    (note,) = [note for note in reading.notes if "合并" in note.text]
    assert "列“编号”“镇街”" in note.text
    assert note.rows == (3, 5)


def test_a_long_number_that_a_sheet_shortened_is_told_in_a_column_of_text(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    # A number of 19 digits in a cell that is no text: a spreadsheet keeps 15 of them.
    for row in (("编号", "姓名", "镇街"), ("1", "张", 6228480402564890018), ("2", "李", "甲")):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    reading, _ = rows_of(tmp_path / "a.xlsx", "xlsx")
    assert [(note.rows, note.text[:16]) for note in reading.notes] == [
        ((2,), "列“镇街”的长号码成了科学计数法")
    ]
