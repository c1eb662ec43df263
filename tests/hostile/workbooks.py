"""Workbooks (XLSX and XLS) made to do harm, by their names: each a small change to a sound one."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise

import xlsxwriter
import xlwt

SHEET, TEXTS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"
STYLES, RELATIONS = "xl/styles.xml", "xl/_rels/workbook.xml.rels"
ROWS = [("键", "值"), ("K1", "甲"), ("K2", "乙")]

Change = Callable[[bytes], bytes]
Made = Iterator[tuple[str, Callable[[], bytes]]]


def sound_workbook() -> bytes:
    """Headings and two rows."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate(ROWS):
            sheet.write_row(row, 0, cells)
    return out.getvalue()


def changed(part: str, change: Change, more: dict[str, bytes] | None = None) -> bytes:
    """The sound workbook with one part changed, and with more parts."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(sound_workbook())) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
        for name, content in (more or {}).items():
            new.writestr(name, content)
    return out.getvalue()


def with_rows(rows: bytes) -> bytes:
    """More rows below the others."""
    return changed(SHEET, lambda xml: xml.replace(b"</sheetData>", rows + b"</sheetData>"))


def with_cell(attributes: bytes, value: bytes = b"<v>1</v>") -> bytes:
    return with_rows(b'<row r="4"><c %s>%s</c></row>' % (attributes, value))


def after_rows(xml: bytes) -> bytes:
    return changed(SHEET, lambda sheet: sheet.replace(b"</sheetData>", b"</sheetData>" + xml))


def dimension(area: bytes) -> bytes:
    return changed(SHEET, lambda xml: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="%s"' % area, xml))


def laughs(xml: bytes) -> bytes:
    """Ten entities, each ten times the one before."""
    names = "abcdefghijkl"
    bomb = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    xml = xml.replace(b"<sst", f'<!DOCTYPE sst [<!ENTITY a "haha">{bomb}]><sst'.encode(), 1)
    return xml.replace("甲".encode(), b"&l;")


def external(xml: bytes) -> bytes:
    entity = b'<!DOCTYPE sst [<!ENTITY x SYSTEM "file:///etc/passwd">]><sst'
    return xml.replace(b"<sst", entity, 1).replace("甲".encode(), b"&x;")


def million_sheets(xml: bytes) -> bytes:
    sheets = b"".join(b'<sheet name="S%d" sheetId="%d" r:id="rId1"/>' % (n, n) for n in range(2, 1_000_000))
    return xml.replace(b"</sheets>", sheets + b"</sheets>")


def million_styles(xml: bytes) -> bytes:
    styles = b'<xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0"/>' * 1_000_000
    return re.sub(
        rb"<cellXfs.*?</cellXfs>", b'<cellXfs count="4294967295">' + styles + b"</cellXfs>", xml, flags=re.S
    )


def million_texts(xml: bytes) -> bytes:
    return xml.replace(b"</sst>", b"<si><t>x</t></si>" * 1_000_000 + b"</sst>")


def shared_bomb() -> bytes:
    """One long text that a hundred thousand cells show: three gigabytes."""
    rows = b"".join(
        b'<row r="%d"><c r="A%d" t="s"><v>3</v></c></row>' % (row, row) for row in range(5, 100_005)
    )
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(with_rows(rows))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name == TEXTS:
                content = content.replace("甲".encode(), b"x" * 32_000)
            new.writestr(name, content)
    return out.getvalue()


def sized(part: str, size: int) -> bytes:
    """The sound workbook whose directory lies about the size of a part."""
    content = bytearray(sound_workbook())
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        name = part.encode()
        at = content.rindex(name) - 46
        assert archive.getinfo(part)
    content[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(content)


def twice(part: str, content: bytes) -> bytes:
    """A part that is there two times; which of them counts is a matter of taste."""
    out = io.BytesIO(sound_workbook())
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(part, content)
    return out.getvalue()


def overlapping() -> bytes:
    """Every entry of the directory leads to the same bytes."""
    content = bytearray(sound_workbook())
    for found in re.finditer(b"PK\x01\x02", bytes(content)):
        content[found.start() + 42 : found.start() + 46] = struct.pack("<I", 0)
    return bytes(content)


def marked_as_encrypted() -> bytes:
    content = bytearray(sound_workbook())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(mark), bytes(content)):
            content[found.start() + place] |= 1
    return bytes(content)


def workbooks() -> Made:
    """The name of each XLSX workbook and how it is made."""
    yield "row-of-20-digits", lambda: with_cell(b'r="A99999999999999999999"')
    yield "row-of-20-digits-in-row", lambda: with_rows(b'<row r="99999999999999999999"><c><v>1</v></c></row>')
    yield "column-zzzz", lambda: with_cell(b'r="ZZZZ900"')
    yield "column-xfe", lambda: with_cell(b'r="XFE4"')
    yield "row-1048577", lambda: with_cell(b'r="A1048577"')
    yield "last-corner", lambda: with_cell(b'r="XFD1048576"')
    yield "corner-behind-another-attribute", lambda: with_cell(b's="0" r="ZZZZZZ9"')
    yield "place-with-entity", lambda: with_cell(b'r="&#65;&#57;&#57;&#57;&#57;&#57;&#57;&#57;&#57;"')
    yield "place-without-row", lambda: with_cell(b'r="AAAAAAAAAAAAAAAAAAAAAAAA"')
    yield "place-of-zero", lambda: with_cell(b'r="A0"')
    yield "place-in-quotes-of-the-other-kind", lambda: with_cell(b"r = 'zzzz4294967295'")
    yield "dimension-of-everything", lambda: dimension(b"A1:XFD1048576")
    yield "dimension-beyond", lambda: dimension(b"A1:ZZZZZ99999999999")
    yield (
        "merged-beyond",
        lambda: after_rows(b'<mergeCells><mergeCell ref="A1:XFE99999999999"/></mergeCells>'),
    )
    yield (
        "merged-upside-down",
        lambda: after_rows(b'<mergeCells><mergeCell ref="XFD1048576:A1"/></mergeCells>'),
    )
    yield (
        "merged-a-million-times",
        lambda: after_rows(
            b"<mergeCells>" + b'<mergeCell ref="A1:XFD1048576"/>' * 1_000_000 + b"</mergeCells>"
        ),
    )
    yield (
        "columns-of-any-width",
        lambda: changed(
            SHEET,
            lambda x: x.replace(b"<sheetData>", b'<cols><col min="1" max="4294967295"/></cols><sheetData>'),
        ),
    )
    yield "billion-laughs", lambda: changed(TEXTS, laughs)
    yield "external-entity", lambda: changed(TEXTS, external)
    yield "million-sheets", lambda: changed(BOOK, million_sheets)
    yield "million-styles", lambda: changed(STYLES, million_styles)
    yield "million-texts", lambda: changed(TEXTS, million_texts)
    yield (
        "texts-counted-wrong",
        lambda: changed(TEXTS, lambda x: re.sub(rb'[cC]ount="\d+"', b'Count="4294967295"', x)),
    )
    yield (
        "deep-nesting",
        lambda: changed(SHEET, lambda x: x.replace(b"</sheetData>", b"<x>" * 2_000_000 + b"</sheetData>")),
    )
    yield "shared-bomb", shared_bomb
    yield "text-beyond-the-last", lambda: with_cell(b'r="A4" t="s"', b"<v>18446744073709551615</v>")
    yield "text-of-another-kind", lambda: with_cell(b'r="A4" t="s"', b"<v>-1</v>")
    yield "number-of-a-million-digits", lambda: with_cell(b'r="A4"', b"<v>" + b"9" * 1_000_000 + b"</v>")
    yield (
        "cell-of-80-MB",
        lambda: with_cell(b'r="A4" t="inlineStr"', b"<is><t>" + b"x" * 80_000_000 + b"</t></is>"),
    )
    yield (
        "formula-of-everything",
        lambda: with_cell(b'r="A4"', b'<f t="shared" ref="A1:XFD1048576" si="0">A1</f><v>1</v>'),
    )
    yield (
        "format-of-a-megabyte",
        lambda: changed(
            STYLES,
            lambda x: x.replace(
                b"<fonts",
                b'<numFmts count="1"><numFmt numFmtId="165" formatCode="'
                + b"[" * 1_000_000
                + b'"/></numFmts><fonts',
                1,
            ),
        ),
    )
    yield "rows-without-end", lambda: with_rows(b"<row/>" * 30_000_000)
    yield "cells-without-place", lambda: with_rows(b"<row>" + b"<c><v>1</v></c>" * 3_000_000 + b"</row>")
    yield (
        "sheet-elsewhere",
        lambda: changed(RELATIONS, lambda x: x.replace(b"worksheets/sheet1.xml", b"../../../../etc/passwd")),
    )
    yield (
        "sheet-is-the-workbook",
        lambda: changed(RELATIONS, lambda x: x.replace(b"worksheets/sheet1.xml", b"workbook.xml")),
    )
    yield "binary-workbook-beside", lambda: twice("xl/workbook.bin", b"\x80\x01\xff\xff\xff\xff\x0f" * 1000)
    yield "size-lie-none", lambda: sized(SHEET, 0)
    yield "size-lie-all", lambda: sized(SHEET, 0xFFFF_FFFE)
    yield "size-lie-zip64", lambda: sized(SHEET, 0xFFFF_FFFF)
    yield "part-twice", lambda: twice(SHEET, b"<worksheet><sheetData/></worksheet>")
    yield "overlapping-parts", overlapping
    yield "marked-as-encrypted", marked_as_encrypted
    yield "cut-off", lambda: sound_workbook()[:-200]
    yield "directory-only", lambda: sound_workbook()[-400:]


def sound_old_workbook() -> bytes:
    """Headings and some rows, as Excel 97 has them."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("表")
    for row in range(400):
        for column, cell in enumerate(ROWS[0] if not row else (f"K{row}", f"值{row}")):
            sheet.write(row, column, cell)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def patched(place: int, data: bytes) -> bytes:
    content = bytearray(sound_old_workbook())
    content[place : place + len(data)] = data
    return bytes(content)


