"""Spool files for DuckDB: delimited text as UTF-8 with one line for each record.

DuckDB reads a file with several threads best when every record is one line. So line breaks within quotes become
control characters (restored after reading), blank lines become lines of one delimiter (so that they still count), and
line ends become LF. All this uses searches over whole pieces, without a loop over rows.

Only text according to RFC 4180 passes: quotes around whole fields, doubled inside. Two other spellings are repaired if
the text then conforms: blanks between a delimiter and a quote, and quotes escaped with a backslash. At the first piece
with another irregularity (a stray quote, a single carriage return, a control character that is needed for folding) the
spool stops; `lenient` reads the rest.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import numpy as np
import numpy.typing as npt

from warehouse.collect.readers.doubts import ANY, CONTROL, MARKED, PRIVATE
from warehouse.collect.readers.text.endings import END_OF_FILE

# Replacements for LF and CR within quotes, and a mark for NULL that no text contains.
FOLDED = "\x1e\x1d"
BREAKS = "\n\r"
NO_VALUE = "\x1f\x1f"

_LF, _CR, _QUOTE = 10, 13, 34
_RESERVED = (b"\x1d", b"\x1e", b"\x1f")
# A longer record is an unclosed quote, or the file is not delimited text.
_LONGEST_RECORD = 32 << 20
# Size of a spool file in bytes: DuckDB reads one file while the next is written.
_PART = 128 << 20

# A backslash that is itself escaped, or an escaped quote.
_BACKSLASHED = re.compile(rb'\\\\|\\"')
# Bytes of the private-use areas in UTF-8: U+E000 to U+EFFF and planes 15 and 16 have their own first bytes, U+F000 to
# U+F8FF need two bytes. Searching for a byte is much faster than searching for a pattern.
_PRIVATE, _PRIVATE_OF_TWO = (b"\xee", b"\xf3", b"\xf4"), re.compile(b"\xef[\x80-\xa3]")
# Notes on repaired text (Chinese).
BLANKS = "引号前后有空格，已去掉这些空格"
BACKSLASHES = "文字里的引号前有反斜杠，已按引号读取"

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class SpoolPart:
    """One spool file: the number of its lines, blank lines included, and whether it has folded line breaks."""

    path: Path
    lines: int
    folded: bool


class RecordSpool:
    """Writes delimited text into spool files.

    Attributes:
        rest: after all parts, the text from the first irregular place on; None if the whole text was written.
        mended: notes on the repaired spellings.
        odd: the kinds of odd values that may occur.
    """

    def __init__(self, texts: Iterator[str], delimiter: str, folder: Path) -> None:
        """Take text from the start of a record, in pieces that may end anywhere.

        Args:
            texts: the pieces.
            delimiter: one ASCII character.
            folder: the folder for the files.
        """
        self.rest: Iterator[str] | None = None
        self.mended: tuple[str, ...] = ()
        self.odd: frozenset[str] = frozenset()
        self._texts = texts
        self._separator = delimiter.encode("ascii")
        self._folder = folder

    def parts(self) -> Iterator[SpoolPart]:
        """Write the text as UTF-8 with one line for each record, and yield each finished part."""
        records = self._records()
        for number in count():
            path = self._folder / f"{number}.csv"
            lines, size, folded = 0, 0, False
            with path.open("wb") as out:
                for flat in records:
                    out.write(flat.data.tobytes())
                    lines += flat.lines
                    folded = folded or flat.folded
                    size += len(flat.data)
                    if size >= _PART:
                        break
            if not lines:
                return
            yield SpoolPart(path, lines, folded)

    def _records(self) -> Iterator[_Flat]:
        """Yield whole records, as many as each piece of text completes."""
        carry = b""
        for text in self._texts:
            piece = carry + text.encode("utf-8")
            self.odd |= _odd_in(piece, ANY - self.odd)
            flat, carry = self._flattened(piece)
            if flat is None or len(carry) > _LONGEST_RECORD:
                self.rest = chain([piece.decode("utf-8")], self._texts)
                return
            yield flat
        if carry:
            # The last line may have no line end. If a quote is open, a line end does not close the record.
            flat, left = self._flattened(carry + b"\n")
            if flat is None or left:
                self.rest = iter([carry.decode("utf-8")])
                return
            yield flat

    def _flattened(self, piece: bytes) -> tuple[_Flat | None, bytes]:
        """The whole records of a piece as lines (None if the piece is irregular), and its incomplete last record."""
        spellings = ((BLANKS,), (BACKSLASHES,), (BLANKS, BACKSLASHES))
        for mended in (self.mended, *(each for each in spellings if set(each) > set(self.mended))):
            spelt = _mended(piece, self._separator, mended)
            if mended != self.mended and spelt == piece:
                continue
            end = _end_of_records(spelt)
            flat = _flatten(spelt[:end], self._separator)
            if flat is not None and (end or not mended):
                self.mended = mended
                return flat, spelt[end:]
        return None, piece


def _is_private(piece: bytes) -> bool:
    """Whether a UTF-8 text contains characters of a private-use area."""
    return any(byte in piece for byte in _PRIVATE) or _PRIVATE_OF_TWO.search(piece) is not None


def _odd_in(piece: bytes, asked: frozenset[str]) -> set[str]:
    """The kinds of odd values (`doubts`) that a UTF-8 text may contain, among the kinds in `asked`."""
    found = {kind for kind, marks in MARKED.items() if kind in asked and any(mark in piece for mark in marks)}
    if PRIVATE in asked and _is_private(piece):
        found.add(PRIVATE)
    if CONTROL in asked and END_OF_FILE in piece:
        found.add(CONTROL)
    return found


def _mended(piece: bytes, separator: bytes, spellings: tuple[str, ...]) -> bytes:
    if BLANKS in spellings:
        blanks = b" +" if separator == b"\t" else b"[ \t]+"
        between = re.escape(separator)
        piece = re.sub(b"(^|\n|" + between + b")" + blanks + b'(?=")', rb"\1", piece)
        piece = re.sub(b'(")' + blanks + b"(?=\r?\n|" + between + b")", rb"\1", piece)
    if BACKSLASHES in spellings:
        piece = _BACKSLASHED.sub(lambda found: b'""' if found[0] == b'\\"' else found[0], piece)
    return piece


@dataclass(frozen=True)
class _Flat:
    """Records as one line each."""

    data: _Bytes
    lines: int
    folded: bool


def _end_of_records(piece: bytes) -> int:
    """The end of the last whole record: behind the last line feed outside quotes."""
    if b'"' not in piece:
        return piece.rfind(b"\n") + 1
    data = np.frombuffer(piece, np.uint8)
    ends = np.flatnonzero(data == _LF)
    outside = ends[~_inside(np.flatnonzero(data == _QUOTE), ends)]
    return int(outside[-1]) + 1 if outside.size else 0


def _inside(quotes: _Places, places: _Places) -> npt.NDArray[np.bool_]:
    """Which positions lie within quotes: an odd number of quotes stands before them."""
    return (np.searchsorted(quotes, places) & 1).astype(np.bool_)


def _flatten(piece: bytes, separator: bytes) -> _Flat | None:
    """Turn whole records into lines; None if the text is irregular."""
    # DuckDB would drop U+FEFF at the start of a spool file as a byte order mark.
    if any(mark in piece for mark in _RESERVED) or piece.startswith(BOM_UTF8):
        return None
    data, folded = np.frombuffer(piece, np.uint8), False
    if b'"' in piece:
        quotes = np.flatnonzero(data == _QUOTE)
        if not _well_quoted(data, quotes, separator[0]):
            return None
        data, folded = _fold(data, quotes)
    returns = np.flatnonzero(data == _CR)
    if returns.size:
        if (data[returns + 1] != _LF).any():
            return None
        data = data[data != _CR]
    ends = np.flatnonzero(data == _LF)
    # A blank line is a line feed at the start, or directly after another line feed.
    if (np.diff(ends, prepend=-1) == 1).any():
        data = np.frombuffer(_fill_blank_lines(data.tobytes(), separator), np.uint8)
    return _Flat(data, ends.size, folded)


def _fill_blank_lines(flat: bytes, separator: bytes) -> bytes:
    # Twice: of two adjacent blank lines, the second shares a line feed with the first.
    for _ in range(2):
        flat = flat.replace(b"\n\n", b"\n" + separator + b"\n")
    return separator + flat if flat.startswith(b"\n") else flat


def _well_quoted(data: _Bytes, quotes: _Places, separator: int) -> bool:
    """Whether every quote opens a field, closes a field, or is doubled within a field."""
    if quotes.size % 2:
        return False
    # data[-1] is a line feed, so that it can stand for the byte before the first character.
    before, after = data[quotes[0::2] - 1], data[quotes[1::2] + 1]
    # A doubled quote counts as closing the field and opening it again.
    opens = np.isin(before, (_LF, separator, _QUOTE)).all()
    closes = np.isin(after, (_LF, _CR, separator, _QUOTE)).all()
    return bool(opens and closes)


def _fold(data: _Bytes, quotes: _Places) -> tuple[_Bytes, bool]:
    """Replace the line breaks within quotes; also return whether there were any."""
    breaks = np.flatnonzero((data == _LF) | (data == _CR))
    within = breaks[_inside(quotes, breaks)]
    if not within.size:
        return data, False
    folded = data.copy()
    folded[within] = np.where(data[within] == _LF, ord(FOLDED[0]), ord(FOLDED[1]))
    return folded, True
