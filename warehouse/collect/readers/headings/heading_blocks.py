"""Heading blocks: the rows of a sheet that together are the headings, and the path of texts above each column.

A heading may take several rows: a merged cell spans several columns, and each of them has a heading below it. The path
of a column lists the texts above it from top to bottom: 粮食, 谷物, 稻谷. This module looks only at texts and merged
cells. It does not know the contracts; `header_match` compares the paths with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.collect.readers.headings.row_classify import is_note

# Blocks with more rows are not headings: merged cells of the data reach that far.
MOST_ROWS = 6

Cells = Sequence[str | None]
Path = tuple[str, ...]

# An English heading below the Chinese heading, or a unit in brackets.
_FOREIGN = re.compile(r"[A-Za-z][A-Za-z\s.,/()（）%'&:;-]*|[(（][^()（）\d]*[)）]")
# This many rows are enough to see whether the data are in English.
_ENOUGH = 5
_CHINESE = re.compile("[\u3400-\u9fff]")
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_NUMBERING = frozenset({"栏次", "栏号", "列次", "编号"})


@dataclass(frozen=True)
class MergedCells:
    """A merged cell of a sheet: its first and last row and column, from 0."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def tall(self) -> bool:
        """Whether it spans more than one row."""
        return self.bottom > self.top

    @property
    def wide(self) -> bool:
        """Whether it spans more than one column."""
        return self.right > self.left

    def holds(self, row: int, place: int) -> bool:
        """Whether it contains a cell."""
        return self.top <= row <= self.bottom and self.left <= place <= self.right


@dataclass(frozen=True)
class HeadingBlock:
    """Rows that together are headings.

    Attributes:
        top: the first row, from 1.
        bottom: the last row, from 1.
        paths: for each column the texts above it, from top to bottom, stripped.
        leaves: for each column the lowest text, unchanged; empty if the column has no heading.
    """

    top: int
    bottom: int
    paths: tuple[Path, ...]
    leaves: tuple[str, ...]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.bottom - self.top + 1


def filled(cells: Cells) -> list[int]:
    """The positions of the filled cells of a row."""
    return [place for place, cell in enumerate(cells) if cell and cell.strip()]


def single(rows: Sequence[Cells], row: int) -> HeadingBlock:
    """A block of a single row."""
    cells = rows[row - 1]
    paths = tuple((text,) if (text := (cell or "").strip()) else () for cell in cells)
    return HeadingBlock(row, row, paths, tuple(cell or "" for cell in cells))


def drawn_block(rows: Sequence[Cells], row: int, merged: Sequence[MergedCells]) -> HeadingBlock:
    """The block of headings around a row, as merged cells show it; the row alone if no merged cell extends it.

    Args:
        rows: the file's first rows, from its row 1.
        row: the row, from 1.
        merged: the merged cells of the sheet.
    """
    areas = _within_the_table(rows, merged)
    top = bottom = row - 1
    while True:
        first, last = _reach(areas, top, bottom)
        first = _up(rows, areas, first)
        last = _down(rows, areas, last)
        if (first, last) == (top, bottom):
            break
        top, bottom = first, last
        if bottom - top >= MOST_ROWS or bottom >= len(rows):
            return single(rows, row)
    if top == bottom:
        return single(rows, row)
    return _together(rows, top, bottom, areas)


def written_block(
    rows: Sequence[Cells], top: int, bottom: int, merged: Sequence[MergedCells]
) -> HeadingBlock:
    """The rows from `top` to `bottom` (from 1) as one block, even if no merged cell connects them."""
    return _together(rows, top - 1, bottom - 1, _within_the_table(rows, merged))


def may_continue(cells: Cells) -> bool:
    """Whether a row may be a lower row of headings: it has words, and no digits."""
    texts = [str(cells[place]) for place in filled(cells)]
    return bool(texts) and not any(re.search(r"\d", text) for text in texts)


def is_foreign(rows: Sequence[Cells], block: HeadingBlock, places: Sequence[int]) -> bool:
    """Whether the row below a block only repeats the headings in English, or gives their units in brackets.

    Args:
        rows: the file's first rows, from its row 1.
        block: the headings.
        places: the columns, from 0, whose values are never words.
    """
    if block.bottom >= len(rows) or not any(_CHINESE.search(text) for path in block.paths for text in path):
        return False
    words = filled(rows[block.bottom])
    if not set(words).intersection(places) or not all_foreign(rows[block.bottom]):
        return False
    # If all rows below are in English too, English is the language of the data.
    return any(filled(cells) and not all_foreign(cells) for cells in rows[block.bottom + 1 :][:_ENOUGH])


def all_foreign(cells: Cells) -> bool:
    """Whether a row contains only English words and units in brackets."""
    return all(_FOREIGN.fullmatch(str(cells[place]).strip()) for place in filled(cells))


