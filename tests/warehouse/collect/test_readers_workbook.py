"""Workbooks: the sheet and its headings, cells as a person sees them, notes below, refusals in Chinese."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

import duckdb
import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.registry import read, recognise

# Each file is read into a temporary table of a connection of its own.
DATABASE = duckdb.connect()

LAYOUT = Layout(
    form="xlsx",
    columns=(
        LayoutColumn("resident_id", ("身份证号", "公民身份号码"), required=True, key=True),
        LayoutColumn("name", ("姓名",), required=True),
        LayoutColumn("amount", ("月保障金额(元)",)),
        LayoutColumn("started_on", ("保障起始日期",)),
    ),
)
HEADER = ("身份证号", "姓名", "月保障金额（元）", "保障起始日期")

Row = tuple[int | str | None, ...]
Book = dict[str, Sequence[Sequence[object]]]


def write(path: Path, sheets: Book) -> Path:
    book = openpyxl.Workbook()
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.remove(book.worksheets[0])
    book.save(path)
    return path


def table_of(path: Path, layout: Layout = LAYOUT) -> tuple[Reading, list[Row]]:
    with DATABASE.cursor() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent)
        return reading, connection.execute("FROM t").fetchall()


def refusal(path: Path, layout: Layout = LAYOUT) -> str:
    with pytest.raises(UnreadableFile) as error:
        read(path, layout, DATABASE.cursor(), "t", spool=path.parent)
    return str(error.value)


def cells_as_read(path: Path, cells: Iterable[object]) -> list[str | None]:
    """What becomes of single cells; the key beside each makes its row a record."""
    layout = Layout("xlsx", (LayoutColumn("key", ("键",), key=True), LayoutColumn("cell", ("值",))))
    write(path, {"表": [("键", "值"), *((f"K{row}", cell) for row, cell in enumerate(cells))]})
    return [str(cell) if cell is not None else None for _, _, cell in table_of(path, layout)[1]]


def test_title_above_and_notes_below_are_not_data(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"] = "芝罘区最低生活保障名单"
    sheet.merge_cells("A1:E1")
    sheet["A2"] = "填报单位：芝罘区民政局"
    for row, cells in {
        4: ("序号", *HEADER),
        5: (1, "370602199001011234", "王芳", 680, date(2023, 5, 1)),
        7: (2, "370602199001011242", "李明", 720.5, date(2023, 6, 1)),
        8: (None, None, "赵缺", 700, date(2023, 6, 1)),
        9: ("合　计", None, None, 2100.5),
        11: ("注：1.本表由民政部门编制。",),
        12: ("\u00a0\u00a02.金额单位为元。",),
        13: (None, "制表人：", None, "审核人："),
    }.items():
        for column, cell in enumerate(cells, start=1):
            sheet.cell(row, column, cell)
    path = tmp_path / "最低生活保障.xlsx"
    book.save(path)
    reading, rows = table_of(path)
    assert rows == [
        (5, "370602199001011234", "王芳", "680", "2023-05-01"),
        (7, "370602199001011242", "李明", "720.5", "2023-06-01"),
        (8, None, "赵缺", "700", "2023-06-01"),
    ]
    assert [each.row for each in reading.set_aside] == [9, 11, 12, 13]
    assert "合计" in reading.set_aside[0].reason
    found = reading.recognition
    assert (found.sheet, found.header_row, found.extra, found.missing) == ("Sheet", 4, ("序号",), ())
    assert [column.position for column in found.columns] == [2, 3, 4, 5]
    assert recognise(path, LAYOUT) == found


def test_a_sparse_row_between_records_is_a_record(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.xlsx",
        {"表": [HEADER, (None, "王芳"), ("1", "李明", 1, "2"), (None, "赵六", 3), (None, "见附件")]},
    )
    reading, rows = table_of(path)
    assert [row[0] for row in rows] == [2, 3]
    assert [each.row for each in reading.set_aside] == [4, 5]


def test_the_lines_of_a_note_are_notes_though_they_stand_in_the_key_column(tmp_path: Path) -> None:
    record = ("370602199001011234", "甲", 1, "2")
    notes = [("注：1.本表按月编制。",), ("2.金额单位为元。",), ("3.其他。",)]
    path = write(tmp_path / "x.xlsx", {"表": [HEADER, record, ("370602199001011242",), *notes]})
    reading, rows = table_of(path)
    assert [row[0] for row in rows] == [2, 3]
    assert [each.row for each in reading.set_aside] == [4, 5, 6]


def test_a_row_number_alone_is_no_record(tmp_path: Path) -> None:
    path = write(tmp_path / "x.xlsx", {"表": [("序号", *HEADER), (1, "1", "甲", 1, "2"), (2,), (3,)]})
    reading, rows = table_of(path)
    assert [row[0] for row in rows] == [2]
    assert [(each.row, each.reason) for each in reading.set_aside] == [
        (3, "数据标准中的各列都没有内容"),
        (4, "数据标准中的各列都没有内容"),
    ]


@pytest.mark.parametrize(
    ("cell", "seen"),
    [
        (5, "5"),
        (-3.0, "-3"),
        (680.5, "680.5"),
        (0.1 + 0.2, "0.3"),
        (37.123456789012, "37.123456789012"),
        (1e-7, "1E-07"),
        (13800000000, "13800000000"),
        (370602001001, "370602001001"),
        (2**53, "9007199254740992"),
        # 18 digits do not fit into a cell's number: what is lost shows, and no digit is made up.
        (370602199001011234, "3.70602199001011E+17"),
        (True, "TRUE"),
        (False, "FALSE"),
        (date(1990, 1, 2), "1990-01-02"),
        (datetime(1990, 1, 2, 3, 4, 5), "1990-01-02 03:04:05"),
        (datetime(1990, 1, 2, 0, 0, 1), "1990-01-02 00:00:01"),
        (time(8, 30), "08:30:00"),
        ("#N/A", "#N/A"),
        ("#DIV/0!", "#DIV/0!"),
        ("", None),
        (None, None),
    ],
)
def test_a_cell_reads_as_a_person_sees_it(tmp_path: Path, cell: object, seen: str | None) -> None:
    # Alone, and among text, which fastexcel would otherwise make of the whole column.
    assert cells_as_read(tmp_path / "x.xlsx", [cell]) == [seen]
    assert cells_as_read(tmp_path / "x.xlsx", ["中", cell, "007"]) == ["中", seen, "007"]


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="_\ufffe\uffff"), max_size=8),
    st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,12})?", fullmatch=True),
    st.sampled_from(["true", "TRUE", "1990-01-02 00:00:00", "1899-12-31 08:00:00", "PT5H", "1E+17", " x "]),
)


@settings(max_examples=40, deadline=None)
@given(
    cells=st.lists(st.one_of(TEXTS, st.integers(-(10**15), 10**15), st.booleans(), st.dates()), max_size=30)
)
def test_text_stays_as_typed_whatever_stands_beside_it(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str | int | bool | date]
) -> None:
    path = tmp_path_factory.mktemp("cells") / "x.xlsx"
    layout = Layout("xlsx", (LayoutColumn("key", ("键",), key=True), LayoutColumn("cell", ("值",))))
    # xlsxwriter, because openpyxl makes formulas and errors of text that looks like them.
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet("表")
        sheet.write_row(0, 0, ["键", "值"])
        dates = book.add_format({"num_format": "yyyy-mm-dd"})
        for row, cell in enumerate(cells, start=1):
            sheet.write_string(row, 0, f"K{row}")
            if isinstance(cell, str):
                sheet.write_string(row, 1, cell)
            elif isinstance(cell, date):
                # Excel knows no day before 1900.
                sheet.write_datetime(row, 1, max(cell, date(1900, 3, 1)), dates)
            else:
                sheet.write(row, 1, cell)
    seen = {True: "TRUE", False: "FALSE"}
    expected = [
        cell or None
        if isinstance(cell, str)
        else seen[cell]
        if isinstance(cell, bool)
        else max(cell, date(1900, 3, 1)).isoformat()
        if isinstance(cell, date)
        else str(cell)
        for cell in cells
    ]
    assert [cell for _, _, cell in table_of(path, layout)[1]] == expected


def test_a_table_may_begin_anywhere_on_its_sheet(tmp_path: Path) -> None:
    blank = [None, None]
    path = write(tmp_path / "x.xlsx", {"表": [(), (), (*blank, *HEADER), (), (*blank, "1", "甲", 2, "3")]})
    reading, rows = table_of(path)
    assert rows == [(5, "1", "甲", "2", "3")]
    assert [column.position for column in reading.recognition.columns] == [3, 4, 5, 6]


def test_the_sheet_is_the_one_named_or_else_the_one_with_the_headings(tmp_path: Path) -> None:
    other = [("说明",), ("本工作簿用于报送",)]
    path = write(
        tmp_path / "x.xlsx", {"说明": other, "低保 名单": [HEADER, ("1", "甲", 2, "3")], "空": [HEADER]}
    )
    assert table_of(path)[0].recognition.sheet == "低保 名单"
    assert table_of(path, replace(LAYOUT, sheet="低保名单"))[0].recognition.sheet == "低保 名单"
    assert table_of(path, replace(LAYOUT, sheet="Sheet1"))[0].recognition.sheet == "低保 名单"
    assert table_of(path, replace(LAYOUT, sheet="空"))[1] == []
    assert "工作表“说明”的前 50 行里找不到表头" in refusal(path, replace(LAYOUT, sheet="说明"))


def test_two_sheets_with_the_same_headings_are_refused(tmp_path: Path) -> None:
    rows = [HEADER, ("1", "甲", 2, "3")]
    path = write(tmp_path / "x.xlsx", {"一月": rows, "二月": rows})
    assert "有 2 张工作表都有这些列名（一月、二月）" in refusal(path)
    assert table_of(path, replace(LAYOUT, sheet="二月"))[0].recognition.sheet == "二月"


def test_a_hidden_sheet_gives_way_to_a_visible_one(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.xlsx", {"底稿": [HEADER, ("1", "甲", 2, "3")], "名单": [HEADER, ("4", "乙", 5, "6")]}
    )
    book = openpyxl.load_workbook(path)
    book["底稿"].sheet_state = "hidden"
    book.active = 1
    book.save(path)
    assert table_of(path)[1] == [(2, "4", "乙", "5", "6")]


def test_the_name_of_the_file_does_not_decide(tmp_path: Path) -> None:
    path = write(tmp_path / "x.xlsx", {"表": [HEADER, ("1", "甲", 2, "3")]}).rename(tmp_path / "低保.xls")
    assert table_of(path)[1] == [(2, "1", "甲", "2", "3")]


def test_missing_headings_are_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.xlsx", {"名单": [("标题",), ("姓名", "保障起始日期", "备注"), ("甲", "1", "2")]}
    )
    message = refusal(path)
    assert "工作表“名单”第 2 行的表头缺少必需的列 “身份证号”或“公民身份号码”" in message
    assert "另有不认识的列：备注" in message


def test_a_cell_far_out_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "x.xlsx", {"表": [HEADER, ("1", "甲", 2, "3")]})
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    # Formatted, but empty: that is harmless, and common.
    sheet["XFD1048576"].number_format = "@"
    book.save(path)
    assert table_of(path)[0].rows == 1
    sheet["XFD1048576"] = "x"
    book.save(path)
    assert "很远的单元格 XFD1048576 里也有内容" in refusal(path)


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[str], Path]:
    """Files that are no workbooks, by what is wrong with them."""
    good = write(tmp_path / "good.xlsx", {"表": [HEADER, ("1", "甲", 2, "3")]})

    def make(what: str) -> Path:
        path = tmp_path / "低保.xlsx"
        data = good.read_bytes()
        with zipfile.ZipFile(good) as archive:
            inside = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 100
        contents = {
            "empty": b"",
            "text": "身份证号,姓名\n1,甲\n".encode(),
            "html": b"<html><table><tr><td>1</td></tr></table></html>",
            "pdf": b"%PDF-1.7\n",
            "cut": data[: len(data) // 2],
            "flipped": data[:inside] + bytes(100) + data[inside + 100 :],
            "encrypted": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "old": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000),
        }
        if what == "archive":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("readme.txt", "x")
        else:
            path.write_bytes(contents[what])
        return path

    return make


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("empty", "文件是空的"),
        ("text", "内容是文本或网页，不是 Excel 工作簿"),
        ("html", "内容是文本或网页，不是 Excel 工作簿"),
        ("pdf", "内容是PDF 文件，不是 Excel 工作簿"),
        ("cut", "工作簿已损坏或不完整"),
        ("flipped", "工作簿已损坏或不完整"),
        ("archive", "工作簿已损坏或不完整"),
        ("old", "工作簿已损坏或不完整"),
        ("encrypted", "工作簿设了打开密码"),
    ],
)
def test_what_is_no_workbook_is_refused_with_the_reason(
    broken: Callable[[str], Path], what: str, said: str
) -> None:
    message = refusal(broken(what))
    assert message.startswith(f"文件“低保.xlsx”：{said}")
    assert "请" in message


def test_an_empty_workbook_has_no_headings(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    openpyxl.Workbook().save(path)
    assert "看到的都是空行" in refusal(path)
