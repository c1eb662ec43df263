"""What a delivered row is: a record, or something else that people write into tables. As SQL over its cells.

Cells are `f0`, `f1`, ... as VARCHAR. Which rows are taken out, and how that is told, is `staging`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

from schemas.emit.sql import literal

# Blanks as people type them; DuckDB's trim() alone takes ASCII spaces only.
_BLANKS = " \t\r\n\u00a0\u3000\ufeff"
# Left out of a note before its words are compared: 合　　计, （注：…）, ※说明.
_IGNORED = r"[\s\x{3000}\x{00A0}(（*※]+"
_IGNORED_HERE = re.compile("[\\s\u3000\u00a0(（*※]+")
_TOTAL = r"^((本页)?(合计|小计)|总计|共计|累计)([)）]?[:：].*)?$"
_REMARK = (
    r"^(附?注|备注|说明|填[表报](说明|人|单位|日期|时间)?|制表(人|单位|日期|时间)?"
    r"|(审[核批]|复核|经办|联系)(人|单位)?|(单位)?负责人|联系电话|单位|(打印|导出|统计)(人|日期|时间)|(数据|资料)来源)"
    r"(盖章|签[字章名])?[)）]?(\d*[:：.、].*)?$"
    # What database programs write below a result, and the line that they draw below its headings.
    r"|^\d+(rows?(affected|selected|inset)|行受影响|行已选择|条记录).*$|^已选择\d+行.*$|^共\d+[条行笔](记录|数据).*$|^-[-+|:]{2,}$"
)


class RowState(IntEnum):
    """What a delivered row is."""

    RECORD = 0
    SHORT = 1
    LONG = 2
    BLANK = 3
    EMPTY = 4
    REMARK = 5
    TOTAL = 6
    HEADINGS = 7
    SPANNING = 8
    OTHER_TABLE = 9


RECORDS = (RowState.RECORD, RowState.SHORT, RowState.LONG, RowState.SPANNING)

# Why a row is not in the table.
REASONS: Mapping[RowState, str] = {
    RowState.EMPTY: "数据标准中的各列都没有内容",
    RowState.REMARK: "说明文字，不是数据",
    RowState.TOTAL: "合计，不是数据",
    RowState.HEADINGS: "重复的表头",
    RowState.OTHER_TABLE: "下面另一张表的内容，不是这张表的数据",
}
# What is remarkable about a row that is in the table.
REMARKS: Mapping[RowState, str] = {
    RowState.SHORT: "字段比表头少，缺少的按空值读取",
    RowState.LONG: "字段比表头多，可能多了分隔符，各列内容或有错位",
    RowState.SPANNING: "跨了几行，可能有双引号没有配对而把后面的行并了进来",
}


def is_note(text: str) -> bool:
    """Whether the only text of a row is a remark or names a total."""
    words = _IGNORED_HERE.sub("", text.strip())
    return re.match(_TOTAL, words) is not None or re.match(_REMARK, words) is not None


def blank(cell: str) -> str:
    """Whether a cell holds nothing to be seen."""
    return f"coalesce(trim({cell}, {literal(_BLANKS)}), '') = ''"


def listed(states: Iterable[RowState]) -> str:
    """States as a list in SQL."""
    return ", ".join(str(int(state)) for state in states)


def suspect_sql(keys: Sequence[str]) -> str:
    """Whether a row may be no record: a cheap question, so that the dear ones are asked of few rows.

    Identifiers begin with digits and letters. A row is suspect if a key is empty, begins with anything else
    (blanks among it), or repeats its heading.

    Args:
        keys: the cells that identify a record. The heading of `f3` is the parameter `$title_f3`.
    """
    return " OR ".join(f"coalesce({key} < '0' OR {key} > '~' OR {key} = $title_{key}, true)" for key in keys)


# Rows of more cells are looked at as one text, with a character between the cells that no file holds.
MANY_CELLS = 200
_BETWEEN = "\x1f"


def state_sql(keys: Sequence[str], found: Sequence[str], width: int) -> str:
    """The state of a row, as a number.

    Args:
        keys: as in `suspect_sql`.
        found: the cells that a column of the layout claims, each with its heading as a parameter.
        width: the number of cells.
    """
    cells = [f"f{place}" for place in range(width)]
    lead, nothing = lead_and_blank(cells)
    # In a note the first filled cell speaks; no other cell may identify a record.
    alone = " AND ".join(f"({blank(key)} OR trim({key}, {literal(_BLANKS)}) = {lead})" for key in keys)
    words = f"regexp_replace({lead}, {literal(_IGNORED)}, '', 'g')"
    repeated = " AND ".join(f"{cell} = $title_{cell}" for cell in found)
    record = (
        f"CASE WHEN _spanning THEN {RowState.SPANNING:d} WHEN _long THEN {RowState.LONG:d} "
        f"WHEN _short THEN {RowState.SHORT:d} ELSE {RowState.RECORD:d} END"
    )
    return f"""CASE WHEN _suspect THEN
    CASE
      WHEN {nothing} AND NOT _long THEN {RowState.BLANK:d}
      WHEN {repeated} THEN {RowState.HEADINGS:d}
      WHEN {alone} AND regexp_matches({words}, {literal(_TOTAL)}) THEN {RowState.TOTAL:d}
      WHEN {alone} AND regexp_matches({words}, {literal(_REMARK)}) THEN {RowState.REMARK:d}
      WHEN {_all_blank(found)} AND NOT _long THEN {RowState.EMPTY:d}
      ELSE {record}
    END
  ELSE {record} END"""


def lead_and_blank(cells: Sequence[str], many: int = MANY_CELLS) -> tuple[str, str]:
    """SQL of the first filled cell without blanks around it, and of whether no cell is filled.

    Of more than `many` cells one text is made first: an expression for each cell would take gigabytes.
    """
    if len(cells) <= MANY_CELLS:
        trimmed = ", ".join(f"nullif(trim({cell}, {literal(_BLANKS)}), '')" for cell in cells)
        return f"coalesce({trimmed}, '')", _all_blank(cells)
    joined = f"concat_ws({literal(_BETWEEN)}, {', '.join(cells)})"
    filled = f"[^{_BETWEEN}{re.escape(_BLANKS)}]"
    first = f"regexp_extract({joined}, {literal(f'{filled}[^{_BETWEEN}]*')})"
    return f"trim({first}, {literal(_BLANKS)})", f"NOT regexp_matches({joined}, {literal(filled)})"


def _all_blank(cells: Iterable[str]) -> str:
    return " AND ".join(blank(cell) for cell in cells)


def swallowed_sql(cells: Sequence[str], delimiter: str, line_feed: str) -> str:
    """Whether a cell of several lines may have taken in the rows below: it has the delimiters of so many rows.

    Two stray quotes make one cell of `"甲,10`, `A2,乙,20` and `A3,丙"`, and all of it is well quoted.

    Args:
        cells: all cells of the row.
        delimiter: the delimiter of the file.
        line_feed: what stands in a cell for a line feed.
    """
    if len(cells) == 1:
        return "false"
    mark = literal(line_feed)

    def count(cell: str, text: str) -> str:
        return f"(length({cell}) - length(replace({cell}, {text}, '')))"

    swallowed = " OR ".join(
        f"contains({cell}, {mark}) "
        f"AND {count(cell, literal(delimiter))} = {len(cells) - 1} * {count(cell, mark)}"
        for cell in cells
    )
    return f"coalesce(CASE WHEN contains(concat({', '.join(cells)}), {mark}) THEN {swallowed} END, false)"
