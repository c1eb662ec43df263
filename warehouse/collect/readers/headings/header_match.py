"""Headings: find their rows in a file, and match each heading with a column of the layout.

This module compares only texts. It does not know the form of the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from statistics import median_low

from warehouse.collect.readers.headings.heading_blocks import (
    Cells,
    HeadingBlock,
    MergedCells,
    drawn_block,
    filled,
    is_foreign,
    is_numbering,
    may_continue,
    single,
    written_block,
)
from warehouse.collect.readers.layout import (
    FoundColumn,
    Layout,
    LayoutColumn,
    UnreadableFile,
    unreadable,
)

# Headings stand below a title and a few remarks, never lower than this row.
HEADING_ROWS = 50

# Blanks of every kind, zero-width characters, the star of a mandatory item, and a colon at the end.
_ORNAMENTS = re.compile(r"[\s\u200b-\u200d\u2060\ufeff*]+|:+$")
# English text behind the Chinese text of a heading: 地区 Region, 粮食\nGrain Crops.
_LATIN = re.compile(r"(?<=[\u3400-\u9fff)）])\s*[A-Za-z][A-Za-z\s.,/()%'&:;-]*$")
_NUMBER = re.compile(r"\d{4}")
_SHOWN_TITLES = 12
_SHOWN_LENGTH = 20


@dataclass(frozen=True)
class Headings:
    """The headings of a file, matched with the layout.

    Attributes:
        row: the last row of the headings, from 1.
        width: the number of columns up to the last heading.
        columns: the layout's columns that were found, in the layout's order.
        missing: the layout's columns that were not found.
        extra: headings that belong to no column of the layout.
        rows: the number of rows of the headings.
        headless: the columns, from 0, without a heading.
        ambiguous: titles of missing columns that stand below several different upper headings.
        remarks: remarks on the rows around the headings (Chinese).
        usual: for a file without headings, the usual number of columns in a row.
    """

    row: int
    width: int
    columns: tuple[FoundColumn, ...]
    missing: tuple[LayoutColumn, ...]
    extra: tuple[str, ...]
    rows: int = 1
    headless: tuple[int, ...] = ()
    ambiguous: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    usual: int | None = None

    @property
    def likeness(self) -> int:
        """The number of columns found, at most `usual`; the delimiter with the highest number is taken."""
        return len(self.columns) if self.usual is None else min(len(self.columns), self.usual)

    @property
    def acceptable(self) -> bool:
        """Whether the row can be headings: a single match may be chance."""
        seen = len(self.columns) + len(self.ambiguous)
        return seen >= min(2, len(self.columns) + len(self.missing))

    @property
    def complete(self) -> bool:
        """Whether all required columns were found."""
        return not any(column.required for column in self.missing)


@lru_cache(maxsize=65536)
def clean_title(text: str) -> str:
    """Normalise a heading for comparison: half-width, lower case, without blanks and ornaments."""
    return _ORNAMENTS.sub("", unicodedata.normalize("NFKC", text)).casefold()


# Cached, because every candidate row is compared with the contract's titles.
@lru_cache(maxsize=4096)
def _compared(titles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(title for title in map(clean_title, titles) if title)


def without_latin(text: str) -> str:
    """A heading without the English text behind its Chinese text."""
    return _LATIN.sub("", text)


def match_titles(cells: Cells, layout: Layout, row: int = 1) -> Headings:
    """Match one row of cells with the layout's titles; see `match_block`."""
    return match_block(single([cells], 1), layout, row)


def match_block(block: HeadingBlock, layout: Layout, row: int | None = None) -> Headings:
    """Match the headings of a block with the layout's titles.

    A title may be a column's whole path or a part of it (粮食-稻谷, 粮食稻谷, 稻谷). The column takes the first of its
    titles that leads to one path. The best match counts: the whole path, then the lowest heading alone, then upper
    headings. Of columns with equal paths the leftmost is taken. A title that fits different paths is ambiguous.

    Args:
        block: the headings.
        layout: the columns to find.
        row: the last row of the headings, if it differs from the block's.
    """
    names = _names(block)
    taken: dict[int, FoundColumn] = {}
    missing, ambiguous = [], []
    for column in layout.headed_columns:
        found, doubtful = None, []
        for title in _compared(column.titles):
            places = _best(names.get(title, ()), block)
            free = [place for place in places or () if place not in taken]
            if free:
                found = free[0]
                break
            doubtful += [title] if places is None else []
        if found is None:
            missing.append(column)
            ambiguous += doubtful
        else:
            taken[found] = FoundColumn(column.name, found + 1, block.leaves[found])
    headed = [place for place, path in enumerate(block.paths) if path]
    return Headings(
        row=block.bottom if row is None else row,
        width=max((place + 1 for place in headed), default=0),
        columns=tuple(taken.values()),
        missing=tuple(missing),
        extra=tuple("-".join(block.paths[place]) for place in headed if place not in taken),
        rows=block.rows,
        headless=tuple(place for place, path in enumerate(block.paths) if not path),
        ambiguous=tuple(dict.fromkeys(ambiguous)),
    )


