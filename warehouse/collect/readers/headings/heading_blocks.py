"""Heading blocks: the rows of a sheet that are headings together, and the path of texts above each column.

A heading may take several rows: a merged cell stands over several columns, and those have headings of their own
below it. The path of a column is every text above it, from the top down: 粮食, 谷物, 稻谷. Only texts and merged
cells are looked at here; which contract they fit is `titles`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.collect.readers.headings.row_classify import is_note

# More rows than this are no heading: merged cells of the data reach that far.
MOST_ROWS = 6

Cells = Sequence[str | None]
Path = tuple[str, ...]

# A heading in English below the Chinese one, or a unit in brackets.
_FOREIGN = re.compile(r"[A-Za-z][A-Za-z\s.,/()（）%'&:;-]*|[(（][^()（）\d]*[)）]")
# So many rows show whether the data is in English.
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
        """Whether it takes more than one row."""
        return self.bottom > self.top

    @property
    def wide(self) -> bool:
        """Whether it takes more than one column."""
        return self.right > self.left

    def holds(self, row: int, place: int) -> bool:
        """Whether a cell is part of it."""
        return self.top <= row <= self.bottom and self.left <= place <= self.right


@dataclass(frozen=True)
class HeadingBlock:
    """Rows that are headings together.

    Attributes:
        top: the first of them, from 1.
        bottom: the last of them.
        paths: the texts above each column, from the top down, without blanks at their ends.
        leaves: the lowest of them, untouched; empty for a column without a heading.
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
    """The places of a row that hold something."""
    return [place for place, cell in enumerate(cells) if cell and cell.strip()]


def single(rows: Sequence[Cells], row: int) -> HeadingBlock:
    """A row by itself as a block."""
    cells = rows[row - 1]
    paths = tuple((text,) if (text := (cell or "").strip()) else () for cell in cells)
    return HeadingBlock(row, row, paths, tuple(cell or "" for cell in cells))


