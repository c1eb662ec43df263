"""Headings: which row of a file they stand in, and which column of the layout each of them means.

Only text is compared here. Where the rows come from is the readers' business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
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
        row: where they stand, from 1; of two rows the lower one.
        width: number of columns up to the last heading.
        columns: those of the layout that were found, in its order.
        missing: those that were not.
        extra: headings that no column took.
        rows: how many rows they take.
    """

    row: int
    width: int
    columns: tuple[FoundColumn, ...]
    missing: tuple[LayoutColumn, ...]
    extra: tuple[str, ...]
    rows: int = 1

    @property
    def acceptable(self) -> bool:
        """Whether this can be a heading row: one equal cell alone may be chance."""
        return len(self.columns) >= min(2, len(self.columns) + len(self.missing))

    @property
    def complete(self) -> bool:
        """Whether every required column is there."""
        return not any(column.required for column in self.missing)


@dataclass(frozen=True)
class Merged:
    """A merged cell of a sheet: its first and last row and column, from 0."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Above:
    """A merged heading over the columns `first` to `last` (from 0): above the row, or reaching down into it."""

    text: str
    first: int
    last: int
    reaches_down: bool


def clean_title(text: str) -> str:
    """A heading as it is compared: half-width, without blanks and ornaments, in one case."""
    return _ORNAMENTS.sub("", unicodedata.normalize("NFKC", text)).casefold()


# Of a contract's titles: every row that may be a heading is compared with them.
@lru_cache(maxsize=4096)
def _compared(titles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(title for title in map(clean_title, titles) if title)


def match_titles(cells: Cells, layout: Layout, row: int = 1, above: Sequence[Above] = ()) -> Headings:
    """Match one row of cells with the layout's titles.

    A column takes the first of its titles that the row has, and of equal headings the leftmost. Below a merged
    heading it may be called by both: 证件-号码, 证件号码. A heading that stands below several is none alone.

    Args:
        cells: the row.
        layout: what is looked for.
        row: its number.
        above: the merged headings above the row or reaching down into it.
    """
    texts, groups = _below(cells, above)
    titles = [clean_title(text) for text in texts]
    places = _places(titles, groups)
    taken: dict[int, FoundColumn] = {}
    missing = []
    for column in layout.headed_columns:
        free = (p for title in _compared(column.titles) for p in places.get(title, ()) if p not in taken)
        found = next(free, None)
        if found is None:
            missing.append(column)
        else:
            taken[found] = FoundColumn(column.name, found + 1, texts[found] or groups.get(found, ""))
    others = [p for p, title in enumerate(titles) if (title or p in groups) and p not in taken]
    return Headings(
        row=row,
        width=max((p + 1 for p, title in enumerate(titles) if title or p in groups), default=0),
        columns=tuple(taken.values()),
        missing=tuple(missing),
        extra=tuple("-".join(filter(None, (groups.get(p), texts[p]))) for p in others),
        rows=2 if above else 1,
    )


def _below(cells: Cells, above: Sequence[Above]) -> tuple[list[str], dict[int, str]]:
    """The texts of a row, with those that reach down into it, and for each column the heading above it."""
    width = max([len(cells), *(heading.last + 1 for heading in above)])
    texts = [*(cell or "" for cell in cells), *[""] * (width - len(cells))]
    groups: dict[int, str] = {}
    for heading in above:
        if heading.reaches_down:
            texts[heading.first] = heading.text
        else:
            groups |= dict.fromkeys(range(heading.first, heading.last + 1), heading.text)
    return texts, groups


def _places(titles: Sequence[str], groups: Mapping[int, str]) -> dict[str, list[int]]:
    """Every way to call a column → the places it may mean, the best first."""
    owners: dict[str, set[str | None]] = {}
    for place, title in enumerate(titles):
        owners.setdefault(title, set()).add(groups.get(place))
    places: dict[str, list[int]] = {}
    for place, title in enumerate(titles):
        if len(owners[title]) == 1 or place not in groups:
            places.setdefault(title, []).append(place)
    for place, text in groups.items():
        for joined in (f"{text}-{titles[place]}", f"{text}{titles[place]}"):
            places.setdefault(clean_title(joined), []).append(place)
    # A merged heading's own text is its first column.
    for place, text in groups.items():
        if groups.get(place - 1) != text:
            places.setdefault(clean_title(text), []).append(place)
    return places


def doubled_titles(layout: Layout, extra: Sequence[str]) -> list[str]:
    """Those of the headings that no column took though one has that title: it took another of them."""
    claimed = {clean_title(title) for column in layout.columns for title in column.titles}
    return [title for title in extra if clean_title(title) in claimed]


def find_headings(rows: Sequence[Cells], layout: Layout, merged: Sequence[Merged] = ()) -> Headings | None:
    """The first row with the most of the layout's titles, if any row can be the heading.

    Args:
        rows: the file's first rows, from its row 1.
        layout: if it names the heading's row, no other row is looked at.
        merged: the merged cells of the sheet.
    """
    numbered = list(enumerate(rows[:HEADING_ROWS], start=1))
    if layout.header_row is not None:
        numbered = list(enumerate(rows, start=1))[layout.header_row - 1 : layout.header_row]
    found = [match_titles(cells, layout, row, headings_above(rows, row, merged)) for row, cells in numbered]
    best = max(found, key=lambda headings: len(headings.columns), default=None)
    if best is None or not best.acceptable:
        return None
    # Headings that take two rows may all be told by the upper one: the lower is no data.
    lower = next((h for h in found if h.row == best.row + 1 and h.rows == 2), None)
    return lower if lower is not None and len(lower.columns) >= len(best.columns) else best


def headings_above(rows: Sequence[Cells], row: int, merged: Sequence[Merged]) -> list[Above]:
    """The merged cells that make the row above part of a row's headings; a title over all of them is none.

    Args:
        rows: the file's first rows, from its row 1.
        row: the row, from 1.
        merged: the merged cells of the sheet.
    """
    lower = rows[row - 1]
    filled = [place for place, cell in enumerate(lower) if cell and cell.strip()]
    found = []
    for area in merged:
        # Both rows from 0: the row above is `row - 2`, the row itself `row - 1`.
        if area.top != row - 2 or area.bottom > row - 1 or area.left >= len(lower):
            continue
        text = rows[area.top][area.left] or ""
        reaches_down = area.bottom == row - 1
        spans = area.right > area.left and not reaches_down
        if not text.strip() or (spans and not any(area.left <= place <= area.right for place in filled)):
            continue
        if spans and filled and area.left <= filled[0] and filled[-1] <= area.right:
            continue
        if reaches_down or spans:
            found.append(Above(text.strip(), area.left, area.right, reaches_down))
    return found if any(not heading.reaches_down for heading in found) else []


def no_headings(path: Path, place: str, rows: Sequence[Cells], layout: Layout) -> UnreadableFile:
    """The refusal of a file without headings: what was looked for, and what was seen instead.

    Args:
        path: the file.
        place: the sheet, as `工作表“…”的`, or nothing.
        rows: the file's first rows.
        layout: what was looked for.
    """
    wanted = "、".join(column.titles[0] for column in layout.headed_columns)
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
