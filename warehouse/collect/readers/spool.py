"""Delimited text on its way to DuckDB: one line per record, UTF-8, in a spool file.

DuckDB reads a file with several threads best when every record is one line. So line breaks within quotes
are folded into control characters (and unfolded after reading), blank lines become lines of one delimiter (so
that they still count), and line ends become LF: by searches over whole pieces, never row by row.

Only text after RFC 4180 passes: quotes around whole fields, doubled inside. At the first piece that is
otherwise (a stray quote, a lone carriage return, a control character that folding needs) spooling stops, and
the rest is for `loose`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

# What stands for LF and CR within quotes, and a mark that DuckDB takes for NULL so that no text is.
FOLDED = "\x1e\x1d"
BREAKS = "\n\r"
NO_VALUE = "\x1f\x1f"

_LF, _CR, _QUOTE = 10, 13, 34
_RESERVED = (b"\x1d", b"\x1e", b"\x1f")
# A record longer than this is a quote that was never closed, or no delimited text at all.
_LONGEST_RECORD = 32 << 20

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Spooled:
    """What went into the spool: lines, blank ones included, and the text from where it could not go on.

    `folded` says whether any of the lines holds folded line breaks.
    """

    lines: int
    folded: bool
    rest: Iterator[str] | None = None


def spool(texts: Iterator[str], delimiter: str, out: BinaryIO) -> Spooled:
    """Write delimited text as UTF-8 with one line per record.

    Args:
        texts: the text from the start of a record, in pieces that may end anywhere.
        delimiter: one ASCII character.
        out: where the lines go.

    Returns:
        What was written, and the rest of the text if it is not plain.
    """
    lines = _Lines(out)
    carry = b""
    separator = delimiter.encode("ascii")
    for text in texts:
        piece = carry + text.encode("utf-8")
        end = _end_of_records(piece)
        flat = _flatten(piece[:end], separator)
        if flat is None or len(piece) - end > _LONGEST_RECORD:
            return lines.written(chain([piece.decode("utf-8")], texts))
        lines.put(flat)
        carry = piece[end:]
    if carry:
        # The last line may lack its end. If a quote is open, an end does not close the record.
        closed = carry + b"\n"
        flat = _flatten(closed, separator) if _end_of_records(closed) == len(closed) else None
        if flat is None:
            return lines.written(iter([carry.decode("utf-8")]))
        lines.put(flat)
    return lines.written()


class _Lines:
    """The spool under way, with what is known of it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._count = 0
        self._folded = False

    def put(self, flat: bytes) -> None:
        self._out.write(flat)
        self._count += flat.count(b"\n")
        self._folded = self._folded or any(mark.encode() in flat for mark in FOLDED)

    def written(self, rest: Iterator[str] | None = None) -> Spooled:
        return Spooled(self._count, self._folded, rest)


def _end_of_records(piece: bytes) -> int:
    """Where the last whole record of a piece ends: after its last line feed outside quotes."""
    if b'"' not in piece:
        return piece.rfind(b"\n") + 1
    data = np.frombuffer(piece, np.uint8)
    ends = np.flatnonzero(data == _LF)
    outside = ends[~_inside(np.flatnonzero(data == _QUOTE), ends)]
    return int(outside[-1]) + 1 if outside.size else 0


def _inside(quotes: _Places, places: _Places) -> npt.NDArray[np.bool_]:
    """Which places lie within quotes: those with an odd number of quotes before them."""
    return (np.searchsorted(quotes, places) & 1).astype(np.bool_)


def _flatten(piece: bytes, separator: bytes) -> bytes | None:
    """Whole records as one line each, or None if the text is not plain."""
    if any(mark in piece for mark in _RESERVED):
        return None
    if b'"' in piece:
        folded = _fold(np.frombuffer(piece, np.uint8), separator[0])
        if folded is None:
            return None
        piece = folded
    if piece.count(b"\r") != piece.count(b"\r\n"):
        return None
    flat = piece.replace(b"\r\n", b"\n")
    if flat.startswith(b"\n"):
        flat = separator + flat
    # Twice, because of two blank lines in a row the second shares its line feed with the first.
    for _ in range(2):
        flat = flat.replace(b"\n\n", b"\n" + separator + b"\n")
    return flat


def _fold(data: _Bytes, separator: int) -> bytes | None:
    """Replace the line breaks within quotes, or None if a quote stands where none may."""
    quotes = np.flatnonzero(data == _QUOTE)
    if quotes.size % 2:
        return None
    # A piece ends with a line feed, so data[-1] serves as what stands before its first character.
    before, after = data[quotes[0::2] - 1], data[quotes[1::2] + 1]
    # A quote beside a quote is a doubled one: it closes and opens again.
    if not np.isin(before, (_LF, separator, _QUOTE)).all():
        return None
    if not np.isin(after, (_LF, _CR, separator, _QUOTE)).all():
        return None
    breaks = np.flatnonzero((data == _LF) | (data == _CR))
    within = breaks[_inside(quotes, breaks)]
    if within.size:
        data = data.copy()
        data[within] = np.where(data[within] == _LF, ord(FOLDED[0]), ord(FOLDED[1]))
    return data.tobytes()