def _names(block: HeadingBlock) -> dict[str, list[tuple[int, int]]]:
    """Possible title → its ranks (0 is best) and the positions of the columns that it may mean."""
    names: dict[str, list[tuple[int, int]]] = {}
    for place, path in enumerate(block.paths):
        for title, rank in _ways(path).items():
            names.setdefault(title, []).append((rank, place))
    return names


@lru_cache(maxsize=65536)
def _ways(path: tuple[str, ...]) -> dict[str, int]:
    """All titles that may mean the column with this path, with their ranks."""
    ways: dict[str, int] = {}
    # Also without the English text behind the Chinese text.
    for texts in dict.fromkeys((path, tuple(map(without_latin, path)))):
        places = range(len(texts))
        for count in range(len(texts), 0, -1):
            for chosen in combinations(places, count):
                rank = _rank(chosen, len(texts))
                for joint in ("", "-") if count > 1 else ("",):
                    title = clean_title(joint.join(texts[place] for place in chosen))
                    if title:
                        ways[title] = min(rank, ways.get(title, rank))
    return ways


def _rank(chosen: tuple[int, ...], length: int) -> int:
    """The rank of a part of a path as a title: 0 the whole, 1 its end, 2 adjacent texts, 3 any texts."""
    if len(chosen) == length:
        return 0
    together = chosen[-1] - chosen[0] == len(chosen) - 1
    return 1 if together and chosen[-1] == length - 1 else 2 if together else 3


def _best(found: Sequence[tuple[int, int]], block: HeadingBlock) -> list[int] | None:
    """The positions that a title means, all with the same path; None if it may mean different paths."""
    if not found:
        return []
    least = min(rank for rank, _ in found)
    places = [place for rank, place in found if rank == least]
    # An upper text above several columns names none of them.
    return places if len({block.paths[place] for place in places}) == 1 else None


def doubled_titles(layout: Layout, extra: Sequence[str]) -> list[str]:
    """The extra headings that are titles of a column that took another heading: the file has the column twice."""
    claimed = {clean_title(title) for column in layout.columns for title in column.titles}
    return [title for title in extra if clean_title(title) in claimed]


def find_headings(
    rows: Sequence[Cells], layout: Layout, merged: Sequence[MergedCells] = ()
) -> Headings | None:
    """Find the headings: the first rows that match the most titles of the layout; None if no row can be headings.

    Args:
        rows: the file's first rows, from its row 1.
        layout: the columns to find; if it gives the row of the headings, only this row is checked.
        merged: the merged cells of the sheet.
    """
    if layout.without_headings:
        return _in_order(rows, layout)
    wanted = layout.header_row
    numbers = range(1, len(rows[:HEADING_ROWS]) + 1) if wanted is None else range(wanted, wanted + 1)
    blocks = [drawn_block(rows, row, merged) for row in numbers if row <= len(rows)]
    best = _most(dict.fromkeys(blocks), layout)
    if best is None:
        return None
    if best[1].missing:
        # Headings in several rows may be unmerged: such rows match more titles together than each row alone.
        tops = numbers if wanted is None else range(max(1, wanted - 2), wanted + 1)
        several = [
            written_block(rows, top, top + more, merged)
            for top in tops
            for more in (1, 2)
            if top + more <= len(rows)
            and (wanted is None or top + more == wanted)
            and all(may_continue(cells) for cells in rows[top : top + more])
        ]
        found = _most(several, layout)
        if found is not None and len(found[1].columns) > len(best[1].columns):
            best = found
    block, headings = best
    if not headings.acceptable:
        return None
    return _with_rows_beside(rows, block, headings, layout)


def _in_order(rows: Sequence[Cells], layout: Layout) -> Headings | None:
    """The layout's columns in order, for a file without headings; None if the first row looks like headings."""
    first = next((cells for cells in rows if filled(cells)), ())
    if not first or len(match_titles(first, layout).columns) > 1:
        return None
    width = max(place + 1 for cells in rows for place in filled(cells))
    columns = layout.headed_columns
    headings = Headings(
        row=0,
        width=max(width, len(columns)),
        columns=tuple(FoundColumn(c.name, place, "") for place, c in enumerate(columns[:width], start=1)),
        missing=columns[width:],
        extra=(),
        rows=0,
        # Rows further down may be wider than the first rows.
        headless=tuple(range(min(width, len(columns)), max(width, len(columns)))),
        # With a wrong delimiter, most rows have another width.
        usual=median_low([len(cells) for cells in rows if filled(cells)]),
    )
    return headings if headings.acceptable else None