def is_numbering(cells: Cells, columns: int) -> bool:
    """Whether a row only numbers the columns of a form: 甲, 乙, 1, 2, 3.

    Args:
        cells: the row.
        columns: the number of the layout's columns with a heading; a row with fewer cells is no numbering.
    """
    texts = [str(cells[place]).strip() for place in filled(cells)]
    stems = next((n for n, text in enumerate(texts) if text not in _STEMS), len(texts))
    labelled = bool(texts) and stems == 0 and texts[0] in _NUMBERING
    numbers = texts[1:] if labelled else texts[stems:]
    # Without 甲 or a word such as 栏次, only a longer row of consecutive numbers counts as a numbering.
    least = 3 if stems or labelled else 5
    if len(texts) < max(least, columns) or texts[:stems] != list(_STEMS[:stems]):
        return False
    return bool(numbers) and numbers == [str(number) for number in range(1, len(numbers) + 1)]


def _within_the_table(rows: Sequence[Cells], merged: Sequence[MergedCells]) -> list[MergedCells]:
    """The merged cells, without titles that span the whole table."""
    places = [place for cells in rows for place in filled(cells)]
    first, last = min(places, default=0), max(places, default=0)
    return [area for area in merged if area.left > first or area.right < last]


def _reach(areas: Sequence[MergedCells], top: int, bottom: int) -> tuple[int, int]:
    """The first and last row that merged cells from these rows reach."""
    touching = [area for area in areas if area.tall and area.top <= bottom and area.bottom >= top]
    return min([top, *(a.top for a in touching)]), max([bottom, *(a.bottom for a in touching)])


def _up(rows: Sequence[Cells], areas: Sequence[MergedCells], top: int) -> int:
    """The row above, if it has merged cells with texts that span some of the columns."""
    if top >= len(rows):
        return top
    places = filled(rows[top])
    for area in areas:
        text = _text(rows, area.top, area.left).strip()
        if area.bottom != top - 1 or not area.wide or not text or is_note(text):
            continue
        if places and area.left <= places[0] and filled(rows[area.top]) == [area.left]:
            # It stands alone, also above the first column: a title that is narrower than the table.
            continue
        below = [place for place in places if area.left <= place <= area.right]
        if below and len(below) < len(places):
            return area.top
    return top


def _down(rows: Sequence[Cells], areas: Sequence[MergedCells], bottom: int) -> int:
    """The row below, if all its texts stand below merged cells of the last row, two or more below one of them."""
    if bottom + 1 >= len(rows):
        return bottom
    places = filled(rows[bottom + 1])
    spans = [area for area in areas if area.wide and area.bottom == bottom]
    below = [[place for place in places if area.left <= place <= area.right] for area in spans]
    several = any(len(each) > 1 for each in below)
    return bottom + 1 if several and sum(map(len, below)) == len(places) else bottom


def _text(rows: Sequence[Cells], row: int, place: int) -> str:
    """The text of a cell, unchanged."""
    cells = rows[row] if row < len(rows) else ()
    return cells[place] or "" if place < len(cells) else ""


def _together(rows: Sequence[Cells], top: int, bottom: int, areas: Sequence[MergedCells]) -> HeadingBlock:
    """Build the block of the rows from `top` to `bottom`, from 0."""
    inside = [area for area in areas if area.top <= bottom and area.bottom >= top]
    width = max([*(len(cells) for cells in rows[top : bottom + 1]), *(area.right + 1 for area in inside)])
    lines = [_line(rows, row, width, inside, last=row == bottom) for row in range(top, bottom + 1)]
    paths, leaves = [], []
    for texts in zip(*lines, strict=True):
        path: list[str] = []
        for text in texts:
            plain = text.strip()
            if plain and (not path or path[-1] != plain):
                path.append(plain)
        paths.append(tuple(path))
        leaves.append(next((text for text in reversed(texts) if text.strip()), ""))
    return HeadingBlock(top + 1, bottom + 1, tuple(paths), tuple(leaves))


def _line(
    rows: Sequence[Cells], row: int, width: int, areas: Sequence[MergedCells], *, last: bool
) -> list[str]:
    """The text of a row above each column: the text of its merged cell; an empty cell may take its left neighbour's."""
    texts: list[str] = []
    for place in range(width):
        area = next((area for area in areas if area.holds(row, place)), None)
        text = _text(rows, row, place) if area is None else _text(rows, area.top, area.left)
        left = texts[-1] if texts else ""
        if not text.strip() and not last and _is_below(rows, row, place, area, areas):
            # An empty cell above headings continues its left neighbour: 水果产量 | (merged, empty) above 苹果, 梨.
            text = left
        texts.append(text)
    return texts


def _is_below(
    rows: Sequence[Cells], row: int, place: int, area: MergedCells | None, areas: Sequence[MergedCells]
) -> bool:
    """Whether an empty cell stands above headings and may continue the text to its left."""
    if area is not None:
        return area.wide and not area.tall
    neighbour = next((each for each in areas if each.holds(row, place - 1)), None)
    # A wide merged cell with a text shows how far its text reaches.
    if neighbour is not None and (neighbour.wide and _text(rows, neighbour.top, neighbour.left).strip()):
        return False
    return bool(_text(rows, row + 1, place).strip())
