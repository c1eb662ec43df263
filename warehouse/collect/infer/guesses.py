"""Guesses about a file without a contract: its delimiter, and the place of its headings, if it has headings.

The guesses use only texts and merged cells. The draft lists each guess, so that a person can judge it.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from warehouse.collect.readers.headings.header_match import HEADING_ROWS, without_latin
from warehouse.collect.readers.headings.heading_blocks import (
    Cells,
    HeadingBlock,
    MergedCells,
    all_foreign,
    drawn_block,
    filled,
    is_foreign,
    is_numbering,
    may_continue,
    written_block,
)

# A row of headings fills about as many cells as the widest row; a title or a remark fills fewer. Most cells of
# headings are words rather than numbers and dates.
_FILLED = 0.6
_WORDS = re.compile(r".*[^\d\s.,:/+%-].*", re.DOTALL)
# Years and months may be headings; longer numbers and full dates are values.
_PERIOD = re.compile(r"(?:19|20)\d{2}(?:[-./年]\d{1,2})?[年月]?|\d{1,2}")
_VALUE = re.compile(r"[+-]?\d[\d,. ]*%?")
_LONG_NUMBER = re.compile(r"\d{5,}")
_MOST = 0.8
_ORNAMENTS = re.compile(r"[\s*]+")
# A row is a record if this many of its values occur again below it.
_COMES_AGAIN = 2


@dataclass(frozen=True)
class GuessedHeadings:
    """The headings of a sample.

    Attributes:
        block: the rows of the headings.
        titles: for each column its whole path, 户籍人口-男, without ornaments; empty if it has no heading.
        last: the last row of the headings, including rows of English names and units below the block.
        measured: the columns, from 0, whose values are numbers.
    """

    block: HeadingBlock
    titles: tuple[str, ...]
    last: int
    measured: frozenset[int]


def plain_title(title: str) -> str:
    """Clean a heading: drop English behind it, line breaks, stars, and blanks between single characters."""
    text = _ORNAMENTS.sub(" ", without_latin(title)).strip(" :：")
    # Headings are often spaced for the eye: 地　区.
    return "".join(text.split()) if all(len(part) == 1 for part in text.split()) else text


def guess_delimiter(text: str, delimiters: Sequence[str]) -> tuple[str, list[list[str]]]:
    """Find the delimiter that gives the most rows the same number of cells, and split the first rows by it.

    A wrong delimiter that occurs inside fields gives rows of many widths, even if it is more frequent than the right
    delimiter.
    Args:
        text: the first part of a file.
        delimiters: the candidates, the usual one first.
    """
    parted = [(delimiter, split_rows(text, delimiter, HEADING_ROWS)) for delimiter in delimiters]
    return max(parted, key=lambda each: _regularity(each[1]))


def _regularity(rows: Sequence[Cells]) -> tuple[float, int]:
    """The share of the rows with the most frequent width, and that width; 0 for a width of one cell."""
    widths = Counter(len(cells) for cells in rows if filled(cells))
    if not widths:
        return 0, 0
    width, count = max(widths.items(), key=lambda each: (each[1], each[0]))
    wider = [(count, width) for width, count in widths.items() if width > 1]
    if width == 1 and wider:
        # Notes above and below the table have one cell, so that the widest group of other rows counts.
        count, width = max(wider)
    return (count / widths.total(), width) if width > 1 else (0, 1)


def split_rows(text: str, delimiter: str, most: int | None = None) -> list[list[str]]:
    """Split the first records of a text; stop at an unclosed quote.

    Args:
        text: the first part of a file.
        delimiter: one character.
        most: the number of records; None for all.
    """
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        rows.extend(islice(lines, most))
    except csv.Error:
        # An unclosed quote swallows the rest; the headings stand above it.
        return rows
    return rows


def guess_headings(rows: Sequence[Cells], merged: Sequence[MergedCells] = ()) -> GuessedHeadings | None:
    """Find the first rows that look like headings; None if a record comes first.

    Args:
        rows: the file's first rows.
        merged: the merged cells of the sheet.
    """
    enough = max(1, _FILLED * max((len(filled(cells)) for cells in rows), default=0))
    blocks = list(dict.fromkeys(_blocks(rows, merged)))
    # Years may be headings too, so that the second round accepts blocks with a single word.
    for least in (enough, 1):
        for block in blocks:
            texts = [path[-1] for path in block.paths if path]
            words = [text for text in texts if _WORDS.fullmatch(text) and not _LONG_NUMBER.fullmatch(text)]
            if len(set(block.paths) - {()}) < enough:
                continue
            if _is_record(rows, block, texts):
                # All rows below a record are records.
                return None
            if len(set(words)) >= least:
                return _with_rows_below(rows, block)
    return None


def _blocks(rows: Sequence[Cells], merged: Sequence[MergedCells]) -> Iterator[HeadingBlock]:
    """Yield every block that may be the headings: as drawn, and extended by rows of further headings below."""
    for row in range(1, min(len(rows), HEADING_ROWS) + 1):
        block = drawn_block(rows, row, merged)
        while block.bottom < len(rows) and _goes_on(rows, block):
            block = written_block(rows, block.top, block.bottom + 1, merged)
        yield block


def _goes_on(rows: Sequence[Cells], block: HeadingBlock) -> bool:
    """Whether the row below a block holds sub-headings: words, with an empty first column."""
    below = rows[block.bottom]
    places = filled(below)
    headed = [place for place, path in enumerate(block.paths) if path]
    # A title has no sub-headings.
    if len(headed) < 2 or len(places) < 2 or not may_continue(below) or places[0] <= headed[0]:
        return False
    if all_foreign(below):
        return False
    last = rows[block.bottom - 1]
    further = [place for place in places if place >= len(last) or not (last[place] or "").strip()]
    # A record would fill all columns that have headings.
    return 2 * len(further) >= len(places) and any(place not in places for place in headed)


def _is_record(rows: Sequence[Cells], block: HeadingBlock, texts: Sequence[str]) -> bool:
    """Whether a row holds values: numbers that are not a period, or texts that occur again below."""
    if any(not _WORDS.fullmatch(text) and not _PERIOD.fullmatch(text) for text in texts):
        return True
    if block.rows > 1:
        return False
    again = 0
    for place, path in enumerate(block.paths):
        below = [cells[place] for cells in rows[block.bottom :] if place < len(cells)]
        again += bool(path) and path[-1] in [str(cell).strip() for cell in below if cell]
    # If all texts occur again, they are repeated headings.
    return _COMES_AGAIN <= again < len(texts)


def _with_rows_below(rows: Sequence[Cells], block: HeadingBlock) -> GuessedHeadings:
    measured = frozenset(
        place for place in range(len(block.paths)) if _is_measured(rows, block.bottom, place)
    )
    last = block.bottom
    while last < len(rows):
        here = replace(block, bottom=last)
        columns = sum(bool(path) for path in block.paths)
        if not is_foreign(rows, here, sorted(measured)) and not is_numbering(rows[last], columns):
            break
        last += 1
    # The path is needed: 男 is ambiguous without 户籍人口.
    titles = tuple("-".join(filter(None, map(plain_title, path))) for path in block.paths)
    return GuessedHeadings(block, titles, last, measured)


def _is_measured(rows: Sequence[Cells], header_row: int, place: int) -> bool:
    values = [str(cells[place]).strip() for cells in rows[header_row:] if place < len(cells) and cells[place]]
    return bool(values) and sum(bool(_VALUE.fullmatch(value)) for value in values) >= _MOST * len(values)