def _most(blocks: Iterable[HeadingBlock], layout: Layout) -> tuple[HeadingBlock, Headings] | None:
    """The block that matches the most columns; among equal ones, the first with the fewest rows."""
    matched = [(block, match_block(block, layout)) for block in blocks]
    return max(matched, key=lambda each: (len(each[1].columns), -each[0].rows), default=None)


def _with_rows_beside(
    rows: Sequence[Cells], block: HeadingBlock, headings: Headings, layout: Layout
) -> Headings:
    """Extend the headings by rows of foreign names, units or numbers below; remark wide rows above."""
    last, remarks = block.bottom, []
    measured = {column.name for column in layout.columns if column.measured}
    places = [found.position - 1 for found in headings.columns if found.name in measured]
    while layout.header_row is None and headings.complete and last < len(rows):
        here = replace(block, bottom=last)
        if is_foreign(rows, here, places):
            remarks.append(f"第 {last + 1} 行是外文列名或计量单位，没有作为数据读取")
        elif is_numbering(rows[last], len(headings.columns)):
            remarks.append(f"第 {last + 1} 行是栏次编号，没有作为数据读取")
        else:
            break
        last += 1
    above = [
        row
        for row, cells in enumerate(rows[: block.top - 1], start=1)
        if len(filled(cells)) >= max(3, len(headings.columns))
    ]
    if above:
        named = "、".join(map(str, above))
        remarks.append(f"表头上方第 {named} 行有多列内容，没有读取，请核对是不是数据")
    return replace(headings, row=last, rows=last - block.top + 1, remarks=(*headings.remarks, *remarks))


def no_headings(path: Path, place: str, rows: Sequence[Cells], layout: Layout) -> UnreadableFile:
    """Build the refusal of a file without headings: it names the expected headings and the row seen.

    Args:
        path: the file.
        place: the sheet, written `工作表“…”的`; or empty.
        rows: the file's first rows.
        layout: the columns that were sought.
    """
    if layout.without_headings:
        return unreadable(
            path,
            f"{place}第 1 行像是列名，而数据标准规定这份数据没有列名",
            "去掉列名后重新交付，或更改数据标准（headings）",
        )
    wanted = "、".join(column.titles[0] for column in layout.headed_columns)
    where = f"前 {HEADING_ROWS} 行" if layout.header_row is None else f"第 {layout.header_row} 行"
    return unreadable(
        path,
        f"{place}{where}里找不到表头，应有的列名是：{wanted}；{_seen(rows, layout.header_row)}",
        "核对交付的是不是这份数据，并把列名放在数据上方的同一行里",
    )


def _seen(rows: Sequence[Cells], header_row: int | None) -> str:
    """Describe the row that looks most like headings, without quoting data of persons."""
    first = header_row or 1
    candidates = [
        (row, [cell.strip() for cell in cells if cell and cell.strip()])
        for row, cells in enumerate(rows[first - 1 : header_row or HEADING_ROWS], start=first)
    ]
    filled = [(row, cells) for row, cells in candidates if cells]
    if not filled:
        return "看到的都是空行"
    # Among the first rows, the widest is the likeliest heading; a title has one cell.
    row, cells = max(filled[:5], key=lambda candidate: len(candidate[1]))
    if any(_NUMBER.search(cell) or len(cell) > _SHOWN_LENGTH for cell in cells):
        return f"第 {row} 行看起来是数据或说明，不是列名"
    more = "等" if len(cells) > _SHOWN_TITLES else ""
    return f"第 {row} 行看到的是：{'、'.join(cells[:_SHOWN_TITLES])}{more}"


def missing_columns(path: Path, place: str, headings: Headings) -> UnreadableFile:
    """Build the refusal of a file whose headings lack a required column; `place` says where the headings stand."""
    lacking = "、".join(f"“{'”或“'.join(column.titles)}”" for column in headings.missing if column.required)
    others = f"，另有不认识的列：{'、'.join(headings.extra)}" if headings.extra else ""
    unclear = f"；几列都叫“{'”、“'.join(headings.ambiguous)}”，分不清是哪一列" if headings.ambiguous else ""
    return unreadable(
        path,
        f"{place}缺少必需的列 {lacking}{others}{unclear}",
        "补上缺少的列，或把列名改回数据标准里的名称"
        + ("；上级标题下的列，在数据标准里写“上级标题-列名”" if headings.ambiguous else ""),
    )
