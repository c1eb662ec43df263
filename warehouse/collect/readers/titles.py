"""Headings: which row of a file they stand in, and which column of the layout each of them means.

Only text is compared here. Where the rows come from is the readers' business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse.collect.readers.layout import (
    FoundColumn,
    Layout,
    LayoutColumn,
    UnreadableFile,
    unreadable,
)

# Headings stand below a title and a line or two of remarks, never deeper than this.
HEADING_ROWS = 50

# Blanks of every kind, zero-width marks, the star of a mandatory item, and a colon at the end.
_ORNAMENTS = re.compile(r"[\s\u200b-\u200d\u2060\ufeff*]+|:+$")
_NUMBER = re.compile(r"\d{4}")
_SHOWN_TITLES = 12
_SHOWN_LENGTH = 20

Cells = Sequence[str | None]


@dataclass(frozen=True)
class Headings:
    """The headings of a file, matched with the layout.

    Attributes:
        row: where they stand, from 1.
        width: number of columns up to the last heading.
        columns: those of the layout that were found, in its order.
        missing: those that were not.
        extra: headings that no column took.
    """

    row: int
    width: int
    columns: tuple[FoundColumn, ...]
    missing: tuple[LayoutColumn, ...]
    extra: tuple[str, ...]

    @property
    def acceptable(self) -> bool:
        """Whether this can be a heading row: one equal cell alone may be chance."""
        return len(self.columns) >= min(2, len(self.columns) + len(self.missing))

    @property
    def complete(self) -> bool:
        """Whether every required column is there."""
        return not any(column.required for column in self.missing)


def clean_title(text: str) -> str:
    """A heading as it is compared: half-width, without blanks and ornaments, in one case."""
    return _ORNAMENTS.sub("", unicodedata.normalize("NFKC", text)).casefold()


def match_titles(cells: Cells, layout: Layout, row: int = 1) -> Headings:
    """Match one row of cells with the layout's titles.

    A column takes the first of its titles that the row has, and of equal headings the leftmost.
    """
    titles = [clean_title(cell or "") for cell in cells]
    places: dict[str, list[int]] = {}
    for place, title in enumerate(titles):
        places.setdefault(title, []).append(place)
    taken: dict[int, FoundColumn] = {}
    missing = []
    for column in layout.columns:
        wanted = [title for title in map(clean_title, column.titles) if title]
        free = (p for title in wanted for p in places.get(title, ()) if p not in taken)
        found = next(free, None)
        if found is None:
            missing.append(column)
        else:
            taken[found] = FoundColumn(column.name, found + 1, cells[found] or "")
    others = [place for place, title in enumerate(titles) if title and place not in taken]
    return Headings(
        row=row,
        width=max((place + 1 for place, title in enumerate(titles) if title), default=0),
        columns=tuple(taken.values()),
        missing=tuple(missing),
        extra=tuple(cells[place] or "" for place in others),
    )


def doubled_titles(layout: Layout, extra: Sequence[str]) -> list[str]:
    """Those of the headings that no column took though one has that title: it took another of them."""
    claimed = {clean_title(title) for column in layout.columns for title in column.titles}
    return [title for title in extra if clean_title(title) in claimed]


def find_headings(rows: Sequence[Cells], layout: Layout) -> Headings | None:
    """The first row with the most of the layout's titles, if any row can be the heading.

    Args:
        rows: the file's first rows, from its row 1.
        layout: if it names the heading's row, no other row is looked at.
    """
    numbered = list(enumerate(rows[:HEADING_ROWS], start=1))
    if layout.header_row is not None:
        numbered = list(enumerate(rows, start=1))[layout.header_row - 1 : layout.header_row]
    found = [match_titles(cells, layout, row) for row, cells in numbered]
    best = max(found, key=lambda headings: len(headings.columns), default=None)
    return best if best is not None and best.acceptable else None


def no_headings(path: Path, place: str, rows: Sequence[Cells], layout: Layout) -> UnreadableFile:
    """The refusal of a file without headings: what was looked for, and what was seen instead.

    Args:
        path: the file.
        place: the sheet, as `工作表“…”的`, or nothing.
        rows: the file's first rows.
        layout: what was looked for.
    """
    wanted = "、".join(column.titles[0] for column in layout.columns)
    where = f"前 {HEADING_ROWS} 行" if layout.header_row is None else f"第 {layout.header_row} 行"
    return unreadable(
        path,
        f"{place}{where}里找不到表头，应有的列名是：{wanted}；{_seen(rows, layout.header_row)}",
        "核对交付的是不是这份数据，并把列名放在数据上方的同一行里",
    )


def _seen(rows: Sequence[Cells], header_row: int | None) -> str:
    """The row that looks most like headings, unless it may hold somebody's data."""
    first = header_row or 1
    candidates = [
        (row, [cell.strip() for cell in cells if cell and cell.strip()])
        for row, cells in enumerate(rows[first - 1 : header_row or HEADING_ROWS], start=first)
    ]
    filled = [(row, cells) for row, cells in candidates if cells]
    if not filled:
        return "看到的都是空行"
    # The widest row among the first few is the likeliest heading; a title row has one cell.
    row, cells = max(filled[:5], key=lambda candidate: len(candidate[1]))
    if any(_NUMBER.search(cell) or len(cell) > _SHOWN_LENGTH for cell in cells):
        return f"第 {row} 行看起来是数据或说明，不是列名"
    more = "等" if len(cells) > _SHOWN_TITLES else ""
    return f"第 {row} 行看到的是：{'、'.join(cells[:_SHOWN_TITLES])}{more}"


def missing_columns(path: Path, place: str, headings: Headings) -> UnreadableFile:
    """The refusal of a file whose headings lack a required column; `place` says where they stand."""
    lacking = "、".join(f"“{'”或“'.join(column.titles)}”" for column in headings.missing if column.required)
    others = f"，另有不认识的列：{'、'.join(headings.extra)}" if headings.extra else ""
    return unreadable(
        path,
        f"{place}缺少必需的列 {lacking}{others}",
        "补上缺少的列，或把列名改回数据标准里的名称",
    )
