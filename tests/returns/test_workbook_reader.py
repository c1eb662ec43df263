"""Workbooks that come back, in every state in which people send them."""

import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter

from returns.workbook import reader
from returns.workbook.errors import WorkbookError
from returns.workbook.model import ReturnSheet, SheetColumn, WorkbookProperties
from returns.workbook.reader import open_workbook
from returns.workbook.writer import write_workbook
from warehouse.collect.readers.sheets.guards import xlsx_guard

COLUMNS = {"工单号": "ticket", "处理结果": "answer", "更正值": "correction"}
IDENTITY = {"batch": "2025-08-01", "unit_code": "370602001", "package": "甲/乙"}


def saved(folder: Path, cells: dict[str, object], sheet: str = "工单") -> Path:
    """A workbook as another program writes it."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for place, value in cells.items():
        page[place] = value
    path = folder / "交回.xlsx"
    book.save(path)
    return path


def sent_out(folder: Path, rows: int = 3) -> Path:
    frame = pl.DataFrame(
        {
            "ticket": [f"T{n}" for n in range(rows)],
            "answer": pl.Series([None] * rows, dtype=pl.String),
            "correction": pl.Series([None] * rows, dtype=pl.String),
        }
    )
    columns = tuple(
        SheetColumn(name, title, 16, editable=name != "ticket") for title, name in COLUMNS.items()
    )
    path = folder / "下发.xlsx"
    properties = WorkbookProperties("待核对", "示例", datetime(2025, 8, 1), IDENTITY)
    write_workbook(path, [ReturnSheet("工单", columns, frame, heading="待核对")], properties)
    return path


def header(**more: object) -> dict[str, object]:
    return {"A1": "工单号", "B1": "处理结果", "C1": "更正值", **more}


def test_answers_come_back_with_the_row_numbers_a_person_sees(tmp_path: Path) -> None:
    path = sent_out(tmp_path)
    book = openpyxl.load_workbook(path)
    book["工单"]["B4"] = "采纳建议"
    book.save(path)
    back = open_workbook(path).read_sheet("工单", COLUMNS)
    assert back.schema == {"_row": pl.Int64} | dict.fromkeys(COLUMNS.values(), pl.String)
    assert back.rows() == [
        (3, "T0", None, None),
        (4, "T1", "采纳建议", None),
        (5, "T2", None, None),
    ]


def test_identity_survives_saving_in_another_program(tmp_path: Path) -> None:
    path = sent_out(tmp_path)
    assert open_workbook(path).read_identity() == IDENTITY
    book = openpyxl.load_workbook(path)
    book["_zhenjie"].sheet_state = "hidden"  # as LibreOffice keeps it
    book.save(path)
    assert open_workbook(path).read_identity() == IDENTITY


@given(
    order=st.permutations(list(COLUMNS)),
    top=st.integers(1, 8),
    left=st.integers(1, 30),
    rows=st.permutations(range(4)),
)
@settings(max_examples=30, deadline=None)
def test_moved_columns_and_sorted_rows_are_found(
    tmp_path_factory: pytest.TempPathFactory,
    order: list[str],
    top: int,
    left: int,
    rows: list[int],
) -> None:
    cells: dict[str, object] = {}
    for index, title in enumerate(order):
        letter = get_column_letter(left + index)
        cells[f"{letter}{top}"] = title
        cells |= {f"{letter}{top + 1 + at}": f"{title}{row}" for at, row in enumerate(rows)}
    path = saved(tmp_path_factory.mktemp("moved"), cells)
    back = open_workbook(path).read_sheet("工单", COLUMNS)
    assert back.rows() == [
        (top + 1 + at, f"工单号{row}", f"处理结果{row}", f"更正值{row}") for at, row in enumerate(rows)
    ]


def test_lines_above_blank_rows_and_broken_titles_do_not_matter(tmp_path: Path) -> None:
    cells = {
        "B2": "请填写处理结果",
        "A4": "工单号 ",
        "B4": "处理\n结果",
        "C4": "\u3000更正值",
        "D4": "别的",
        "A7": "T1",
        "D8": "只有别的列",
        "A9": "T2",
    }
    back = open_workbook(saved(tmp_path, cells)).read_sheet("工单", COLUMNS)
    assert back.select("_row", "ticket").rows() == [(7, "T1"), (9, "T2")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12.0, "12"),
        (12.5, "12.5"),
        (0.1, "0.1"),
        (13800000000, "13800000000"),
        (123456789012345, "123456789012345"),
        (date(2025, 8, 1), "2025-08-01"),
        (datetime(2025, 8, 1, 10, 20, 30), "2025-08-01 10:20:30"),
        ("  采纳建议\u3000", "采纳建议"),
        ("一\r\n二", "一\n二"),
        ("0012", "0012"),
        ("12.0", "12.0"),
        ("NULL", "NULL"),
        ("#N/A", None),
        (" \u3000\u200b ", None),
    ],
)
def test_every_value_is_clean_text(tmp_path: Path, value: object, expected: str | None) -> None:
    path = saved(tmp_path, header(A2="T1", C2=value))
    back = open_workbook(path).read_sheet("工单", COLUMNS)
    assert back.rows() == [(2, "T1", None, expected)]


def test_of_a_formula_the_result_counts(tmp_path: Path) -> None:
    path = tmp_path / "formula.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet("工单")
        page.write_row(0, 0, list(COLUMNS))
        page.write_formula(1, 0, '="T"&1', None, "T1")
        page.write_formula(1, 2, "=6*7", None, 42)
    assert open_workbook(path).read_sheet("工单", COLUMNS).rows() == [(2, "T1", None, "42")]


def test_an_optional_column_may_be_missing(tmp_path: Path) -> None:
    path = saved(tmp_path, {"A1": "工单号", "B1": "处理结果", "A2": "T1", "B2": "更正为"})
    back = open_workbook(path).read_sheet("工单", COLUMNS, frozenset({"更正值"}))
    assert back.rows() == [(2, "T1", "更正为", None)]


def test_a_header_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    back = open_workbook(saved(tmp_path, header())).read_sheet("工单", COLUMNS)
    assert back.height == 0
    assert back.columns == ["_row", *COLUMNS.values()]


@pytest.mark.parametrize(
    ("cells", "sheet", "words"),
    [
        (header(), "别的表", ["交回.xlsx", "“工单”", "现有：别的表", "改回原来的名称"]),
        ({"A1": "工单号", "B1": "处理结果"}, "工单", ["交回.xlsx", "“工单”", "找不到表头“更正值”"]),
        ({}, "工单", ["找不到表头“工单号”“处理结果”“更正值”"]),
        (
            {"C2": "工单号", "D2": "处理结果", "E2": "更正值", "F2": "处理结果"},
            "工单",
            ["第 2 行", "多个表头“处理结果”", "D、F 列"],
        ),
    ],
)
def test_a_table_that_cannot_be_found_is_explained(
    tmp_path: Path, cells: dict[str, object], sheet: str, words: list[str]
) -> None:
    workbook = open_workbook(saved(tmp_path, cells, sheet))
    with pytest.raises(WorkbookError) as refusal:
        workbook.read_sheet("工单", COLUMNS)
    assert all(word in str(refusal.value) for word in words)


def test_a_workbook_of_others_has_no_identity(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=r"交回\.xlsx”不是平台下发的工作簿"):
        open_workbook(saved(tmp_path, header())).read_identity()


COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "不是 Excel 工作簿"),
        ("工单号,处理结果".encode("gbk"), "不是 Excel 工作簿"),
        (b"PK\x03\x04" + bytes(100), "不是 Excel 工作簿"),
        (COMPOUND, "旧格式（.xls）"),
        (COMPOUND + "EncryptedPackage".encode("utf-16-le"), "设有打开密码"),
    ],
)
def test_a_file_that_is_no_workbook_is_explained(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "交回.xlsx"
    path.write_bytes(content)
    with pytest.raises(WorkbookError, match=r"文件“交回\.xlsx”") as refusal:
        open_workbook(path)
    assert words in str(refusal.value)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_but_never_fails_otherwise(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = sent_out(tmp_path_factory.mktemp("damaged"))
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        workbook = open_workbook(path)
        workbook.read_identity()
        workbook.read_sheet("工单", COLUMNS)
    except WorkbookError as refusal:
        assert "下发.xlsx" in str(refusal)


def with_sheet_data(folder: Path, cells: str) -> Path:
    """A workbook whose sheet holds these cells, in whatever spelling."""
    path = saved(folder, header())
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    start = parts[name].index(b"<sheetData>")
    parts[name] = parts[name][:start] + f"<sheetData>{cells}</sheetData></worksheet>".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path


NEAR = '<row r="1"><c r="A1"><v>1</v></c></row>'


@pytest.mark.parametrize(
    "cells",
    [
        NEAR + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        NEAR + '<row r="1048576"><c r="XFD1048576" r="A1"><v>1</v></c></row>',
        NEAR + '<row r="1048576"><c s="0" r="XFD1048576"><v>1</v></c></row>',
        NEAR + "<row r='1048576'><c\n r = 'XFD1048576'><v>1</v></c></row>",
        NEAR + '<row r="1048576"><x:c r="XFD1048576"><v>1</v></x:c></row>',
        NEAR + '<row r="1048576"><c x=" r=\'A1\'" r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="XFD1"><v>1</v></c></row><row r="9999"><c r="A9999"><v>1</v></c></row>',
    ],
)
def test_a_cell_far_out_is_refused_before_it_takes_all_memory(tmp_path: Path, cells: str) -> None:
    with pytest.raises(WorkbookError, match="很远的行或列"):
        open_workbook(with_sheet_data(tmp_path, cells))


def test_cells_whose_place_is_not_said_are_counted(tmp_path: Path) -> None:
    cells = NEAR + '<row r="1048576">' + "<c><v>1</v></c>" * 19 + "</row>"
    with pytest.raises(WorkbookError, match="很远的行或列"):
        open_workbook(with_sheet_data(tmp_path, cells))


def test_a_stray_cell_at_a_bearable_distance_is_read_over(tmp_path: Path) -> None:
    path = saved(tmp_path, header(A2="T1", DZ9="x", A900="T2"))
    back = open_workbook(path).read_sheet("工单", COLUMNS)
    assert back.select("_row", "ticket").rows() == [(2, "T1"), (900, "T2")]


def test_a_file_that_unpacks_beyond_all_measure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_MAX_UNPACKED", 2**22)
    path = saved(tmp_path, header())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/more.xml", b"<row/>" * 2**20)
    with pytest.raises(WorkbookError, match="太大"):
        open_workbook(path)


def test_a_sheet_is_understood_across_the_pieces_it_is_looked_at_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_sheet_data(tmp_path, NEAR * 3 + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    for size in range(1, 60):
        monkeypatch.setattr(xlsx_guard, "_CHUNK", size)
        with pytest.raises(WorkbookError, match="很远的行或列"):
            open_workbook(path)


def test_text_that_looks_like_cells_does_not_disturb(tmp_path: Path) -> None:
    text = '<c r="XFD1048576"> a:c /:c> <sheetData> <c>'
    path = saved(tmp_path, header(A2="T1", C2=text))
    assert open_workbook(path).read_sheet("工单", COLUMNS)["correction"].to_list() == [text]


def test_the_ending_of_the_file_name_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "交回.XLSX.bak"
    path.write_bytes(saved(tmp_path, header(A2="T1")).read_bytes())
    assert open_workbook(path).read_sheet("工单", COLUMNS).height == 1
