"""What reading one file from outside may use: memory, processor time, time, and bytes written. The one table of limits.

Each limit grows with the size of the file, from a floor to a ceiling. The floors let every file through that a
department really sends; a small file that needs more was made to do harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# How a file is read: piece by piece, as one block in memory, or unpacked. A sample counts as a block: its format is not
# known yet.
Manner = Literal["pieces", "block", "archive"]

_MIB, _GIB = 1 << 20, 1 << 30


@dataclass(frozen=True)
class Limits:
    """What reading one file may use.

    Attributes:
        memory: bytes, beyond what the process has when it begins.
        processor: seconds of processor time, of all threads together.
        wall: seconds until the answer has to be there.
        output: bytes of each file written, and of all that the engine spills.
        answer: bytes of the answer itself.
    """

    memory: int
    processor: int
    wall: int
    output: int
    answer: int

    @property
    def engine_memory(self) -> int:
        """Bytes that DuckDB may take of the memory before it spills."""
        return self.memory * 2 // 3


@dataclass(frozen=True)
class _Bytes:
    """A limit of `floor` for an empty file that grows by `each` for every byte to `ceiling`."""

    floor: int
    each: int
    ceiling: int

    def at(self, size: int) -> int:
        return min(self.ceiling, self.floor + self.each * size)


@dataclass(frozen=True)
class _Seconds:
    """A limit of `each` for every MiB, from `floor` to `ceiling`: a small file has the floor and no more."""

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


# Text, databases and DBF are read in pieces. A workbook is a block in memory, some hundred bytes for one of the file.
# The seconds are many times what sound files take on a slow machine.
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
    # What an archive may unpack to is limited by itself; see `warehouse.collect.intake.archive`.
    "archive": _Growth(
        memory=_Bytes(1024 * _MIB, 4, 2 * _GIB),
        processor=_Seconds(15, 8, 3600),
        output=_Bytes(16 * _GIB, 0, 16 * _GIB),
    ),
}
# Waiting for the disk and for other processes counts too: on a busy machine time runs faster than the processor's.
_WALL_FLOOR, _WALL_FACTOR = 25, 2
# The answer lists rows that were set aside: in a DBF each that is marked as deleted, in a text each that is empty.
_ANSWER = _Bytes(16 * _MIB, 64, _GIB)


def limits_of(manner: Manner, size: int) -> Limits:
    """What reading a file may use.

    Args:
        manner: how it is read; `schemas.formats` says it of a format.
        size: its bytes.
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
