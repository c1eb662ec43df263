"""Delimited text that is not strictly CSV: stray quotes, single carriage returns. Slower than DuckDB, but exact.

Python's csv module splits the records as spreadsheets do: a quote within an unquoted field is text, a single carriage
return ends a row. The module accepts a quote that is never closed; this reader refuses it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain, islice, zip_longest

import numpy as np
import pyarrow as pa

_BATCH = 20_000
# Fields beyond the headings that stay separate; all fields further right are joined to the last of them.
_MARGIN = 16
_LONGEST_LINE = 32 << 20
# The fields of an extra line at the end; an unclosed quote swallows this line, so that it does not come back alone.
_END = ["\x1f", "\x1f"]


class OpenQuote(Exception):
    """A quoted field without an end; `row` is the row of its record."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


class StrayQuotes:
    """Counts the lines with text behind a closing quote, as in `"a"b"`: which quotes are text is unclear."""

    def __init__(self, delimiter: str) -> None:
        self.lines = 0
        mark = re.escape(delimiter)
        self._stray = re.compile(rf'(?:^|{mark})"(?:[^"]|"")*"[^"{mark}\r\n]')

    def watch(self, lines: Iterator[str]) -> Iterator[str]:
        """Pass the lines on, and count them."""
        for line in lines:
            if '"' in line and self._stray.search(line):
                self.lines += 1
            yield line


def batches(
    texts: Iterator[str], delimiter: str, width: int, first: int, stray: StrayQuotes
) -> Iterator[pa.Table]:
    """Yield the records of delimited text as tables, blank lines included.

    Args:
        texts: the text from the start of a record, in pieces that may end anywhere.
        delimiter: one character.
        width: the number of headings.
        first: the row of the first record.
        stray: counts the lines with irregular quotes.

    Yields:
        Tables with `_row` from `first` on, `f0` to `f<width - 1>` as text, `_fields` (the record's number of fields)
        and `_overflow` (the fields without a heading, joined).

    Raises:
        OpenQuote: a quoted field does not end, or is longer than a field can be.
    """
    reader = csv.reader(chain(stray.watch(_lines(texts)), [delimiter.join(_END)]), delimiter=delimiter)
    row = first
    rows: list[list[str]] = [[]]
    closed = False
    while rows:
        rows = []
        try:
            rows.extend(islice(reader, _BATCH))
        except csv.Error as error:
            raise OpenQuote(row + len(rows)) from error
        if rows:
            closed = rows[-1] == _END
            rows = rows[:-1] if closed else rows
        if rows:
            yield _table(rows, width, row)
            row += len(rows)
    if not closed:
        raise OpenQuote(row - 1)


def _lines(texts: Iterator[str]) -> Iterator[str]:
    """Split text into lines that keep their ends: LF, CR or CRLF."""
    carry = ""
    for text in texts:
        carry += text
        # A carriage return at the end of a piece may be half of a CRLF.
        end = max(carry.rfind("\n"), carry.rfind("\r", 0, len(carry) - 1)) + 1
        yield from io.StringIO(carry[:end], newline="")
        carry = carry[end:]
        if len(carry) > _LONGEST_LINE:
            raise csv.Error("line too long")
    yield from io.StringIO(carry, newline="")


def _table(rows: list[list[str]], width: int, first: int) -> pa.Table:
    fields = np.fromiter(map(len, rows), np.int64, len(rows))
    widest = width + _MARGIN
    for place in np.flatnonzero(fields > widest):
        rows[place][widest - 1 :] = ["".join(rows[place][widest - 1 :])]
    columns = list(zip_longest(*rows, fillvalue=""))
    columns += [("",) * len(rows)] * (width - len(columns))
    overflow = map("".join, zip(*columns[width:], strict=True)) if columns[width:] else ()
    arrays = [pa.array(column, pa.string()) for column in columns[:width]]
    return pa.table(
        [
            pa.array(np.arange(first, first + len(rows))),
            *arrays,
            pa.array(fields),
            pa.array(list(overflow) or [""] * len(rows), pa.string()),
        ],
        names=["_row", *(f"f{place}" for place in range(width)), "_fields", "_overflow"],
    )
