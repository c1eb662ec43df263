"""The limits on reading one file from outside: memory, processor time, wall time, and bytes written.

Each limit grows with the size of the file, from a floor to a ceiling. The floors are enough for every real file of a
department; a small file that needs more is a malicious file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# How a file is read: in pieces, as one block in memory, or unpacked. A sample counts as a block, because its format is
# not known yet.
Manner = Literal["pieces", "block", "archive"]

_MIB, _GIB = 1 << 20, 1 << 30


@dataclass(frozen=True)
class Limits:
    """The limits on reading one file.

    Attributes:
        memory: bytes, in addition to the memory of the process at the start.
        processor: seconds of processor time of all threads.
        wall: seconds until the answer must arrive.
        output: bytes of each written file, and of all spill files of the engine.
        answer: bytes of the answer itself.
    """

    memory: int
    processor: int
    wall: int
    output: int
    answer: int

    @property
    def engine_memory(self) -> int:
        """Bytes of the memory that DuckDB may use before it spills."""
        return self.memory * 2 // 3


@dataclass(frozen=True)
class _Bytes:
    """A limit that starts at `floor` for an empty file and grows by `each` for every byte, up to `ceiling`."""

    floor: int
    each: int
    ceiling: int

    def at(self, size: int) -> int:
        return min(self.ceiling, self.floor + self.each * size)


@dataclass(frozen=True)
class _Seconds:
    """A limit of `each` for every MiB, at least `floor` and at most `ceiling`."""

    floor: int
    each: int
    ceiling: int

    def at(self, size: int) -> int:
        return int(min(self.ceiling, max(self.floor, self.each * size / _MIB)))


@dataclass(frozen=True)
class _Growth:
    memory: _Bytes
    processor: _Seconds
    output: _Bytes


# Text, databases and DBF are read in pieces. A workbook is a block in memory: some hundred bytes for each byte of the
# file. The seconds are many times the need of sound files on a slow machine.
_PIECES = _Growth(
    memory=_Bytes(1536 * _MIB, 4, 3 * _GIB),
    processor=_Seconds(15, 1, 3600),
    output=_Bytes(_GIB, 8, 256 * _GIB),
)
_BLOCK = _Growth(
    memory=_Bytes(1536 * _MIB, 120, 10 * _GIB),
    processor=_Seconds(15, 8, 3600),
    output=_Bytes(_GIB, 60, 64 * _GIB),
)
_MANNERS: Mapping[Manner, _Growth] = {
    "pieces": _PIECES,
    "block": _BLOCK,
    # `warehouse.collect.intake.archive` limits the unpacked size.
    "archive": _Growth(
        memory=_Bytes(1024 * _MIB, 4, 2 * _GIB),
        processor=_Seconds(15, 8, 3600),
        output=_Bytes(16 * _GIB, 0, 16 * _GIB),
    ),
}
# Wall time includes waiting for the disk and for other processes, so it exceeds processor time on a busy machine.
_WALL_FLOOR, _WALL_FACTOR = 25, 2
# The answer lists the rows that were set aside: rows marked as deleted in a DBF, empty rows in a text.
_ANSWER = _Bytes(16 * _MIB, 64, _GIB)


def limits_of(manner: Manner, size: int) -> Limits:
    """The limits on reading a file.

    Args:
        manner: how the file is read; `schemas.formats` declares it for each format.
        size: bytes of the file.
    """
    table = _MANNERS[manner]
    processor = table.processor.at(size)
    return Limits(
        memory=table.memory.at(size),
        processor=processor,
        wall=_WALL_FLOOR + _WALL_FACTOR * (processor - table.processor.floor),
        output=table.output.at(size),
        answer=_ANSWER.at(size),
    )