def _record(kind: int, change: Callable[[bytearray, int], None], last: bool = False) -> bytes:
    """The sound old workbook with a record of a kind changed; `change` gets where its data begins."""
    content = bytearray(sound_old_workbook())
    place = 512
    found = []
    while place + 4 <= len(content):
        code, length = struct.unpack_from("<HH", content, place)
        if code == kind:
            found.append(place + 4)
        if code == 0 and length == 0:
            break
        place += 4 + length
    change(content, found[-1 if last else 0])
    return bytes(content)


def _put(data: bytes, at: int = 0) -> Callable[[bytearray, int], None]:
    def put(content: bytearray, place: int) -> None:
        content[place + at : place + at + len(data)] = data

    return put


def _fat(content: bytes) -> int:
    """Where the first sector of the allocation table begins."""
    return int((struct.unpack_from("<I", content, 76)[0] + 1) * 512)


def old_workbooks() -> Made:
    """The name of each XLS workbook and how it is made: [MS-CFB] and [MS-XLS] say what stands where."""
    start = sound_old_workbook()
    fat = _fat(start)
    yield "fat-cycle", lambda: patched(fat, struct.pack("<64I", *([0] * 64)))
    yield "fat-beyond", lambda: patched(fat, struct.pack("<64I", *([0x7FFF_FFFF] * 64)))
    yield "difat-cycle", lambda: patched(68, struct.pack("<II", 0, 1))
    yield "sectors-without-number", lambda: patched(44, struct.pack("<I", 0xFFFF_FFFF))
    yield "sector-of-2-GB", lambda: patched(30, struct.pack("<H", 31))
    yield "mini-sectors-of-nothing", lambda: patched(32, struct.pack("<H", 0))
    yield "directory-elsewhere", lambda: patched(48, struct.pack("<I", 0xFFFF))
    yield "texts-counted-wrong", lambda: _record(0xFC, _put(struct.pack("<II", 0xFFFF_FFFF, 0x7FFF_FFFF)))
    yield "text-of-any-length", lambda: _record(0xFC, _put(struct.pack("<H", 0xFFFF), 8))
    yield "cell-in-the-corner", lambda: _record(0xFD, _put(b"\xff\xff\xff\x00"), last=True)
    yield "cell-beyond", lambda: _record(0xFD, _put(b"\xff\xff\xff\xff"), last=True)
    yield "text-beyond-the-last", lambda: _record(0xFD, _put(b"\xff\xff\xff\x7f", 6), last=True)
    yield "dimensions-beyond", lambda: _record(0x0200, _put(struct.pack("<IIHH", 0, 0xFFFF_FFFF, 0, 0xFFFF)))
    yield "sheet-in-itself", lambda: _record(0x85, _put(struct.pack("<I", 0)))
    yield "record-too-long", lambda: _record(0xFD, _put(struct.pack("<H", 0xFFFF), -2))
    yield "cut-off", lambda: start[: len(start) // 2]
