"""Habits of programs and of people that write tables: nothing of them is read as a value without a word."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading
from warehouse.collect.readers.registry import read

COLUMNS = (
    LayoutColumn("no", ("编号",), required=True, key=True),
    LayoutColumn("name", ("姓名",)),
    LayoutColumn("sum", ("金额",), measured=True),
    LayoutColumn("day", ("日期",), measured=True, dated=True),
)
HEAD = "编号,姓名,金额,日期\n"
ROW = ("A1", "张三", "10", "2020-01-02")

Rows = list[tuple[object, ...]]


def table_of(path: Path, layout: Layout) -> tuple[Reading, Rows]:
    with duckdb.connect() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent / "spool")
        return reading, [row[1:] for row in connection.execute("FROM t").fetchall()]


def text_of(tmp_path: Path, text: str) -> tuple[Reading, Rows]:
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    return table_of(path, Layout("csv", COLUMNS))


@pytest.mark.parametrize(
    "below",
    [
        "\n(1 rows affected)\n",
        "\n已选择 1 行。\n",
        "\n(1 行受影响)\n",
        "共 1 条记录\n",
        "\n1 rows selected.\n",
        "* 含高新区\n",
        "按年报数。\n",
    ],
)
def test_what_stands_below_a_result_is_no_record(tmp_path: Path, below: str) -> None:
    reading, rows = text_of(tmp_path, HEAD + ",".join(ROW) + "\n" + below)
    if "rows selected" in below:
        # A key may begin with a digit: read, and remarked for its missing fields.
        assert [note.rows for note in reading.notes] == [(4,)]
        return
    assert rows == [ROW]
    assert len(reading.set_aside) == 1


def test_a_line_below_the_headings_is_no_record(tmp_path: Path) -> None:
    reading, rows = text_of(
        tmp_path, "编号\t姓名\t金额\t日期\n----\t----\t----\t----\n" + "\t".join(ROW) + "\n"
    )
    assert rows == [ROW]
    assert [each.row for each in reading.set_aside] == [2]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('="0012"', "等号或单引号"),
        ("'370602198001010011", "等号或单引号"),
        ("张&nbsp;三", "网页的转义符"),
        ("李&#22235;", "网页的转义符"),
    ],
)
def test_what_a_program_put_around_a_text_is_remarked(tmp_path: Path, value: str, said: str) -> None:
    reading, rows = text_of(tmp_path, f"{HEAD}A1,{value},10,2020-01-02\n")
    assert rows[0][1] == value
    assert [(note.rows, "“姓名”" in note.text and said in note.text) for note in reading.notes] == [
        ((2,), True)
    ]


NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"


def raw_workbook(
    path: Path, data: str, shared: str = "", namespace: str = NAMESPACE, state: str = ""
) -> None:
    """A workbook of one sheet with this markup."""
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" '
        f'ContentType="{types}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" '
        f'Type="{kinds}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{namespace}" xmlns:r="{kinds}"><sheets>'
        f'<sheet name="s" sheetId="1" {state} r:id="a"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" '
        f'Type="{kinds}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="b" '
        f'Type="{kinds}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{namespace}"><sheetData>{data}</sheetData></worksheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{namespace}">{shared}</sst>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def row_of(*cells: str, place: str = "") -> str:
    return f"<row{place}>{''.join(cells)}</row>"


def inline(text: str) -> str:
    return f'<c t="inlineStr"><is><t>{text}</t></is></c>'


TITLES = row_of(*map(inline, ("编号", "姓名", "金额", "日期")))


@pytest.mark.parametrize("namespace", [NAMESPACE, STRICT])
def test_cells_without_places_shared_texts_in_fonts_and_dates_as_text(tmp_path: Path, namespace: str) -> None:
    """As POI writes in a stream, and as East Asian editions do: how a text is pronounced is none of it."""
    shared = (
        "<si><r><t>A</t></r><r><rPr><b/></rPr><t>1</t></r></si>"
        '<si><t>张三</t><rPh sb="0" eb="1"><t>チョウ</t></rPh><phoneticPr fontId="1"/></si>'
    )
    cells = (
        '<c t="s"><v>0</v></c>',
        '<c t="s"><v>1</v></c>',
        "<c><v>10</v></c>",
        '<c t="d"><v>2020-01-02T00:00:00</v></c>',
    )
    raw_workbook(tmp_path / "x.xlsx", TITLES + row_of(*cells), shared, namespace)
    _, rows = table_of(tmp_path / "x.xlsx", Layout("xlsx", COLUMNS))
    assert rows == [ROW]


def test_a_workbook_with_one_hidden_sheet_is_remarked(tmp_path: Path) -> None:
    raw_workbook(tmp_path / "x.xlsx", TITLES + row_of(*map(inline, ROW)), state='state="veryHidden"')
    reading, rows = table_of(tmp_path / "x.xlsx", Layout("xlsx", COLUMNS))
    assert rows == [ROW]
    assert [note.text for note in reading.notes] == ["工作表“s”是隐藏的，也读取了"]


def test_numbers_are_those_that_another_reader_finds(tmp_path: Path) -> None:
    values = [1, -1, 0.01, 123456.78, 1e15, 1 / 3, 1e-10, 2**31, 0.1 + 0.2, 99999999.99]
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [
        ("编号", "姓名", "金额", "日期"),
        *((f"A{n}", None, value) for n, value in enumerate(values)),
    ]:
        sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    _, rows = table_of(tmp_path / "x.xlsx", Layout("xlsx", COLUMNS))
    _, *others = CalamineWorkbook.from_path(str(tmp_path / "x.xlsx")).get_sheet_by_index(0).to_python()
    for ours, theirs in zip(rows, others, strict=True):
        # A spreadsheet shows fifteen digits.
        assert float(str(ours[2])) == float(f"{float(str(theirs[2])):.15g}")


def test_what_stands_behind_the_end_of_a_text_of_a_dbf_is_remarked(tmp_path: Path) -> None:
    fields = b"".join(
        struct.pack("<11sc4xBB14x", name, b"C", size, 0) for name, size in ((b"NO", 4), (b"T", 8))
    )
    record = b" A1  " + "甲".encode("gbk") + b"\0garb\0"
    head = struct.pack("<B3BIHH20x", 0x03, 26, 3, 2, 1, 32 + len(fields) + 1, len(record))
    (tmp_path / "x.dbf").write_bytes(head + fields + b"\r" + record + b"\x1a")
    layout = Layout("dbf", (LayoutColumn("no", ("NO",), key=True), LayoutColumn("t", ("T",))))
    reading, _ = table_of(tmp_path / "x.dbf", layout)
    assert [(note.rows, "控制字符" in note.text) for note in reading.notes] == [((1,), True)]


def yearbook(path: Path, rows: Sequence[Sequence[object]], merged: Sequence[str]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for area in merged:
        sheet.merge_cells(area)
    held = io.BytesIO()
    book.save(held)
    path.write_bytes(held.getvalue())


def test_headings_that_stand_again_need_not_have_their_numbering_again(tmp_path: Path) -> None:
    heads = [("地区", "粮食产量", None), (None, None, "小麦")]
    rows = [*heads, ("甲", 1, 2), ("芝罘区", 5, 3), (), ("续表1",), *heads, ("福山区", 7, 4), ("* 含高新区",)]
    merged = ["A1:A2", "B1:B2", "A7:A8", "B7:B8"]
    yearbook(tmp_path / "x.xlsx", rows, merged)
    columns = (
        LayoutColumn("area", ("地区",), required=True, key=True),
        LayoutColumn("grain", ("粮食产量",), measured=True),
        LayoutColumn("wheat", ("小麦",), measured=True),
    )
    reading, found = table_of(tmp_path / "x.xlsx", Layout("xlsx", columns))
    assert found == [("芝罘区", "5", "3"), ("福山区", "7", "4")]
    assert ["栏次编号" in note.text for note in reading.notes] == [True]
    assert [each.row for each in reading.set_aside] == [6, 7, 8, 10]
