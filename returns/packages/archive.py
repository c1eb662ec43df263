"""Zip files as packages and workbooks are: written member by member, the same content always the same bytes as long as
the same ISA-L runs on the same kind of processor.

Here belongs the container alone (PKWARE's APPNOTE 6.3, sections 4.3 and 4.4, without ZIP64). The standard library
reads such files but compresses with zlib only; ISA-L takes a sixth of its time, and a city's packages are
gigabytes of XML before they are compressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import BinaryIO, Self

from isal import isal_zlib

EARLIEST = date(1980, 1, 1)
"""The first day that a zip file can name."""

LARGEST = 2**32 - 2
"""Bytes of a member, and of what stands before one: beyond is ZIP64, which old programs dislike."""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20  # 2.0: the first that knows Deflate
_UNIX = 3
_READABLE = 0o644 << 16
_NAME_IN_UTF8 = 0x800
_STORED, _DEFLATED = 0, 8
_RAW = -isal_zlib.MAX_WBITS  # no header of zlib's own


@dataclass(frozen=True)
class _ZipMember:
    """What the headers say of a member."""

    name: str
    method: int
    offset: int
    checksum: int = 0
    packed: int = 0
    size: int = 0

    def facts(self, day: date) -> tuple[int, ...]:
        """The fields that the local and the central header have in common."""
        flags = 0 if self.name.isascii() else _NAME_IN_UTF8
        stamp = (day.year - EARLIEST.year) << 9 | day.month << 5 | day.day
        sizes = (self.checksum, self.packed, self.size, len(self.name.encode()))
        return (_VERSION, flags, self.method, 0, stamp, *sizes, 0)


class Archive:
    """A zip file being written; complete once its `with` block has ended without an error.

    Args:
        file: a seekable file open for writing, or a buffer in memory; it stays open.
        day: what every member gives as the day it was changed; given, never taken from the clock.
    """

    def __init__(self, file: BinaryIO, day: date = EARLIEST) -> None:
        self._file = file
        self._day = day
        self._members: list[_ZipMember] = []

    def add(self, name: str, pieces: Iterable[bytes], *, compressed: bool = True) -> None:
        """Write one member.

        Args:
            name: with slashes between folders.
            pieces: its content; no more of it is held in memory than one piece.
            compressed: or kept as it is, because it would not become smaller.

        Raises:
            ValueError: the member, or what stands before it, has 4 GiB or more.
        """
        member = _ZipMember(name, _DEFLATED if compressed else _STORED, self._file.tell())
        self._write_header(member)
        checksum = size = 0
        compressor = isal_zlib.compressobj(wbits=_RAW) if compressed else None
        for piece in pieces:
            checksum = isal_zlib.crc32(piece, checksum)
            size += len(piece)
            self._file.write(compressor.compress(piece) if compressor else piece)
        if compressor:
            self._file.write(compressor.flush())
        end = self._file.tell()
        if max(size, end) > LARGEST:
            raise ValueError(f"{name} does not fit: it has {size:,} bytes and ends at {end:,}")
        packed = end - member.offset - _LOCAL.size - len(name.encode())
        member = _ZipMember(name, member.method, member.offset, checksum, packed, size)
        self._file.seek(member.offset)
        self._write_header(member)
        self._file.seek(end)
        self._members.append(member)

    def _write_header(self, member: _ZipMember) -> None:
        self._file.write(_LOCAL.pack(b"PK\3\4", *member.facts(self._day)) + member.name.encode())

    def _write_directory(self) -> None:
        start = self._file.tell()
        for member in self._members:
            made_by = _UNIX << 8 | _VERSION
            rest = (0, 0, 0, _READABLE, member.offset)
            header = _CENTRAL.pack(b"PK\1\2", made_by, *member.facts(self._day), *rest)
            self._file.write(header + member.name.encode())
        count, size = len(self._members), self._file.tell() - start
        self._file.write(_END.pack(b"PK\5\6", 0, 0, count, count, size, start, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write_directory()
