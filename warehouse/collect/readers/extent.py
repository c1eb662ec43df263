"""How far the cells of a workbook reach: a guard in front of the reader.

fastexcel holds a sheet as one block from its first to its last filled cell. A single character typed into the
last column of the last row would ask for half a terabyte, and end the whole process.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from warehouse.collect.readers.layout import UnreadableFile, unreadable

# The block takes some 32 bytes a cell: all rows that a sheet can have, by 45 columns.
_MOST_CELLS = 48_000_000
_HEAD = 64 << 10
_CHUNK = 1 << 20

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_DIMENSION = re.compile(rb'<dimension ref="(?:[A-Z]{1,3}\d+:)?([A-Z]{1,3})(\d+)"')
_FILLED = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"(?:[^>]*[^/>])?>(?!</c>)')


class DamagedWorkbook(Exception):
    """The archive that a workbook is cannot be read."""


def refuse_far_cells(path: Path, data: bytes) -> None:
    """Refuse a workbook (XLSX) with a filled cell so far out that its sheet would not fit into memory.

    A sheet says itself how far it reaches, formatted but empty cells included. Only one that says too much is
    searched for its filled cells.

    Raises:
        UnreadableFile: a cell lies too far out.
        DamagedWorkbook: the archive cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in filter(_SHEET.fullmatch, archive.namelist()):
                with archive.open(name) as sheet:
                    far = _far_cell(sheet)
                if far is not None:
                    raise _too_far(path, far)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DamagedWorkbook from error


def _far_cell(sheet: IO[bytes]) -> str | None:
    """The filled cell that makes a sheet too large, as a person names it."""
    head = sheet.read(_HEAD)
    said = _DIMENSION.search(head)
    if said is None or int(said[2]) * _column(said[1]) <= _MOST_CELLS:
        return None
    rows = columns = 0
    for letters, digits in _filled_cells(head, sheet):
        rows, columns = max(rows, int(digits)), max(columns, _column(letters))
        if rows * columns > _MOST_CELLS:
            return (letters + digits).decode("ascii")
    return None


def _filled_cells(head: bytes, sheet: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    carry = head
    while True:
        raw = sheet.read(_CHUNK)
        carry += raw
        # A cell may be cut off at the end of the piece.
        end = carry.rfind(b"<c ") if raw else len(carry)
        yield from _FILLED.findall(carry[:end])
        if not raw:
            return
        carry = carry[end:]


def _column(letters: bytes) -> int:
    """The number of a column, A being 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _too_far(path: Path, cell: str) -> UnreadableFile:
    return unreadable(
        path,
        f"有一张工作表在很远的单元格 {cell} 里也有内容，表格过大，无法读取",
        "清除数据区域以外的内容后重新交付",
    )
