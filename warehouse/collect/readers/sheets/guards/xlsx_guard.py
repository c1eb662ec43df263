"""Guard for workbooks (XLSX) from outside: check the file before it is opened.

A sheet is held as columns from A1 to its last filled cell, every cell with its own text; a failed allocation ends the
process. Examples: one character in the last corner of a sheet asks for half a terabyte; a thousand cells that share one
long text ask for a thousand times its length. No statement of the archive is trusted: neither the sizes in its
directory nor the dimension of a sheet.

This module does not write messages; the module that opens the workbook does.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from copy import copy
from io import BytesIO
from lzma import LZMAError
from typing import Literal
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

# A cell takes about 32 bytes of memory: the limit allows all rows of a sheet with 45 columns.
MOST_CELLS = 48_000_000
# Bytes of all parts together, and their largest ratio to the file: sheets shrink to a tenth or a twentieth.
MOST_UNPACKED = 4 << 30
_MOST_RATIO = 200
_SMALL = 64 << 20
# Bytes of all texts, each counted once for every cell that shows it.
MOST_TEXT = 2 << 30

# The name of a stream, as the directory of a compound file spells it.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

_CHUNK = 1 << 20
# A cell's text has at most 32,767 characters, and nothing else between two tags is longer.
_LONGEST_TEXT = 1 << 20
_START = 64
# At most this many characters of an impossible cell reference are shown.
_SHOWN_PLACE = 12
_BEFORE_TAGS = b"\xef\xbb\xbf \t\r\n"

# The number of rows of a sheet, and the pattern of valid row numbers.
_ROWS = 1_048_576
_ROW_NUMBER = (
    rb"(?:[0-9]{1,6}|10[0-3][0-9]{4}|104[0-7][0-9]{3}|1048[0-4][0-9]{2}|10485[0-6][0-9]|104857[0-6])"
)
_PREFIXED = re.compile(rb":c[\s/>]")
_TAG = rb"<(?:\w+:)?%s[\s/>]"
_SHEET_DATA, _ROW, _CELL = (re.compile(_TAG % name) for name in (b"sheetData", b"row", b"c"))
_ATTRIBUTE = rb"""[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*')"""
_PLACE = rb"""\s+r\s*=\s*["']%s["']"""
_OTHERS = rb"(?:\s+(?!r\s*=)%s)*" % _ATTRIBUTE
# A cell with a reference, and the end of its tag: an empty cell is `/>`, or has `</` directly behind the tag.
_PLACED_CELL = re.compile(
    rb"<(?:\w+:)?c%s%s(?:\s+%s)*\s*(/?>)(</)?"
    % (_OTHERS, _PLACE % rb"([A-Za-z]{1,3})([0-9]{1,7})", _ATTRIBUTE)
)
_PLACED_ROW = re.compile(rb"<(?:\w+:)?row%s%s" % (_OTHERS, _PLACE % rb"([0-9]{1,9})"))
# Any reference of a cell or a row, valid or not; below, the area of merged cells.
_ANY_PLACE = re.compile(rb"""<(?:\w+:)?(c|row)%s\s+r\s*=\s*["']([^"']*)["']""" % _OTHERS)
# The `dimension` of a sheet is not checked, because the reader ignores it.
_AREA_NAMES = (b"mergeCell",)
_ANY_AREA = re.compile(rb"""<(?:\w+:)?mergeCell\s[^<>]*?\bref\s*=\s*["']([^"']*)["']""")
# The last cell of a sheet is XFD1048576.
_CELL_PLACE = re.compile(rb"\$?([A-Za-z]+)\$?([0-9]+)")
_LAST_COLUMN = 16_384
_MOST_LETTERS, _MOST_DIGITS = 3, 7
_END_OF_TEXT = re.compile(rb"</(?:\w+:)?si>")
_SHARED_TEXT = re.compile(rb"""\st\s*=\s*["']s["'][^<>]*>\s*<(?:\w+:)?v>\s*([0-9]{1,9})\s*<""")


class DamagedWorkbook(Exception):
    """The file cannot be read, or is not an XLSX workbook."""


class ExcessiveWorkbook(Exception):
    """The workbook would take too much memory: a cell far out, a text too long, or too much content."""

    def __init__(self, excess: Literal["far", "long", "large"], cell: str = "") -> None:
        super().__init__(excess, cell)
        self.excess = excess
        self.cell = cell


def is_encrypted(content: bytes) -> bool:
    """Whether a compound file ([MS-CFB], an old XLS or an XLSX with a password) declares a password."""
    return _ENCRYPTED in content


def check_safe(content: bytes, most_cells: int = MOST_CELLS, most_unpacked: int = MOST_UNPACKED) -> None:
    """Refuse a workbook that would not fit into memory.

    Args:
        content: the whole file.
        most_cells: limit for the cells from A1 to the last filled cell of a sheet.
        most_unpacked: limit for the bytes of all parts together.

    Raises:
        DamagedWorkbook: the file is not an XLSX workbook, or cannot be unpacked.
        ExcessiveWorkbook: it is too large.
    """
    try:
        with ZipFile(BytesIO(content)) as archive:
            room = min(most_unpacked, max(_SMALL, _MOST_RATIO * len(content)))
            _check_parts(archive, most_cells, room)
    except (BadZipFile, zlib.error, LZMAError, EOFError, ValueError, RuntimeError, OSError) as error:
        raise DamagedWorkbook from error


def _check_parts(archive: ZipFile, most_cells: int, room: int) -> None:
    parts = [_ZipPart(archive, info) for info in archive.infolist()]
    outside = _outside(most_cells // _ROWS)
    shown = 0
    for part in parts:
        far = False
        for text in part.pieces():
            room -= len(text)
            if room < 0:
                raise ExcessiveWorkbook("large")
            if any(name in text for name in _AREA_NAMES):
                for area in _ANY_AREA.findall(text):
                    _check_area(area)
            far = far or outside.search(text) is not None or _PREFIXED.search(text) is not None
            shown += text.count(b'"s"') + text.count(b"'s'")
        if far:
            _check_block(part, most_cells)
    texts = [part for part in parts if "sharedstrings" in part.name]
    for part in texts:
        _check_texts(part, [other for other in parts if other not in texts], shown)


def _outside(columns: int) -> re.Pattern[bytes]:
    """A pattern for a cell or row that is not clearly within the first columns, where even all rows are allowed."""
    last = chr(ord("A") + (columns - 1) % 26).encode()
    within = rb"[A-%s]" % last if columns <= 26 else rb"(?:[A-Z]|A[A-%s])" % last
    return re.compile(rb'<(?:c(?! r="%s%s")|row(?! r="%s"))[\s/>]' % (within, _ROW_NUMBER, _ROW_NUMBER))


class _ZipPart:
    """A part of a workbook, read in pieces that never end within a tag."""

    def __init__(self, archive: ZipFile, info: ZipInfo) -> None:
        self._archive = archive
        # The size in the directory would end the reading too early; the real size counts.
        self._info = copy(info)
        self._info.file_size = sys.maxsize
        self.name = info.filename.lower()

    def pieces(self) -> Iterator[bytes]:
        """Yield pieces of whole tags.

        Raises:
            ExcessiveWorkbook: the text between two tags is longer than a cell's text can be.
        """
        rest = b""
        with self._archive.open(self._info) as stream:
            rest = stream.read(min(_CHUNK, _START))
            # Pictures and other binary parts have no tags.
            marked_up = rest.lstrip(_BEFORE_TAGS).startswith(b"<")
            while chunk := stream.read(_CHUNK):
                cut = chunk.rfind(b"<")
                if cut < 0:
                    rest += chunk
                else:
                    yield rest + chunk[:cut]
                    rest = chunk[cut:]
                if len(rest) > _LONGEST_TEXT + _CHUNK:
                    if marked_up:
                        raise ExcessiveWorkbook("long")
                    yield rest
                    rest = b""
        yield rest


def _check_block(part: _ZipPart, most_cells: int) -> None:
    """Refuse a sheet whose area from A1 to its last filled cell is too large."""
    cells = placed = width = height = rows = in_row = longest = 0
    in_sheet = False
    for text in part.pieces():
        in_sheet = in_sheet or _SHEET_DATA.search(text) is not None
        if not in_sheet:
            continue
        for kind, place in _ANY_PLACE.findall(text):
            _check_place(place if kind == b"c" else b"A" + place)
        found = _PLACED_CELL.findall(text)
        cells += len(_CELL.findall(text))
        placed += len(found)
        for letters, digits, end, close in found:
            if end == b">" and not close:
                width, height = max(width, _column_number(letters.upper())), max(height, int(digits))
                if width * height > most_cells:
                    raise ExcessiveWorkbook("far", (letters + digits).decode("ascii"))
        # Cells without a reference follow each other.
        for number, row in enumerate(_ROW.split(text)):
            in_row = len(_CELL.findall(row)) + (0 if number else in_row)
            longest, rows = max(longest, in_row), rows + bool(number)
        height = max([height, *map(int, _PLACED_ROW.findall(text))]) if cells != placed else height
    if cells != placed and max(height, rows) * (width + longest) > most_cells:
        raise ExcessiveWorkbook("far")


def _check_place(place: bytes) -> None:
    """Refuse a cell reference that no sheet has.

    Raises:
        DamagedWorkbook: the text is not a cell reference.
        ExcessiveWorkbook: it lies beyond XFD1048576; the library would allocate memory up to there.
    """
    found = _CELL_PLACE.fullmatch(place)
    if found is None:
        raise DamagedWorkbook
    letters, digits = found[1].upper(), found[2].lstrip(b"0")
    if not digits:
        raise DamagedWorkbook
    few = len(letters) <= _MOST_LETTERS and len(digits) <= _MOST_DIGITS
    if not few or _column_number(letters) > _LAST_COLUMN or int(digits) > _ROWS:
        raise ExcessiveWorkbook("far", place[:_SHOWN_PLACE].decode("ascii"))


def _check_area(area: bytes) -> None:
    """Refuse an area, `A1:B2` or a single cell, that no sheet has."""
    for place in filter(None, area.split(b":")):
        _check_place(place)


def _check_texts(part: _ZipPart, others: list[_ZipPart], shown: int) -> None:
    """Refuse shared texts that are too long in total, counted once for each of the `shown` cells that show them."""
    lengths, carry = [], 0
    for text in part.pieces():
        *whole, rest = map(len, _END_OF_TEXT.split(text))
        if whole:
            whole[0] += carry
            carry = 0
        lengths += whole
        carry += rest
    sizes = np.array(lengths, np.int64)
    if not sizes.size or int(sizes.max()) * shown <= MOST_TEXT:
        return
    total = 0
    for other in others:
        for text in other.pieces():
            places = np.array(_SHARED_TEXT.findall(text), dtype="S9").astype(np.int64)
            total += int(sizes[places[places < sizes.size]].sum())
    if total > MOST_TEXT:
        raise ExcessiveWorkbook("large")


def _column_number(letters: bytes) -> int:
    """The number of a column, counted from 1: 1 for A, 27 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
