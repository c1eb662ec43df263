"""Workbooks as people lay them out: headings in two rows, a sheet for each county, merged cells, the old XLS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import xlwt

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.registry import read

# Each file is read into a temporary table of a connection of its own.
DATABASE = duckdb.connect()

Row = tuple[object, ...]
COLUMNS = (
    LayoutColumn("name", ("姓名",), required=True),
    LayoutColumn("sex", ("性别",)),
    LayoutColumn("kind", ("证件类型", "类型")),
    LayoutColumn("number", ("证件-号码",), required=True, key=True),
)
LAYOUT = Layout("xlsx", COLUMNS)
DATA = [("甲", "男", "身份证", "1"), ("乙", "女", "护照", "2")]


def rows_of(path: Path, layout: Layout) -> tuple[Reading, list[Row]]:
    with DATABASE.cursor() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent)
        return reading, connection.execute("FROM t").fetchall()


def two_rows(sheet: Any) -> None:
    """基本信息 over 姓名 and 性别, 证件 over 类型 and 号码, a title over all, a number beside in both rows."""
    sheet.append(["人员名单"])
    sheet.append(["序号", "基本信息", None, "证件"])
    sheet.append([None, "姓名", "性别", "类型", "号码"])
    for number, row in enumerate(DATA, start=1):
        sheet.append([number, *row])
    sheet.append(["填表人：张三"])
    for area in ("A1:E1", "A2:A3", "B2:C2", "D2:E2", "A6:E6"):
        sheet.merge_cells(area)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "名单.xlsx"
    workbook = openpyxl.Workbook()
    two_rows(workbook.active)
    workbook.save(path)
    return path


def old_book(path: Path) -> Path:
    workbook = xlwt.Workbook(encoding="utf-8")
    sheet = workbook.add_sheet("名单")
    sheet.write_merge(0, 0, 0, 4, "人员名单")
    sheet.write_merge(1, 2, 0, 0, "序号")
    sheet.write_merge(1, 1, 1, 2, "基本信息")
    sheet.write_merge(1, 1, 3, 4, "证件")
    for place, text in enumerate(("姓名", "性别", "类型", "号码"), start=1):
        sheet.write(2, place, text)
    for row, cells in enumerate(DATA, start=3):
        for place, cell in enumerate((row - 2, *cells)):
            sheet.write(row, place, cell)
    workbook.save(str(path))
    return path


def test_headings_in_two_rows_are_found_by_either_name_or_both(book: Path) -> None:
    reading, rows = rows_of(book, LAYOUT)
    assert rows == [(4, *DATA[0]), (5, *DATA[1])]
    found = reading.recognition
    assert (found.header_row, found.header_rows, found.extra) == (3, 2, ("序号",))
    assert [(aside.row, aside.reason) for aside in reading.set_aside] == [(6, "说明文字，不是数据")]


def test_an_old_workbook_is_read_alike(tmp_path: Path) -> None:
    reading, rows = rows_of(old_book(tmp_path / "名单.xls"), LAYOUT)
    assert rows == [(4, *DATA[0]), (5, *DATA[1])]
    assert (reading.recognition.header_row, reading.recognition.header_rows) == (3, 2)


def test_dates_and_long_numbers_of_an_old_workbook_are_as_seen(tmp_path: Path) -> None:
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("a")
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for place, title in enumerate(("姓名", "证件号码", "性别")):
        sheet.write(0, place, title)
    sheet.write(1, 0, date(2026, 3, 2), day)
    sheet.write(1, 1, 370602001001)
    sheet.write(1, 2, 12.5)
    workbook.save(str(tmp_path / "a.xls"))
    layout = replace(LAYOUT, columns=(*COLUMNS[:2], replace(COLUMNS[3], titles=("证件号码",))))
    assert rows_of(tmp_path / "a.xls", layout)[1] == [(2, "2026-03-02", "12.5", "370602001001")]


@pytest.mark.parametrize("title", ["证件-号码", "证件号码", "号码", "证件 － 号码"])
def test_a_lower_heading_has_several_names(book: Path, title: str) -> None:
    layout = replace(LAYOUT, columns=(*COLUMNS[:3], replace(COLUMNS[3], titles=(title,))))
    assert [row[4] for row in rows_of(book, layout)[1]] == ["1", "2"]


def test_a_heading_below_two_others_is_none_alone(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (
        ["登记号", "男方", None, "女方"],
        [None, "姓名", "证号", "姓名", "证号"],
        ["1", "甲", "2", "乙", "3"],
    ):
        sheet.append(row)
    for area in ("A1:A2", "B1:C1", "D1:E1"):
        sheet.merge_cells(area)
    workbook.save(tmp_path / "a.xlsx")
    columns = [
        ("no", "登记号"),
        ("husband", "男方姓名"),
        ("wife", "女方姓名"),
        ("wife_id", "女方-证号"),
        ("name", "姓名"),
    ]
    layout = Layout("xlsx", tuple(LayoutColumn(name, (title,)) for name, title in columns))
    reading, rows = rows_of(tmp_path / "a.xlsx", layout)
    assert rows == [(3, "1", "甲", "乙", "3", None)]
    assert reading.recognition.extra == ("男方-证号",)


def test_the_text_above_several_columns_is_the_name_of_none_of_them(book: Path) -> None:
    layout = replace(LAYOUT, columns=(*COLUMNS[:2], LayoutColumn("paper", ("证件",), required=True)))
    with pytest.raises(UnreadableFile, match=r"缺少必需的列 “证件”.*几列都叫“证件”，分不清是哪一列"):
        rows_of(book, layout)


@pytest.fixture
def counties(tmp_path: Path) -> Callable[..., Path]:
    def build(**sheets: list[list[object]]) -> Path:
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.worksheets[0])
        for name, rows in sheets.items():
            sheet = workbook.create_sheet(name)
            for row in rows:
                sheet.append(row)
        workbook.save(tmp_path / "县.xlsx")
        return tmp_path / "县.xlsx"

    return build


def test_a_sheet_for_each_county_is_read_as_one(counties: Callable[..., Path]) -> None:
    path = counties(
        芝罘区=[["某表"], ["姓名", "证件号码"], ["甲", "1"], ["合计"]],
        说明=[["本表按区填报"]],
        福山区=[["证件号码", "姓名", "性别"], ["2", "乙", "女"]],
        空表=[],
        市本级=[["姓名", "证件号码"], ["丙", "3"]],
    )
    columns = (
        LayoutColumn("county", ("区",), from_sheet_name=True),
        *COLUMNS[:2],
        LayoutColumn("number", ("证件号码",), key=True, required=True),
    )
    reading, rows = rows_of(path, Layout("xlsx", columns, sheet="*"))
    assert rows == [
        (3, "芝罘区", "甲", None, "1", "芝罘区"),
        (2, "福山区", "乙", "女", "2", "福山区"),
        (2, "市本级", "丙", None, "3", "市本级"),
    ]
    assert [(aside.sheet, aside.row) for aside in reading.set_aside] == [("芝罘区", 4)]
    assert ("说明", "没有应有的表头，整张工作表未读取") in [(n.sheet, n.text) for n in reading.notes]
    assert rows_of(path, Layout("xlsx", columns, sheet="*区"))[0].rows == 2


def test_a_sheet_without_a_required_column_refuses_the_workbook(counties: Callable[..., Path]) -> None:
    path = counties(甲县=[["姓名", "证件号码"], ["甲", "1"]], 乙县=[["姓名", "性别"], ["乙", "女"]])
    columns = (*COLUMNS[:2], LayoutColumn("number", ("证件号码",), key=True, required=True))
    with pytest.raises(UnreadableFile, match="工作表“乙县”第 1 行的表头缺少必需的列 “证件号码”"):
        rows_of(path, Layout("xlsx", columns, sheet="*县"))


def test_a_pattern_that_no_sheet_fits_is_told(counties: Callable[..., Path]) -> None:
    path = counties(甲县=[["姓名", "证件号码"], ["甲", "1"]])
    with pytest.raises(UnreadableFile, match="没有名称符合“20\\*”的工作表，只有：甲县"):
        rows_of(path, Layout("xlsx", COLUMNS, sheet="20*"))


def test_merged_cells_stay_empty_below_unless_the_contract_repeats_them(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (["县", "镇", "备注"], ["甲县", "一镇", "x"], [None, "二镇", None], ["乙县", "三镇", None]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("C2:C3")
    workbook.save(tmp_path / "a.xlsx")
    columns = (
        LayoutColumn("county", ("县",), repeats_merged=True),
        LayoutColumn("town", ("镇",), key=True),
        LayoutColumn("note", ("备注",)),
    )
    assert rows_of(tmp_path / "a.xlsx", Layout("xlsx", columns))[1] == [
        (2, "甲县", "一镇", "x"),
        (3, "甲县", "二镇", None),
        (4, "乙县", "三镇", None),
    ]
