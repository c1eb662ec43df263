"""Guard for old workbooks (XLS): check the container and the positions of the cells before the file is opened.

Readers allocate memory by the numbers in the file, and a failed allocation ends the process. Example: one wrong byte in
the column of a cell asks for a hundred gigabytes. So a file with impossible numbers is refused. olefile reads the
container, a compound file ([MS-CFB]). The workbook's records in it follow [MS-XLS].
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO

import olefile

from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook, ExcessiveWorkbook

_STREAMS = ("workbook", "book")
_MOST_STREAMS = 4

# Limits of an old sheet, and the limit of the area of a nearly empty sheet.
_ROWS, _COLUMNS = 65_536, 256
_MOST_EMPTY = 2_000_000
_FILLED = 50

_EOF, _BOUND_SHEET, _SST, _FILE_PASSWORD, _DIMENSIONS, _MUL_RK = 0x0A, 0x85, 0xFC, 0x2F, 0x0200, 0xBD
# FORMULA, LABELSST, RSTRING, NUMBER, LABEL, BOOLERR, RK: each record begins with its row and its column.
_CELLS = frozenset({0x06, 0xFD, 0xD6, 0x0203, 0x0204, 0x0205, 0x027E})


class EncryptedWorkbook(Exception):
    """The workbook has a password."""


def check_safe_old(content: bytes) -> None:
    """Refuse an old workbook that would not fit into memory.

    Args:
        content: the whole file.

    Raises:
        DamagedWorkbook: the file is not an XLS workbook, or is incomplete.
        EncryptedWorkbook: it has a password.
        ExcessiveWorkbook: a cell lies far out in a nearly empty sheet.
    """
    try:
        found = list(streams(content))
        for stream in found:
            _check_records(stream)
    except (struct.error, IndexError) as error:
        raise DamagedWorkbook from error
    if not found:
        raise DamagedWorkbook


def streams(content: bytes) -> Iterator[bytes]:
    """Yield the streams of a compound file that contain a workbook: one, or two for two versions of Excel.

    Args:
        content: the whole file.

    Raises:
        DamagedWorkbook: the file is not a compound file, or is incomplete.
    """
    try:
        with olefile.OleFileIO(BytesIO(content), raise_defects=olefile.DEFECT_INCORRECT) as container:
            names = [path for path in container.listdir() if path[-1].lower() in _STREAMS]
            # Each stream is copied into memory.
            if len(names) > _MOST_STREAMS or any(container.get_size(path) > len(content) for path in names):
                raise DamagedWorkbook
            for path in names:
                yield container.openstream(path).read()
    except (OSError, ValueError, IndexError, struct.error, RecursionError) as error:
        raise DamagedWorkbook from error


def _check_records(stream: bytes) -> None:
    sheets = set()
    for kind, place, length in _records(stream, 0):
        if kind == _FILE_PASSWORD:
            raise EncryptedWorkbook
        if kind == _BOUND_SHEET:
            sheets.add(struct.unpack_from("<I", stream, place)[0])
        elif kind == _SST and length >= 8 and struct.unpack_from("<I", stream, place + 4)[0] > len(stream):
            raise DamagedWorkbook
    for start in sheets:
        _check_sheet(stream, start)


def _check_sheet(stream: bytes, start: int) -> None:
    cells = rows = columns = 0
    for kind, place, length in _records(stream, start):
        if kind in _CELLS or kind == _MUL_RK:
            row, column = struct.unpack_from("<HH", stream, place)
            if kind == _MUL_RK:
                cells += max(length // 6 - 1, 0)
                column += max(length // 6 - 1, 0)
            cells += 1
            rows, columns = max(rows, row + 1), max(columns, column + 1)
        elif kind == _DIMENSIONS:
            shape = "<4xI2xH" if length >= 14 else "<2xH2xH"
            last_row, last_column = struct.unpack_from(shape, stream, place)
            if last_row > _ROWS or last_column > _COLUMNS:
                raise DamagedWorkbook
    if columns > _COLUMNS:
        raise DamagedWorkbook
    if rows * columns > max(_MOST_EMPTY, _FILLED * cells):
        raise ExcessiveWorkbook("far")


def _records(stream: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    """Yield the kind, position and length of each record up to the end of a sheet."""
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        yield kind, place + 4, length
        if kind == _EOF:
            return
        place += 4 + length
