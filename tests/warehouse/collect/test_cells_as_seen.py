"""Cells of workbooks that other programs wrote: what a person sees in them, and nothing made up.

The values follow from ECMA-376 and from what a spreadsheet shows; each is written by hand.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import openpyxl
import pytest
import xlsxwriter
import xlwt
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.registry import read

DATABASE = duckdb.connect()
LAYOUT = Layout("xlsx", (LayoutColumn("key", ("键",), key=True), LayoutColumn("cell", ("值",))))
DATED = Layout("xlsx", (LayoutColumn("key", ("键",), key=True), LayoutColumn("cell", ("值",), dated=True)))

FORMATS: list[tuple[float, str, str]] = [
    # Dates of every locale's spelling; the language code in brackets is no part of them.
    (45049, "yyyy-mm-dd", "2023-05-03"),
    (45049, "YYYY/M/D", "2023-05-03"),
    (45049, "m/d/yy", "2023-05-03"),
    (45049, "dd.mm.yyyy;@", "2023-05-03"),
    (45049, "d-mmm-yy", "2023-05-03"),
    (45049, "mmm-yy", "2023-05-03"),
    (45049, 'yyyy"年"m"月"d"日";@', "2023-05-03"),
    (45049, '[$-804]yyyy"年"m"月"d"日"', "2023-05-03"),
    (45049, "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "2023-05-03"),
    (45049, '[DBNum1][$-804]yyyy"年"m"月"d"日"', "2023-05-03"),
    (45049, '[$-411]ggge"年"m"月"d"日"', "2023-05-03"),
    (45049, "aaaa", "2023-05-03"),
    (45049, "yyyy!-mm!-dd", "2023-05-03"),
    (45049, "yyyy\\-mm\\-dd", "2023-05-03"),
    (45049.5, "yyyy-mm-dd", "2023-05-03 12:00:00"),
    (45049.354166667, "yyyy/m/d h:mm", "2023-05-03 08:30:00"),
    (45049.354166667, "m/d/yy h:mm AM/PM", "2023-05-03 08:30:00"),
    (45049.354166667, "h:mm", "2023-05-03 08:30:00"),
    (45049.9999999999, "yyyy-mm-dd hh:mm:ss", "2023-05-04"),
    # Days that are none: there was no 29 February 1900, nothing before 1900 or after 9999.
    (1, "yyyy-mm-dd", "1900-01-01"),
    (59, "yyyy-mm-dd", "1900-02-28"),
    (60, "yyyy-mm-dd", "60"),
    (61, "yyyy-mm-dd", "1900-03-01"),
    (-1, "yyyy-mm-dd", "-1"),
    (2958465, "yyyy-mm-dd", "9999-12-31"),
    (2958466, "yyyy-mm-dd", "2958466"),
    # Times of day and hours that passed are no dates.
    (0.354166666666667, "h:mm", "08:30:00"),
    (0.354166666666667, '上午/下午h"时"mm"分"', "08:30:00"),
    (0, "hh:mm:ss", "00:00:00"),
    (1.5, "[h]:mm", "36:00:00"),
    (1.5, "[hh]:mm:ss", "36:00:00"),
    (0.5, "[mm]:ss", "12:00:00"),
    # Zeros in front belong to a code; nothing else that a format shows is in the number.
    (3702, "000000", "003702"),
    (1234567, "000000", "1234567"),
    (12.5, "0000", "12.5"),
    (5551234, "000\\-0000", "555-1234"),
    (15551234, "000\\-0000", "1555-1234"),
    (12345678, "0000 0000", "1234 5678"),
    (12, '"A"0000', "12"),
    (1, '[=1]"男";[=2]"女"', "1"),
    (5, ";;;", "5"),
    # Numbers stay whole whatever they are shown as.
    (370602001001, "0.00E+00", "370602001001"),
    (1234567.891, "#,##0.00", "1234567.891"),
    (1234567, '0.0,"万"', "1234567"),
    (-5, "0.00_);[Red]\\(0.00\\)", "-5"),
    (5, '0"人"', "5"),
    (0.5, "# ?/?", "0.5"),
    (12, "G/通用格式", "12"),
    (12345, "@", "12345"),
    (42, '"￥"#,##0.00', "42"),
    (42, "[$￥-804]#,##0", "42"),
    (1e-7, "General", "1E-07"),
    (0.1 + 0.2, "General", "0.3"),
]


def table_of(path: Path, layout: Layout = LAYOUT) -> tuple[Reading, list[tuple[object, ...]]]:
    with DATABASE.cursor() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent / "spool")
        return reading, connection.execute("FROM t").fetchall()


def cells_of(path: Path, layout: Layout = LAYOUT) -> list[object]:
    return [row[2] for row in table_of(path, layout)[1]]


def remarks_of(path: Path, layout: Layout = LAYOUT) -> list[tuple[str, tuple[int, ...]]]:
    return [(note.text, note.rows) for note in table_of(path, layout)[0].notes]


def test_xlsxwriter_formats(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["键", "值"])
        for row, (value, code, _) in enumerate(FORMATS, start=1):
            sheet.write_string(row, 0, f"K{row}")
            sheet.write_number(row, 1, value, book.add_format({"num_format": code}))
    assert cells_of(path) == [seen for _, _, seen in FORMATS]
    (note,) = remarks_of(path)
    assert "数字格式（" in note[0] and "只读取了数值" in note[0]
    odd = [
        row
        for row, (_, code, _) in enumerate(FORMATS, start=2)
        if code in ('"A"0000', '[=1]"男";[=2]"女"', ";;;")
    ]
    assert list(note[1]) == odd


def test_xlwt_formats(tmp_path: Path) -> None:
    path = tmp_path / "x.xls"
    book = xlwt.Workbook()
    sheet = book.add_sheet("表")
    sheet.write(0, 0, "键")
    sheet.write(0, 1, "值")
    for row, (value, code, _) in enumerate(FORMATS, start=1):
        sheet.write(row, 0, f"K{row}")
        sheet.write(row, 1, value, xlwt.easyxf(num_format_str=code))
    book.save(str(path))
    assert cells_of(path) == [seen for _, _, seen in FORMATS]


BUILT_IN = {
    **dict.fromkeys(
        (14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "2023-05-03 08:30:00"
    ),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56), "2023-05-03 08:30:00"),
    46: "1081184:30:00",
    **dict.fromkeys((0, 1, 2, 3, 4, 11, 12, 37, 38, 39, 40, 48, 49), "45049.3541666667"),
}

STYLES = (
    '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs>'
    + "".join(f'<xf numFmtId="{number}"/>' for number in (0, *BUILT_IN))
    + "</cellXfs></styleSheet>"
)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"


def package(path: Path, sheet: str, shared: str = "", folder: str = "xl/", **parts: str) -> Path:
    """A workbook out of markup."""
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    xml = '<?xml version="1.0" encoding="UTF-8"?>'
    every = {
        "_rels/.rels": f'<Relationships><Relationship Id="r" Type="{relations}/officeDocument" '
        f'Target="/{folder}book.xml"/></Relationships>',
        f"{folder}book.xml": f'{xml}<workbook xmlns="{MAIN}" xmlns:r="{relations}"><sheets>'
        '<sheet name="表" sheetId="1" r:id="a"/></sheets></workbook>',
        f"{folder}_rels/book.xml.rels": "<Relationships>"
        f'<Relationship Id="a" Type="{relations}/worksheet" Target="sheets/one.xml"/>'
        f'<Relationship Id="b" Type="{relations}/styles" Target="/{folder}look.xml"/>'
        f'<Relationship Id="c" Type="{relations}/sharedStrings" Target="texts.xml"/></Relationships>',
        f"{folder}look.xml": STYLES,
        f"{folder}texts.xml": shared or f'<sst xmlns="{MAIN}"/>',
        f"{folder}sheets/one.xml": sheet,
    } | parts
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in every.items():
            archive.writestr(name, content)
    return path


def sheet_of(*cells: str, namespace: str = MAIN) -> str:
    """A sheet with these cells, each as its attributes and content, in the column 值."""
    rows = "".join(
        f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>K{row}</t></is></c><c r="B{row}"{cell}</c></row>'
        for row, cell in enumerate(cells, start=2)
    )
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>键</t></is></c><c r="B1" t="str"><v>值</v></c></row>'
    return f'<worksheet xmlns="{namespace}"><sheetData>{head}{rows}</sheetData></worksheet>'


def test_built_in_formats(tmp_path: Path) -> None:
    cells = [f' s="{style}"><v>45049.354166666664</v>' for style in range(1, len(BUILT_IN) + 1)]
    assert cells_of(package(tmp_path / "x.xlsx", sheet_of(*cells))) == list(BUILT_IN.values())


MARKUP: list[tuple[str, str | None]] = [
    ("><v>5</v>", "5"),
    (' t="n"><v> 5 </v>', "5"),
    (' t="b"><v>1</v>', "TRUE"),
    (' t="e"><v>#SPILL!</v>', "#SPILL!"),
    (' t="e"><v>#未知!</v>', "#未知!"),
    (' t="d"><v>2023-05-03T08:30:00</v>', "2023-05-03 08:30:00"),
    (' t="d"><v>2023-05-03T00:00:00.000</v>', "2023-05-03"),
    (' t="d"><v>2023-05-03</v>', "2023-05-03"),
    (' t="str"><f>A1</f><v>甲_x000D_乙</v>', "甲\r乙"),
    (' t="inlineStr"><is><t>_x005F_x000D_</t></is>', "_x000D_"),
    (' t="inlineStr"><is><t>_xD83D__xDE00_</t></is>', "😀"),
    (' t="inlineStr"><is><t>甲&amp;乙&lt;&#65;&#x4E2D;</t></is>', "甲&乙<A中"),
    (' t="inlineStr"><is><t xml:space="preserve"> 甲 </t></is>', " 甲 "),
    (' t="inlineStr"><is><r><rPr><b/></rPr><t>甲</t></r><r><t>乙</t></r></is>', "甲乙"),
    (' t="inlineStr"><is><t>东</t><rPh sb="0" eb="1"><t>ひがし</t></rPh></is>', "东"),
    (' t="inlineStr"><is><t/></is>', None),
    (' t="s"><v>0</v>', "共享"),
    (' t="s"><v>1</v>', "多种字体"),
    (' cm="1" s="0"><f t="array" ref="B2">X</f><v>7</v>', "7"),
    ("><f>SUM(A1:A3)</f><v></v>", None),
    ("><f/><v>3</v>", "3"),
]
SHARED = f'<sst xmlns="{MAIN}"><si><t>共享</t></si><si><r><t>多种</t></r><r><t>字体</t></r></si></sst>'


@pytest.mark.parametrize("namespace", [MAIN, STRICT])
def test_kinds_of_cells(namespace: str, tmp_path: Path) -> None:
    sheet = sheet_of(*(cell for cell, _ in MARKUP), namespace=namespace)
    assert cells_of(package(tmp_path / "x.xlsx", sheet, SHARED)) == [seen for _, seen in MARKUP]


def respelt(sheet: str) -> dict[str, str | bytes]:
    """The same sheet as other programs may write it."""
    prefixed = (
        sheet.replace("</", "</x:")
        .replace("<", "<x:")
        .replace("<x:/x:", "</x:")
        .replace("xmlns=", "xmlns:x=")
    )
    return {
        "prefix": prefixed,
        "single quotes": sheet.replace('"', "'"),
        "blanks around equals": sheet.replace(' r="', ' r = "'),
        "comment": sheet.replace("<sheetData>", "<sheetData><!-- 注 -->"),
        "CDATA": sheet.replace("<t>K2</t>", "<t><![CDATA[K2]]></t>"),
        "order of attributes": sheet.replace('<c r="A2" t="inlineStr">', '<c t="inlineStr" r="A2">'),
        "byte order mark": b"\xef\xbb\xbf" + sheet.encode(),
        "UTF-16": ('<?xml version="1.0" encoding="UTF-16"?>' + sheet).encode("utf-16"),
        "odd dimension": sheet.replace("<sheetData>", '<dimension ref="A:B"/><sheetData>'),
        "no places": re.sub(r' r="[A-Z]*[0-9]+"', "", sheet),
        "line ends": sheet.replace("<row", "\r\n<row"),
    }


@pytest.mark.parametrize("spelling", sorted(respelt("")))
def test_other_spellings_of_markup(spelling: str, tmp_path: Path) -> None:
    sheet = sheet_of("><v>5</v>", ' t="s"><v>0</v>', ' t="inlineStr"><is><t>甲</t></is>')
    path = package(tmp_path / "x.xlsx", respelt(sheet)[spelling], SHARED)  # type: ignore[arg-type]
    assert table_of(path)[1] == [(2, "K2", "5"), (3, "K3", "共享"), (4, "K4", "甲")]


@pytest.mark.parametrize(
    ("sheet", "problem"),
    [
        (sheet_of("><v>5</v>").replace("</row>", "", 1), "已损坏"),
        (sheet_of("><v>五</v>"), "已损坏"),
        (sheet_of(' t="s"><v>9</v>'), "已损坏"),
        # Two cells have one place: nobody knows which counts.
        (sheet_of("><v>5</v>", "><v>6</v>").replace("B3", "B2"), "已损坏"),
        ("<!DOCTYPE worksheet>" + sheet_of("><v>5</v>"), "已损坏"),
    ],
)
def test_damaged_sheets_are_refused(sheet: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=problem):
        table_of(package(tmp_path / "x.xlsx", sheet, SHARED))


@pytest.mark.parametrize(
    ("part", "kind"), [("xl/workbook.bin", "xlsb"), ("content.xml", "ods"), ("word/document.xml", "Word")]
)
def test_other_formats_are_called_by_their_name(part: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(part, "x")
    with pytest.raises(UnreadableFile, match=kind) as refusal:
        table_of(path)
    assert "另存为" in str(refusal.value) and "损坏" not in str(refusal.value)


def test_openpyxl_hides_rows_and_columns_and_computes_nothing(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (("键", "值", "值"), ("K1", "旧", "新"), ("K2", "旧", "=1+1"), ("K3", "旧", "新")):
        sheet.append(row)
    sheet.row_dimensions[4].hidden = True
    sheet.column_dimensions["B"].hidden = True
    path = tmp_path / "x.xlsx"
    book.save(path)
    assert cells_of(path) == ["新", None, "新"]
    assert remarks_of(path) == [
        ("列“值”有同名的隐藏列，读取的是可见的一列", ()),
        ("列“值”的公式没有保存计算结果，按空值读取；请用 Excel 或 WPS 打开文件，保存后重新交付", (3,)),
        ("是隐藏或被筛选掉的行，也读取了；不应交付的，请删除后重新交付", (4,)),
    ]


def test_xlwt_hides_rows_and_columns_and_computes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.xls"
    book = xlwt.Workbook()
    sheet = book.add_sheet("表")
    rows: Sequence[Sequence[object]] = (("键", "值"), ("K1", xlwt.Formula("1+1")), ("K2", True), ("K3", "新"))
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell)
    sheet.row(3).hidden = True
    sheet.col(1).hidden = True
    book.save(str(path))
    assert cells_of(path) == [None, "TRUE", "新"]
    assert [rows for _, rows in remarks_of(path)] == [(2,), (4,), ()]
    assert "列“值”是隐藏的列，也读取了" in remarks_of(path)[-1][0]


@pytest.mark.parametrize("layout", [LAYOUT, DATED])
def test_days_counted_from_1904(layout: Layout, tmp_path: Path) -> None:
    """43587 days after 1904-01-01 is 2023-05-03; without a format that is known only of a column of dates."""
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet = book.worksheets[0]
    sheet.append(("键", "值"))
    for value, code in ((dt.datetime(2023, 5, 3), "yyyy-mm-dd"), (43587, "General"), (0.25, "h:mm")):
        sheet.append(("K", value))
        sheet.cell(sheet.max_row, 2).number_format = code
    path = tmp_path / "x.xlsx"
    book.save(path)
    old = xlwt.Workbook()
    old.dates_1904 = True
    table = old.add_sheet("表")
    for row, (value, code) in enumerate(
        [("值", "General"), (43587, "yyyy-mm-dd"), (43587, "General"), (0.25, "h:mm")]
    ):
        table.write(row, 0, "K" if row else "键")
        table.write(row, 1, value, xlwt.easyxf(num_format_str=code))
    old.save(str(tmp_path / "x.xls"))
    expected = ["2023-05-03", "2023-05-03" if layout is DATED else "43587", "06:00:00"]
    assert cells_of(path, layout) == expected
    assert cells_of(tmp_path / "x.xls", layout) == expected


def test_percentages_alone_are_fractions_and_beside_others_stay(tmp_path: Path) -> None:
    for name, others in (("alone", ()), ("mixed", (7.5, "7.5%"))):
        with xlsxwriter.Workbook(tmp_path / f"{name}.xlsx") as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["键", "值"])
            for row, value in enumerate((0.075, 0.29, *others), start=1):
                sheet.write(row, 0, f"K{row}")
                sheet.write(row, 1, value, book.add_format({"num_format": "0.0%" if row < 3 else "General"}))
    assert cells_of(tmp_path / "alone.xlsx") == ["0.075", "0.29"]
    ((text, rows),) = remarks_of(tmp_path / "alone.xlsx")
    assert "百分比" in text and rows == (2, 3)
    assert cells_of(tmp_path / "mixed.xlsx") == ["7.5%", "29%", "7.5", "7.5%"]


def test_texts_of_openpyxl_in_several_fonts_and_dates_in_iso_form(tmp_path: Path) -> None:
    book = openpyxl.Workbook(iso_dates=True)
    sheet = book.worksheets[0]
    sheet.append(("键", "值"))
    sheet.append(("K1", CellRichText("甲", TextBlock(InlineFont(b=True), "乙"), "丙")))
    sheet.append(("K2", dt.datetime(2023, 5, 3, 8, 30)))
    sheet.append(("K3", dt.date(2023, 5, 3)))
    path = tmp_path / "x.xlsx"
    book.save(path)
    assert cells_of(path) == ["甲乙丙", "2023-05-03 08:30:00", "2023-05-03"]