def drawn_block(rows: Sequence[Cells], row: int, merged: Sequence[MergedCells]) -> HeadingBlock:
    """The block that a row is part of, as merged cells show it; the row alone where they show none.

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
    """The rows from `top` to `bottom` (from 1) as one block, though merged cells may not show it."""
    return _together(rows, top - 1, bottom - 1, _within_the_table(rows, merged))


def may_continue(cells: Cells) -> bool:
    """Whether a row may be a lower row of headings: it has words, and no number."""
    texts = [str(cells[place]) for place in filled(cells)]
    return bool(texts) and not any(re.search(r"\d", text) for text in texts)


def is_foreign(rows: Sequence[Cells], block: HeadingBlock, places: Sequence[int]) -> bool:
    """Whether the row below a block is only its headings in English, or their units in brackets.

    Args:
        rows: the file's first rows, from its row 1.
        block: the headings.
        places: columns that no word can be a value of, from 0.
    """
    if block.bottom >= len(rows) or not any(_CHINESE.search(text) for path in block.paths for text in path):
        return False
    words = filled(rows[block.bottom])
    if not set(words).intersection(places) or not all_foreign(rows[block.bottom]):
        return False
    # Where every row is in English it is the data's language.
    return any(filled(cells) and not all_foreign(cells) for cells in rows[block.bottom + 1 :][:_ENOUGH])


def all_foreign(cells: Cells) -> bool:
    """Whether a row has nothing but words in English and units in brackets."""
    return all(_FOREIGN.fullmatch(str(cells[place]).strip()) for place in filled(cells))


def is_numbering(cells: Cells, columns: int) -> bool:
    """Whether a row only numbers the columns of a form: 甲, 乙, 1, 2, 3.

    Args:
        cells: the row.
        columns: how many columns of the layout have a heading; a row with fewer cells numbers nothing.
    """
    texts = [str(cells[place]).strip() for place in filled(cells)]
    stems = next((n for n, text in enumerate(texts) if text not in _STEMS), len(texts))
    labelled = bool(texts) and stems == 0 and texts[0] in _NUMBERING
    numbers = texts[1:] if labelled else texts[stems:]
    # Without a word that says so, only a long row of consecutive numbers is taken for one.
    least = 3 if stems or labelled else 5
    if len(texts) < max(least, columns) or texts[:stems] != list(_STEMS[:stems]):
        return False
    return bool(numbers) and numbers == [str(number) for number in range(1, len(numbers) + 1)]


def _within_the_table(rows: Sequence[Cells], merged: Sequence[MergedCells]) -> list[MergedCells]:
    """The merged cells that are no title over the whole table."""
    places = [place for cells in rows for place in filled(cells)]
    first, last = min(places, default=0), max(places, default=0)
    return [area for area in merged if area.left > first or area.right < last]


def _reach(areas: Sequence[MergedCells], top: int, bottom: int) -> tuple[int, int]:
    """The rows that merged cells in these rows reach up and down to."""
    touching = [area for area in areas if area.tall and area.top <= bottom and area.bottom >= top]
    return min([top, *(a.top for a in touching)]), max([bottom, *(a.bottom for a in touching)])


def _up(rows: Sequence[Cells], areas: Sequence[MergedCells], top: int) -> int:
    """The row above, if merged cells with a text stand there over some of the columns."""
    if top >= len(rows):
        return top
    places = filled(rows[top])
    for area in areas:
        text = _text(rows, area.top, area.left).strip()
        if area.bottom != top - 1 or not area.wide or not text or is_note(text):
            continue
        if places and area.left <= places[0] and filled(rows[area.top]) == [area.left]:
            # It stands alone above the first column too: a title, though it ends before the table does.
            continue
        below = [place for place in places if area.left <= place <= area.right]
        if below and len(below) < len(places):
            return area.top
    return top


def _down(rows: Sequence[Cells], areas: Sequence[MergedCells], bottom: int) -> int:
    """The row below, if all it holds stands below merged cells of the last row, and several below one of them."""
    if bottom + 1 >= len(rows):
        return bottom
    places = filled(rows[bottom + 1])
    spans = [area for area in areas if area.wide and area.bottom == bottom]
    below = [[place for place in places if area.left <= place <= area.right] for area in spans]
    several = any(len(each) > 1 for each in below)
    return bottom + 1 if several and sum(map(len, below)) == len(places) else bottom


def _text(rows: Sequence[Cells], row: int, place: int) -> str:
    """A cell, untouched."""
    cells = rows[row] if row < len(rows) else ()
    return cells[place] or "" if place < len(cells) else ""


def _together(rows: Sequence[Cells], top: int, bottom: int, areas: Sequence[MergedCells]) -> HeadingBlock:
    """The block of the rows from `top` to `bottom`, from 0."""
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
    """The text of a row above each column: that of its merged cell, or of the one left of an empty one."""
    texts: list[str] = []
    for place in range(width):
        area = next((area for area in areas if area.holds(row, place)), None)
        text = _text(rows, row, place) if area is None else _text(rows, area.top, area.left)
        left = texts[-1] if texts else ""
        if not text.strip() and not last and _is_below(rows, row, place, area, areas):
            # An empty cell above headings goes on with its neighbour: 水果产量 | (merged, empty) above 苹果, 梨.
            text = left
        texts.append(text)
    return texts


def _is_below(
    rows: Sequence[Cells], row: int, place: int, area: MergedCells | None, areas: Sequence[MergedCells]
) -> bool:
    """Whether an empty cell stands over headings and may belong to the text left of it."""
    if area is not None:
        return area.wide and not area.tall
    neighbour = next((each for each in areas if each.holds(row, place - 1)), None)
    # A merged cell with a text says itself how far it reaches.
    if neighbour is not None and (neighbour.wide and _text(rows, neighbour.top, neighbour.left).strip()):
        return False
    return bool(_text(rows, row + 1, place).strip())
