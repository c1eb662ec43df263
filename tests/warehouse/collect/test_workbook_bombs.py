"""Workbooks made to fill the memory or to stop the process are refused in Chinese before they are opened."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
import xlsxwriter
import xlwt

from warehouse.collect.readers.layout import Layout, LayoutColumn, UnreadableFile
from warehouse.collect.readers.registry import recognise

LAYOUT = Layout("xlsx", (LayoutColumn("key", ("键",), key=True), LayoutColumn("cell", ("值",))))
SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'


def rewritten(part: str, change: Callable[[bytes], bytes]) -> bytes:
    """A good workbook with one part changed."""
    good, bad = BytesIO(), BytesIO()
    with xlsxwriter.Workbook(good) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([("键", "值"), ("K1", "甲")]):
            sheet.write_row(row, 0, cells)
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return bad.getvalue()


def without_dimension(xml: bytes) -> bytes:
    return re.sub(rb"<dimension[^>]*>", b"", xml).replace(b"</sheetData>", FAR)


def prefixed(xml: bytes) -> bytes:
    xml = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", xml.replace(b"</sheetData>", FAR))
    return xml.replace(b"xmlns=", b"xmlns:x=")


def shared_a_thousandfold(xml: bytes) -> bytes:
    cells = b"".join(
        b'<row r="%d"><c r="A%d" t="s"><v>3</v></c></row>' % (row, row) for row in range(5, 5000)
    )
    return xml.replace(b"</sheetData>", cells + b"</sheetData>")


def entities(xml: bytes) -> bytes:
    names = "abcdefghij"
    bomb = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    xml = xml.replace(b"<sst", f'<!DOCTYPE sst [<!ENTITY a "aaaaaaaaaa">{bomb}]><sst'.encode(), 1)
    return xml.replace("甲".encode(), b"&j;")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: rewritten(SHEET, lambda x: x.replace(b"</sheetData>", FAR)), "很远的单元格 XFD1048576"),
        (lambda: rewritten(SHEET, without_dimension), "很远的单元格 XFD1048576"),
        (lambda: rewritten(SHEET, prefixed), "很远的单元格 XFD1048576"),
        (lambda: rewritten(TEXTS, lambda x: x.replace("甲".encode(), b"x" * (3 << 20))), "长得不合理"),
        (
            lambda: rewritten(SHEET, lambda x: x.replace(b"</sheetData>", b"<row/>" * (1 << 20))),
            "解开后大得不合理",
        ),
        (lambda: rewritten(TEXTS, entities), "已损坏"),
    ],
    ids=["dimension-lies", "no-dimension", "prefixed", "cell-of-3-MB", "rows-without-end", "entities"],
)
def test_a_bomb_is_refused_before_it_goes_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Callable[[], bytes], said: str
) -> None:
    monkeypatch.setattr("warehouse.collect.readers.sheets.guards.xlsx_guard._SMALL", 4 << 20)
    path = tmp_path / "低保.xlsx"
    path.write_bytes(content())
    with pytest.raises(UnreadableFile, match=r"^文件“低保\.xlsx”：") as refusal:
        recognise(path, LAYOUT)
    assert said in str(refusal.value)


def test_a_text_that_many_cells_share_counts_as_often_as_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "低保.xlsx"
    path.write_bytes(rewritten(SHEET, shared_a_thousandfold))
    assert recognise(path, LAYOUT).sheet == "Sheet1"
    monkeypatch.setattr("warehouse.collect.readers.sheets.guards.xlsx_guard.MOST_TEXT", 20_000)
    with pytest.raises(UnreadableFile, match="解开后大得不合理"):
        recognise(path, LAYOUT)


def test_an_old_workbook_s_cell_that_no_sheet_can_have_is_refused(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("表")
    for row, cells in enumerate([("键", "值"), ("K1", "甲")]):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell)
    path = tmp_path / "低保.xls"
    book.save(str(path))
    assert recognise(path, LAYOUT).sheet == "表"
    data = path.read_bytes()
    cell = data.rindex(b"\xfd\x00\x0a\x00") + 4
    for place, said in ((b"\xff\xff\xff\xff", "已损坏"), (b"\xff\xff\xff\x00", "很远的单元格")):
        path.write_bytes(data[:cell] + place + data[cell + 4 :])
        with pytest.raises(UnreadableFile, match=said):
            recognise(path, LAYOUT)
