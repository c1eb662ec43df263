"""Whether an old workbook (XLS) is safe to open: its compound file and the places of its cells are looked at first.

The library sets memory aside as the file asks for it, and a failed allocation ends the whole process: one wrong byte
in the column of a cell asks for a hundred gigabytes. So what an XLS cannot have is refused before. Formats: [MS-CFB]
for the compound file, [MS-XLS] for the records of the workbook in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook, ExcessiveWorkbook

_HEADER = struct.Struct("<24xHHHHH6xIIIIIIIII")
_ENTRY = 128
_MINI_SECTOR = 64
_LAST_SECTOR = 0xFFFF_FFFA
_STREAMS = ("workbook", "book")
_MOST_STREAMS = 4

# An old sheet has so many rows and columns, and one that is nearly empty is read no further than this.
_ROWS, _COLUMNS = 65_536, 256
_MOST_EMPTY = 2_000_000
_FILLED = 50

_EOF, _BOUND_SHEET, _SST, _FILE_PASSWORD, _DIMENSIONS, _MUL_RK = 0x0A, 0x85, 0xFC, 0x2F, 0x0200, 0xBD
# FORMULA, LABELSST, RSTRING, NUMBER, LABEL, BOOLERR, RK: each begins with its row and its column.
_CELLS = frozenset({0x06, 0xFD, 0xD6, 0x0203, 0x0204, 0x0205, 0x027E})


class EncryptedWorkbook(Exception):
    """It has a password."""


def check_safe_old(content: bytes) -> None:
    """Refuse an old workbook that would not fit into memory.

    Args:
        content: the whole file.

    Raises:
        DamagedWorkbook: it is no XLS workbook, or not whole.
        EncryptedWorkbook: it has a password.
        ExcessiveWorkbook: a cell lies far out in an empty sheet.
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
    """The streams of a compound file that hold a workbook."""
    (
        _,
        _,
        order,
        shift,
        _,
        directories,
        fats,
        directory,
        _,
        mini_cutoff,
        mini_fat,
        mini_fats,
        difat,
        difats,
    ) = _HEADER.unpack_from(content)
    size = 1 << shift
    sectors = len(content) // size
    if order != 0xFFFE or shift not in (9, 12) or max(directories, fats, mini_fats, difats) > sectors:
        raise DamagedWorkbook
    table = _table(content, size, fats, difat)
    entries = b"".join(_chain(content, table, directory, size))
    root, streams = b"", 0
    for place in range(0, len(entries) - _ENTRY + 1, _ENTRY):
        entry = entries[place : place + _ENTRY]
        name = (
            entry[: max(struct.unpack_from("<H", entry, 64)[0], 2) - 2].decode("utf-16-le", "replace").lower()
        )
        start, length = struct.unpack_from("<II", entry, 116)
        if entry[66] == 5:
            root = b"".join(_chain(content, table, start, size)) if length else b""
        if entry[66] != 2 or name not in _STREAMS:
            continue
        # A workbook has one stream, or two of different versions; each is copied here.
        streams += 1
        if length > len(content) or streams > _MOST_STREAMS:
            raise DamagedWorkbook
        if length < mini_cutoff:
            mini = _numbers(b"".join(_chain(content, table, mini_fat, size)))
            pieces = (root[at * _MINI_SECTOR : (at + 1) * _MINI_SECTOR] for at in _places(mini, start))
            yield b"".join(pieces)[:length]
        else:
            yield b"".join(_chain(content, table, start, size))[:length]


def _table(content: bytes, size: int, count: int, further: int) -> tuple[int, ...]:
    """Which sector follows each."""
    places = list(struct.unpack_from("<109I", content, 76))
    seen: set[int] = set()
    while further < _LAST_SECTOR:
        if further in seen:
            raise DamagedWorkbook
        seen.add(further)
        *more, further = _numbers(_sector(content, further, size))
        places += more
    used = [place for place in places if place < _LAST_SECTOR][:count]
    return _numbers(b"".join(_sector(content, place, size) for place in used))


def _chain(content: bytes, table: tuple[int, ...], start: int, size: int) -> Iterator[bytes]:
    return (_sector(content, place, size) for place in _places(table, start))


def _places(table: tuple[int, ...], start: int) -> Iterator[int]:
    """The sectors of a stream, in their order."""
    seen: set[int] = set()
    place = start
    while place < _LAST_SECTOR:
        if place in seen:
            raise DamagedWorkbook
        seen.add(place)
        yield place
        place = table[place]


def _sector(content: bytes, place: int, size: int) -> bytes:
    if (place + 1) * size >= len(content):
        raise DamagedWorkbook
    return content[(place + 1) * size : (place + 2) * size]


def _numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


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
    """The kind, the place and the length of each record up to the end of a sheet."""
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        yield kind, place + 4, length
        if kind == _EOF:
            return
        place += 4 + length
