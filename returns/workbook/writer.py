"""Writing a workbook: the skeleton, with the data rows streamed into it.

Here belongs the making of the file itself. What is in it is declared in model, laid out in
skeleton and rendered in cells.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from returns.workbook.cells import render_rows
from returns.workbook.model import IDENTITY_SHEET, Sheet, TextSheet, WorkbookProperties
from returns.workbook.skeleton import build_skeleton

_COMPRESSION = 3
"""zlib level: see docs/decisions for what the levels cost and save."""

_ZIP64_FROM = 2**31
_MARKUP_PER_CELL = 80
"""Bytes of XML around a value, rounded up."""

_STYLE = re.compile(rb'<c r="[A-Z]+\d+" s="(\d+)"/>')


def write_workbook(path: Path, sheets: Sequence[Sheet | TextSheet], properties: WorkbookProperties) -> None:
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
    titles = [s.title.casefold() for s in sheets] + [IDENTITY_SHEET]
    if len(titles) == 1 or len(set(titles)) != len(titles):
        raise ValueError(f"{path.name}: sheets need distinct names, and there must be one: {titles}")
    parts = {f"xl/worksheets/sheet{n}.xml": s for n, s in enumerate(sheets, start=1)}
    partial = path.with_name(f"{path.name}.partial")
    try:
        with (
            ZipFile(build_skeleton(sheets, properties)) as skeleton,
            ZipFile(partial, "w", ZIP_DEFLATED, compresslevel=_COMPRESSION) as target,
        ):
            for name in skeleton.namelist():
                sheet = parts.get(name)
                large = isinstance(sheet, Sheet) and _expected_size(sheet) > _ZIP64_FROM
                with target.open(name, "w", force_zip64=large) as part:
                    for piece in _content(skeleton.read(name), sheet):
                        part.write(piece)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _content(xml: bytes, sheet: Sheet | TextSheet | None) -> Iterator[bytes]:
    """A part of the skeleton, its probe row replaced by the rows of the sheet."""
    if not isinstance(sheet, Sheet):
        yield xml
        return
    start, end = xml.rindex(b"<row "), xml.rindex(b"</sheetData>")
    styles = [int(number) for number in _STYLE.findall(xml, start, end)]
    yield xml[:start]
    yield from render_rows(sheet, styles)
    yield xml[end:]


def _expected_size(sheet: Sheet) -> int:
    """Upper estimate of the sheet's XML in bytes: decides on ZIP64, which old programs dislike."""
    cells = sheet.rows.height * len(sheet.columns)
    return int(2 * sheet.rows.estimated_size()) + _MARKUP_PER_CELL * cells
