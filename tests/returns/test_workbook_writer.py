"""The written workbook, as openpyxl (and the XML itself) sees it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zipfile import ZipFile

import fastexcel
import openpyxl
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet

from returns.workbook import cells
from returns.workbook.layout import LINE_HEIGHT, ROW_PADDING, row_height
from returns.workbook.model import ReturnSheet, SheetColumn, TextSheet, WorkbookProperties
from returns.workbook.writer import write_workbook

ANSWERS = ("采纳建议", "更正为", "数据无误")
PROPERTIES = WorkbookProperties(
    title="待核对数据",
    author="示例机构",
    created=datetime(2025, 8, 1, 8, 0),
    identity={"batch": "2025-08-01", "unit_code": "370602001"},
)
COLUMNS = (
    SheetColumn("ticket", "工单号", 18),
    SheetColumn("resident_id", "证件号码", 22),
    SheetColumn("evidence", "依据", 30, wrap=True),
    SheetColumn("amount", "月保障金额", 12, kind="number"),
    SheetColumn("members", "人数", 8, kind="integer"),
    SheetColumn("since", "起始日期", 14, kind="date"),
    SheetColumn("answer", "处理结果", 14, editable=True, choices=ANSWERS),
    SheetColumn("correction", "更正值", 16, editable=True, note="选“更正为”时填写。"),
)
ROWS = pl.DataFrame(
    {
        "ticket": ["T1", "T2", "T3"],
        "resident_id": ["370602193001011234", None, "37060219300101123X"],
        "evidence": ["短", "长" * 40, "一\n二\n三"],
        "amount": [812.5, None, float("nan")],
        "members": [3, None, 0],
        "since": [date(2019, 5, 20), None, date(1899, 12, 31)],
        "answer": ["采纳建议", None, None],
        "correction": [None, None, None],
    },
    schema_overrides={"correction": pl.String},
)
TICKETS = ReturnSheet(
    "工单",
    COLUMNS,
    ROWS,
    heading="幸福街道 待核对数据",
    notes=("请填写黄色单元格。",),
    frozen_columns=1,
)
GUIDE = TextSheet("说明", "填写说明", ("一、逐行核对。", "二、保存后传回。"))


def written(folder: Path, *sheets: ReturnSheet | TextSheet) -> Path:
    path = folder / "工单.xlsx"
    write_workbook(path, sheets, PROPERTIES)
    return path


def part(path: Path, name: str) -> str:
    with ZipFile(path) as archive:
        return archive.read(name).decode()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("workbook"), TICKETS, GUIDE)


@pytest.fixture(scope="module")
def book(path: Path) -> Iterator[openpyxl.Workbook]:
    opened = openpyxl.load_workbook(path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def tickets(book: openpyxl.Workbook) -> Worksheet:
    return book["工单"]


def test_header_stands_below_heading_and_notes(tickets: Worksheet) -> None:
    assert tickets["A1"].value == "幸福街道 待核对数据"
    assert tickets["A2"].value == "请填写黄色单元格。"
    assert [c.value for c in tickets[3]] == [c.title for c in COLUMNS]
    assert TICKETS.header_row == 3
    assert tickets["A3"].font.bold


def test_header_stays_in_view_and_carries_the_filter(tickets: Worksheet) -> None:
    assert tickets.freeze_panes == "B4"
    assert tickets.auto_filter.ref == "A3:H6"
    assert tickets.dimensions == "A1:H6"


def test_texts_are_text_cells_in_text_format(tickets: Worksheet) -> None:
    cell = tickets["B4"]
    assert (cell.value, cell.data_type, cell.number_format) == ("370602193001011234", "s", "@")
    assert tickets["H4"].number_format == "@"


def test_numbers_and_dates_are_typed_cells(tickets: Worksheet) -> None:
    assert [tickets.cell(r, 4).value for r in (4, 5, 6)] == [812.5, None, None]
    assert [tickets.cell(r, 5).value for r in (4, 5, 6)] == [3, None, 0]
    assert tickets["F4"].value == datetime(2019, 5, 20)
    assert tickets["F5"].value is None


def test_a_date_that_a_cell_cannot_hold_is_text(tickets: Worksheet) -> None:
    assert tickets["F6"].value == "1899-12-31"


def test_number_stored_as_text_is_not_marked(path: Path) -> None:
    xml = part(path, "xl/worksheets/sheet1.xml")
    assert '<ignoredError sqref="A3:H6" numberStoredAsText="1"/>' in xml


def test_only_editable_cells_are_unlocked_and_tinted(tickets: Worksheet) -> None:
    for index, column in enumerate(COLUMNS, start=1):
        for row in (4, 6):
            cell = tickets.cell(row, index)
            assert cell.protection.locked is not column.editable
            assert (cell.fill.fill_type == "solid") is column.editable
    assert tickets["G3"].fill.fgColor.rgb != tickets["A3"].fill.fgColor.rgb


def test_protection_allows_filter_and_widths_without_a_password(tickets: Worksheet) -> None:
    protection = tickets.protection
    assert protection.sheet
    assert protection.password is None
    # In the file format, true means locked.
    assert not protection.autoFilter
    assert not protection.sort
    assert not protection.formatColumns
    assert not protection.formatRows
    assert not protection.selectLockedCells
    assert protection.insertRows
    assert protection.deleteColumns


def test_an_unprotected_sheet_can_be_sorted(tmp_path: Path) -> None:
    path = written(tmp_path, replace(TICKETS, protected=False))
    assert not openpyxl.load_workbook(path)["工单"].protection.sheet


def test_choices_are_a_drop_down_list_with_chinese_messages(
    book: openpyxl.Workbook, tickets: Worksheet
) -> None:
    lists = [v for v in tickets.data_validations.dataValidation if v.type == "list"]
    assert [str(v.sqref) for v in lists] == ["G4:G6"]
    assert lists[0].showErrorMessage
    assert "采纳建议、更正为、数据无误" in lists[0].error
    assert "箭头" in lists[0].prompt
    sheet, _, place = lists[0].formula1.partition("!")
    offered = [cell.value for (cell,) in book[sheet.strip("'")][place.replace("$", "")]]
    assert tuple(offered) == ANSWERS


def test_choices_may_be_many_and_hold_commas(tmp_path: Path) -> None:
    choices = tuple(f"第{n}村,甲" for n in range(100))
    columns = (replace(COLUMNS[6], choices=choices),)
    path = written(tmp_path, ReturnSheet("工单", columns, ROWS), ReturnSheet("再", columns, ROWS))
    book = openpyxl.load_workbook(path)
    for title in ("工单", "再"):
        (rule,) = book[title].data_validations.dataValidation
        place = rule.formula1.partition("!")[2].replace("$", "")
        assert tuple(cell.value for (cell,) in book["_zhenjie"][place]) == choices
        assert len(rule.error) == 255


def test_a_note_is_a_prompt_on_its_cells(tickets: Worksheet) -> None:
    rules = {str(v.sqref): v for v in tickets.data_validations.dataValidation}
    assert rules["H4:H6"].prompt == "选“更正为”时填写。"
    assert rules["H4:H6"].promptTitle == "更正值"


@pytest.mark.parametrize(
    ("kind", "expected"), [("integer", "whole"), ("number", "decimal"), ("date", "date")]
)
def test_typed_columns_to_fill_in_are_checked_while_typing(tmp_path: Path, kind: str, expected: str) -> None:
    column = SheetColumn("x", "数值", 10, kind=kind, editable=True)  # type: ignore[arg-type]
    path = written(tmp_path, ReturnSheet("表", (column,), pl.DataFrame({"x": [None]})))
    (rule,) = openpyxl.load_workbook(path)["表"].data_validations.dataValidation
    assert (rule.type, rule.operator) == (expected, None)
    assert "“数值”请填写" in rule.error


def test_widths_are_as_declared(tickets: Worksheet) -> None:
    # Excel adds 5 pixels of padding to 7 per character.
    assert tickets.column_dimensions["C"].width == pytest.approx(30 + 5 / 7, abs=0.01)


def test_rows_are_as_high_as_their_wrapped_text(tickets: Worksheet) -> None:
    # 40 Chinese characters are 80 half-width ones: three lines of 30.
    heights = [tickets.row_dimensions[r].height for r in (4, 5, 6)]
    assert heights == [24, 60, 60]


def test_prints_on_landscape_pages_with_repeated_header(tickets: Worksheet) -> None:
    assert tickets.page_setup.orientation == "landscape"
    assert tickets.page_setup.paperSize == 9
    assert tickets.sheet_properties.pageSetUpPr.fitToPage
    assert (tickets.page_setup.fitToWidth or 1, tickets.page_setup.fitToHeight) == (1, 0)
    assert tickets.print_title_rows == "$3:$3"


def test_text_sheet_holds_heading_and_paragraphs(book: openpyxl.Workbook) -> None:
    guide = book["说明"]
    assert [cell.value for (cell,) in guide["A1:A3"]] == [
        "填写说明",
        "一、逐行核对。",
        "二、保存后传回。",
    ]
    assert guide["A2"].alignment.wrap_text


def test_identity_sheet_cannot_be_seen(book: openpyxl.Workbook) -> None:
    assert book.sheetnames == ["工单", "说明", "_zhenjie"]
    assert book["_zhenjie"].sheet_state == "veryHidden"
    assert book.properties.created == datetime(2025, 8, 1, 8, 0)


def test_a_sheet_without_rows_keeps_header_and_filter(tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(written(tmp_path, replace(TICKETS, rows=ROWS.clear())))["工单"]
    assert [c.value for c in sheet[3]] == [c.title for c in COLUMNS]
    assert sheet.auto_filter.ref == "A3:H3"
    assert sheet.max_row == 3


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=HYPERLINK(0)", "＝1"])
def test_what_begins_like_a_formula_stays_text(tmp_path: Path, text: str) -> None:
    rows = ROWS.with_columns(pl.lit(text).alias("ticket"), pl.lit(text).alias("correction"))
    path = written(tmp_path, replace(TICKETS, rows=rows, heading=text, notes=(text,)))
    sheet = openpyxl.load_workbook(path)["工单"]
    for place in ("A1", "A2", "A4", "H4"):
        cell = sheet[place]
        # openpyxl itself reads a text that begins with = as a formula unless it is inline.
        assert cell.value == text
    assert "<f>" not in part(path, "xl/worksheets/sheet1.xml")


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.none() | st.text(), min_size=1, max_size=20))
@example(values=["_x0041_"])
@example(values=["_x0041_", "_x005F_x0041_", "a_x", "&lt;", "]]>", "\r\n", " \t", "\ufffe", "𠮷"])
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, values: list[str | None]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    column = SheetColumn("x", "文本", 10)
    rows = pl.DataFrame({"x": [*values, "end"]}, schema={"x": pl.String})
    path = written(folder, ReturnSheet("表", (column,), rows))
    no_characters = str.maketrans("\ufffe\uffff", "\ufffd\ufffd")
    expected = [value.translate(no_characters) if value else None for value in values] + ["end"]
    sheet = openpyxl.load_workbook(path)["表"]
    seen = [cell.value for (cell,) in sheet[f"A2:A{1 + len(expected)}"]]
    assert [v if v is None else unescape(v) for v in seen] == expected
    read = fastexcel.read_excel(path).load_sheet("表", dtypes="string").to_polars()
    assert read["文本"].to_list() == expected


def test_a_text_fills_a_cell_to_its_limit_and_is_cut_beyond_it(tmp_path: Path) -> None:
    texts = ["长" * 32_767, "长" * 32_768, "𠮷" * 16_383, "𠮷" * 16_384]
    rows = pl.DataFrame({"x": texts})
    path = written(tmp_path, ReturnSheet("表", (SheetColumn("x", "文本", 10),), rows))
    sheet = openpyxl.load_workbook(path)["表"]
    mark = "……（内容过长，此处截断）"
    assert [cell.value for (cell,) in sheet["A2:A5"]] == [
        texts[0],
        "长" * 16_000 + mark,
        texts[2],
        "𠮷" * 16_000 + mark,
    ]


def test_rows_keep_their_order_over_all_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "ROWS_AT_ONCE", 7)
    rows = pl.DataFrame({"n": range(23)})
    path = written(tmp_path, ReturnSheet("表", (SheetColumn("n", "序号", 8, kind="integer"),), rows))
    sheet = openpyxl.load_workbook(path)["表"]
    assert [(c.row, c.value) for (c,) in sheet["A2:A24"]] == [(n + 2, n) for n in range(23)]
    assert sheet.max_row == 24


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path, TICKETS, GUIDE).read_bytes()
    path = written(tmp_path, TICKETS, GUIDE)
    assert path.read_bytes() == first
    with ZipFile(path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_part_of_the_workbook_is_valid_xml(path: Path) -> None:
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            xml = archive.read(name)
            assert xml.startswith(b"<?xml")
            assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", xml)


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="distinct names"):
        write_workbook(tmp_path / "x.xlsx", [GUIDE, GUIDE], PROPERTIES)
    with pytest.raises(FileNotFoundError):
        write_workbook(tmp_path / "missing" / "x.xlsx", [GUIDE], PROPERTIES)
    assert not list(tmp_path.iterdir())


def test_more_rows_than_a_sheet_holds_are_refused() -> None:
    column = SheetColumn("n", "序号", 8, kind="integer")
    full = pl.DataFrame({"n": pl.int_range(1_048_575, eager=True)})
    assert ReturnSheet("表", (column,), full).rows.height == 1_048_575
    with pytest.raises(ValueError, match="a sheet holds 1,048,574 below its header"):
        ReturnSheet("表", (column,), full, heading="多一行")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": "  "}, "no title"),
        ({"choices": ("甲",)}, "only editable text"),
        ({"choices": ("甲",), "editable": True, "kind": "date"}, "only editable text"),
        ({"choices": ("甲", "甲"), "editable": True}, "distinct"),
        ({"choices": ("甲", " "), "editable": True}, "distinct"),
        ({"kind": "date", "wrap": True}, "only text wraps"),
        ({"note": "长" * 256}, "255"),
    ],
)
def test_a_column_that_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SheetColumn("x", "列", 10), **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": "长" * 32}, "cannot be the name"),
        ({"title": "工单/附表"}, "cannot be the name"),
        ({"columns": ()}, "no columns"),
        ({"columns": (COLUMNS[0], COLUMNS[0])}, "twice"),
        ({"columns": (SheetColumn("missing", "列", 10),)}, "lack column 'missing'"),
        ({"columns": (SheetColumn("amount", "列", 10),)}, "is text and needs String"),
        ({"columns": (SheetColumn("ticket", "列", 10, kind="date"),)}, "is date and needs Date"),
        ({"columns": (SheetColumn("amount", "列", 10, kind="integer"),)}, "integer type"),
        ({"columns": (SheetColumn("ticket", "列", 10, kind="number"),)}, "numeric type"),
    ],
)
def test_a_sheet_that_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TICKETS, **change)  # type: ignore[arg-type]


def test_a_hidden_column_is_there_but_folded_away(tmp_path: Path) -> None:
    sheet = ReturnSheet(
        "表",
        (SheetColumn("a", "甲", 10), SheetColumn("b", "乙", 10, hidden=True)),
        pl.DataFrame({"a": ["1"], "b": ["2"]}),
    )
    path = tmp_path / "hidden.xlsx"
    write_workbook(path, [sheet], PROPERTIES)
    written = openpyxl.load_workbook(path)["表"]
    assert [written.column_dimensions[letter].hidden for letter in "AB"] == [False, True]
    assert written["B2"].value == "2"


def test_a_number_that_moves_to_a_line_of_its_own_is_given_that_line() -> None:
    # 30 characters wide: behind 22 of Chinese the number of 16 does not fit and moves down with the rest.
    column = SheetColumn("evidence", "依据", 30, wrap=True)
    texts = ["卫生健康委死亡医学证明 3706852025000002，死亡日期 2025-01-04", "交付文件中填的是“不详”"]
    heights = pl.DataFrame({"evidence": texts}).select(row_height((column,))).to_series()
    assert heights.to_list() == [ROW_PADDING + 3 * LINE_HEIGHT, ROW_PADDING + LINE_HEIGHT]
