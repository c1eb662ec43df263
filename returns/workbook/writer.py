"""Writing a workbook: the skeleton, with the data rows streamed into it.

Here belongs the making of the file itself. What is in it is declared in model, laid out in
skeleton and rendered in cells.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile

from returns.packages.archive import Archive
from returns.workbook.cells import render_rows
from returns.workbook.model import IDENTITY_SHEET, ReturnSheet, TextSheet, WorkbookProperties
from returns.workbook.skeleton import build_skeleton

_STYLE = re.compile(rb'<c r="[A-Z]+\d+" s="(\d+)"/>')
_EXTENT = re.compile(rb'(?<=<dimension ref="A1:)([A-Z]+)\d+')


def write_workbook(
    path: Path, sheets: Sequence[ReturnSheet | TextSheet], properties: WorkbookProperties
) -> None:
    """Write an XLSX workbook; the same content always makes the same bytes.

    The file appears under its name only when it is complete. Texts stay texts whatever they begin
    with; characters that XML does not admit are escaped as `_xHHHH_`, which spreadsheet programs
    read back; a text longer than a cell holds (32,767 UTF-16 units) shows its first 16,000
    characters and says that it was cut; a date before March 1900 is written as text; a number that
    is not finite leaves its cell empty.

    Args:
        path: Where the workbook goes; its folder exists.
        sheets: In the order of their tabs; at least one. The first one is shown on opening.
        properties: Document properties and identity.

    Raises:
        ValueError: No sheets, or two with the same name.
        OSError: The file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            render_workbook(file, sheets, properties)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def render_workbook(
    file: BinaryIO, sheets: Sequence[ReturnSheet | TextSheet], properties: WorkbookProperties
) -> None:
    """The same into an open file or a buffer in memory, which a failure leaves half written."""
    titles = [s.title.casefold() for s in sheets] + [IDENTITY_SHEET]
    if len(titles) == 1 or len(set(titles)) != len(titles):
        raise ValueError(f"{properties.title}: sheets need distinct names, and there must be one: {titles}")
    parts = {f"xl/worksheets/sheet{n}.xml": s for n, s in enumerate(sheets, start=1)}
    with ZipFile(build_skeleton(sheets, properties)) as skeleton, Archive(file) as target:
        for name in skeleton.namelist():
            target.add(name, _content(skeleton.read(name), parts.get(name)))


def _content(xml: bytes, sheet: ReturnSheet | TextSheet | None) -> Iterator[bytes]:
    """A part of the skeleton with the sheet's rows in place of its probe row. No row passes through XlsxWriter."""
    if not isinstance(sheet, ReturnSheet):
        yield xml
        return
    start, end = xml.rindex(b"<row "), xml.rindex(b"</sheetData>")
    styles = [int(number) for number in _STYLE.findall(xml, start, end)]
    last = sheet.header_row + max(1, sheet.rows.height)
    yield _EXTENT.sub(rb"\g<1>%d" % last, xml[:start], count=1)
    yield from render_rows(sheet, styles)
    yield xml[end:]
