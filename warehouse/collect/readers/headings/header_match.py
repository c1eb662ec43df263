"""Headings: which row of a file they stand in, and which column of the layout each of them means.

Only text is compared here. Where the rows come from is the readers' business.
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

# Headings stand below a title and a line or two of remarks, never deeper than this.
HEADING_ROWS = 50

# Blanks of every kind, zero-width marks, the star of a mandatory item, and a colon at the end.
_ORNAMENTS = re.compile(r"[\s\u200b-\u200d\u2060\ufeff*]+|:+$")
# English behind the Chinese of a heading: 地区 Region, 粮食\nGrain Crops.
_LATIN = re.compile(r"(?<=[\u3400-\u9fff)）])\s*[A-Za-z][A-Za-z\s.,/()%'&:;-]*$")
_NUMBER = re.compile(r"\d{4}")
_SHOWN_TITLES = 12
_SHOWN_LENGTH = 20


@dataclass(frozen=True)
class Headings:
    """The headings of a file, matched with the layout.

    Attributes:
        row: the last row that they take, from 1.
        width: number of columns up to the last heading.
        columns: those of the layout that were found, in its order.
        missing: those that were not.
        extra: headings that no column took.
        rows: how many rows they take.
        headless: the columns, from 0, that have no heading.
        ambiguous: titles of missing columns that several headings have below different others.
        remarks: what is remarkable about the rows of the headings (Chinese).
        usual: of a file without headings, how many columns most rows have.
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
        """How many of the layout's columns are there, by which ways to part the rows are compared."""
        return len(self.columns) if self.usual is None else min(len(self.columns), self.usual)

    @property
    def acceptable(self) -> bool:
        """Whether this can be a heading row: one equal cell alone may be chance."""
        seen = len(self.columns) + len(self.ambiguous)
        return seen >= min(2, len(self.columns) + len(self.missing))

    @property
    def complete(self) -> bool:
        """Whether every required column is there."""
        return not any(column.required for column in self.missing)


@lru_cache(maxsize=65536)
def clean_title(text: str) -> str:
    """A heading as it is compared: half-width, without blanks and ornaments, in one case."""
    return _ORNAMENTS.sub("", unicodedata.normalize("NFKC", text)).casefold()


# Of a contract's titles: every row that may be a heading is compared with them.
@lru_cache(maxsize=4096)
def _compared(titles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(title for title in map(clean_title, titles) if title)


def without_latin(text: str) -> str:
    """A heading without the English behind its Chinese."""
    return _LATIN.sub("", text)


def match_titles(cells: Cells, layout: Layout, row: int = 1) -> Headings:
    """Match one row of cells with the layout's titles; see `match_block`."""
    return match_block(single([cells], 1), layout, row)


def match_block(block: HeadingBlock, layout: Layout, row: int | None = None) -> Headings:
    """Match the headings of a block with the layout's titles.

    A column is called by its whole path or a part of it (粮食-稻谷, 粮食稻谷, 稻谷). It takes the first of its titles
    that leads to one column: the whole path goes before the last heading alone, and that before the upper ones. Of
    columns with equal paths the leftmost is taken; a title that columns with different paths have is none.

    Args:
        block: the headings.
        layout: what is looked for.
        row: the last row of the headings, if it is another than the block says.
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
    """Every way to call a column → how good it is (0 is best), and the place it means."""
    names: dict[str, list[tuple[int, int]]] = {}
    for place, path in enumerate(block.paths):
        for title, rank in _ways(path).items():
            names.setdefault(title, []).append((rank, place))
    return names


@lru_cache(maxsize=65536)
def _ways(path: tuple[str, ...]) -> dict[str, int]:
    """Every way to call the column with this path, and how good it is."""
    ways: dict[str, int] = {}
    # Without the English that stands behind the Chinese.
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
    """How good a part of a path is as a name: the whole, its end, texts in a row, any."""
    if len(chosen) == length:
        return 0
    together = chosen[-1] - chosen[0] == len(chosen) - 1
    return 1 if together and chosen[-1] == length - 1 else 2 if together else 3


def _best(found: Sequence[tuple[int, int]], block: HeadingBlock) -> list[int] | None:
    """The places that a title means, all of one path; None if it may mean different ones."""
    if not found:
        return []
    least = min(rank for rank, _ in found)
    places = [place for rank, place in found if rank == least]
    # The upper text of several columns is the name of none of them.
    return places if len({block.paths[place] for place in places}) == 1 else None


def doubled_titles(layout: Layout, extra: Sequence[str]) -> list[str]:
    """Those of the headings that no column took though one has that title: it took another of them."""
    claimed = {clean_title(title) for column in layout.columns for title in column.titles}
    return [title for title in extra if clean_title(title) in claimed]


def find_headings(
    rows: Sequence[Cells], layout: Layout, merged: Sequence[MergedCells] = ()
) -> Headings | None:
    """The first rows with the most of the layout's titles, if any can be the headings.

    Args:
        rows: the file's first rows, from its row 1.
        layout: if it names the heading's row, no other row is looked at.
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
        # Headings in several rows need not be merged: then together they have more of the titles than one row.
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
    """The layout's columns, one after the other, where a file has no headings; none where it has some."""
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
        # Rows further down may be wider than the first ones.
        headless=tuple(range(min(width, len(columns)), max(width, len(columns)))),
        # With the wrong delimiter most rows have other widths.
        usual=median_low([len(cells) for cells in rows if filled(cells)]),
    )
    return headings if headings.acceptable else None


def _most(blocks: Iterable[HeadingBlock], layout: Layout) -> tuple[HeadingBlock, Headings] | None:
    """The block with the most of the layout's columns; of equal ones the first with the fewest rows."""
    matched = [(block, match_block(block, layout)) for block in blocks]
    return max(matched, key=lambda each: (len(each[1].columns), -each[0].rows), default=None)


def _with_rows_beside(
    rows: Sequence[Cells], block: HeadingBlock, headings: Headings, layout: Layout
) -> Headings:
    """The headings with the rows below that only repeat them, and with what is remarkable about the rows above."""
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
    """The refusal of a file without headings: what was looked for, and what was seen instead.

    Args:
        path: the file.
        place: the sheet, as `工作表“…”的`, or nothing.
        rows: the file's first rows.
        layout: what was looked for.
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
    unclear = f"；几列都叫“{'”、“'.join(headings.ambiguous)}”，分不清是哪一列" if headings.ambiguous else ""
    return unreadable(
        path,
        f"{place}缺少必需的列 {lacking}{others}{unclear}",
        "补上缺少的列，或把列名改回数据标准里的名称"
        + ("；上级标题下的列，在数据标准里写“上级标题-列名”" if headings.ambiguous else ""),
    )
