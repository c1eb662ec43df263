"""The records of an old workbook (XLS): their positions and contents. Formats: [MS-XLS] 2.4 and 2.5.

Numbers are read for all records of a kind at once, texts one at a time.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook

BOF, EOF, CONTINUE = 0x0809, 0x0A, 0x3C
_HEAD = struct.Struct("<HH")
_WIDE, _EXTENDED, _RICH = 0x01, 0x04, 0x08
# Code pages of Excel 5.0 and 95; a Chinese code page is read as its largest superset.
_CODE_PAGES = {
    936: "gb18030",
    1200: "utf-16-le",
    10000: "mac-roman",
    10008: "gb18030",
    10002: "big5",
    32768: "mac-roman",
}


@dataclass(frozen=True, eq=False)
class Records:
    """Consecutive records: their kinds, and the positions and lengths of their contents."""

    data: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    def of(self, kind: int, least: int) -> npt.NDArray[np.int64]:
        """The indices of the records of a kind.

        Raises:
            DamagedWorkbook: a record is shorter than `least` bytes, or ends beyond the data.
        """
        found = np.flatnonzero(self.kinds == kind)
        if found.size and (
            self.lengths[found].min() < least
            or (self.places[found] + self.lengths[found]).max() > len(self.data)
        ):
            raise DamagedWorkbook
        return found

    def short(self, records: npt.NDArray[np.int64], offset: int) -> npt.NDArray[np.int64]:
        """The two-byte number at an offset of each record."""
        return self.short_at(self.places[records] + offset)

    def short_at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The two-byte number at each position."""
        return self.data[places].astype(np.int64) | self.data[places + 1].astype(np.int64) << 8

    def long_at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The four-byte number at each position."""
        return self.short_at(places) | self.short_at(places + 2) << 16

    def floats_at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The eight-byte floating-point number at each position."""
        if not len(places):
            return np.empty(0)
        block = np.ascontiguousarray(self.data[places[:, None] + np.arange(8)])
        return block.view("<f8").reshape(-1).astype(np.float64)

    def content(self, record: int) -> bytes:
        """The bytes of a record and of its continuation records."""
        return b"".join(self.parts(record))

    def parts(self, record: int) -> list[bytes]:
        """The bytes of a record and of each of its continuation records, as a list."""
        found = [record]
        while found[-1] + 1 < len(self.kinds) and self.kinds[found[-1] + 1] == CONTINUE:
            found.append(found[-1] + 1)
        return [
            self.data[self.places[each] : self.places[each] + self.lengths[each]].tobytes() for each in found
        ]


def records_from(stream: bytes, start: int) -> Records:
    """Read the records of a sheet or of the workbook's globals; records of embedded charts are left out.

    Raises:
        DamagedWorkbook: the end record is missing.
    """
    kinds: list[int] = []
    places: list[int] = []
    lengths: list[int] = []
    place, depth, size = start, 0, len(stream)
    unpack = _HEAD.unpack_from
    while place + 4 <= size:
        kind, length = unpack(stream, place)
        place += 4
        if kind == BOF:
            depth += 1
        elif kind == EOF:
            depth -= 1
            if depth <= 0:
                shape = (np.array(each, np.int64) for each in (kinds, places, lengths))
                return Records(np.frombuffer(stream + bytes(8), np.uint8), *shape)
        if depth == 1:
            kinds.append(kind)
            places.append(place)
            lengths.append(length)
        place += length
    raise DamagedWorkbook


def codec_of(code_page: int) -> str:
    """Python's name of a code page.

    Raises:
        DamagedWorkbook: the code page is unknown.
    """
    name = _CODE_PAGES.get(code_page, f"cp{code_page}")
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise DamagedWorkbook from error


def text_of(parts: Sequence[bytes], offset: int, codec: str | None, width: int = 2) -> str:
    """Read a text that is preceded by its length.

    Args:
        parts: the record and its continuation records.
        offset: the position of the length in the first part.
        codec: the codec of the bytes before Excel 97; None for Excel 97 and later.
        width: the number of bytes of the length.
    """
    count = int.from_bytes(parts[0][offset : offset + width], "little")
    at = offset + width
    if codec is not None:
        return b"".join(parts)[at : at + count].decode(codec)
    reader = _Texts(parts, at)
    return reader.characters(count, reader.byte() & _WIDE)


def shared_texts(parts: Sequence[bytes]) -> list[str]:
    """Read the shared texts from an SST record and its continuation records."""
    reader = _Texts(parts, 8)
    (count,) = struct.unpack_from("<4xI", parts[0])
    return [reader.text() for _ in range(count)]


class _Texts:
    """Reads consecutive texts, which may be split between records after any character.

    After a split, the next record begins with a byte that says whether characters take one byte or two.
    """

    def __init__(self, parts: Sequence[bytes], at: int) -> None:
        self._parts = parts
        self._part = parts[0]
        self._number = 0
        self._at = at

    def text(self) -> str:
        """Read a text with its length; skip its font runs and phonetic data."""
        count = int.from_bytes(self._bytes(2), "little")
        flags = self.byte()
        runs = int.from_bytes(self._bytes(2), "little") if flags & _RICH else 0
        more = int.from_bytes(self._bytes(4), "little") if flags & _EXTENDED else 0
        text = self.characters(count, flags & _WIDE)
        self._bytes(4 * runs + more)
        return text

    def byte(self) -> int:
        """The next byte."""
        return self._bytes(1)[0]

    def characters(self, count: int, wide: int) -> str:
        """Read a number of characters."""
        end = self._at + (count << wide)
        if end <= len(self._part):
            raw = self._part[self._at : end]
            self._at = end
            return raw.decode("utf-16-le", "replace") if wide else raw.decode("latin-1")
        found = b""
        while count:
            if self._at >= len(self._part):
                self._next()
                wide = self.byte() & _WIDE
            held = min(count, (len(self._part) - self._at) >> wide)
            if not held:
                raise DamagedWorkbook
            raw = self._part[self._at : self._at + (held << wide)]
            found += raw if wide else raw.decode("latin-1").encode("utf-16-le")
            self._at += held << wide
            count -= held
        return found.decode("utf-16-le", "replace")

    def _bytes(self, count: int) -> bytes:
        end = self._at + count
        if end <= len(self._part):
            raw = self._part[self._at : end]
            self._at = end
            return raw
        raw = b""
        while len(raw) < count:
            if self._at >= len(self._part):
                self._next()
            piece = self._part[self._at : self._at + count - len(raw)]
            raw += piece
            self._at += len(piece)
        return raw

    def _next(self) -> None:
        self._number += 1
        if self._number >= len(self._parts):
            raise DamagedWorkbook
        self._part, self._at = self._parts[self._number], 0
