"""Row states: whether a delivered row is a record, a note, a total or repeated headings. As SQL over its cells.

Cells are `f0`, `f1`, … as VARCHAR. This module does not remove rows; `staging` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

from schemas.emit.sql import literal

# Blanks that people type; DuckDB's trim() removes only ASCII spaces by default.
_BLANKS = " \t\r\n\u00a0\u3000\ufeff"
# Characters that are ignored when a note is recognised: 合　　计, （注：…）, ※说明.
_IGNORED = r"[\s\x{3000}\x{00A0}(（*※]+"
_IGNORED_HERE = re.compile("[\\s\u3000\u00a0(（*※]+")
_TOTAL = r"^((本页)?(合计|小计)|总计|共计|累计)([)）]?[:：].*)?$"
_REMARK = (
    r"^(附?注|备注|说明|填[表报](说明|人|单位|日期|时间)?|制表(人|单位|日期|时间)?"
    r"|(审[核批]|复核|经办|联系)(人|单位)?|(单位)?负责人|联系电话|单位|(打印|导出|统计)(人|日期|时间)|(数据|资料)来源)"
    r"(盖章|签[字章名])?[)）]?(\d*[:：.、].*)?$"
    # Lines that database programs write below a result, and the line that they draw below its headings.
    r"|^\d+(rows?(affected|selected|inset)|行受影响|行已选择|条记录).*$|^已选择\d+行.*$|^共\d+[条行笔](记录|数据).*$|^-[-+|:]{2,}$"
)


class RowState(IntEnum):
    """The state of a delivered row."""

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

# Reasons why a row is not in the table.
REASONS: Mapping[RowState, str] = {
    RowState.EMPTY: "数据标准中的各列都没有内容",
    RowState.REMARK: "说明文字，不是数据",
    RowState.TOTAL: "合计，不是数据",
    RowState.HEADINGS: "重复的表头",
    RowState.OTHER_TABLE: "下面另一张表的内容，不是这张表的数据",
}
# Remarks on a row that is in the table.
REMARKS: Mapping[RowState, str] = {
    RowState.SHORT: "字段比表头少，缺少的按空值读取",
    RowState.LONG: "字段比表头多，可能多了分隔符，各列内容或有错位",
    RowState.SPANNING: "跨了几行，可能有双引号没有配对而把后面的行并了进来",
}


def is_note(text: str) -> bool:
    """Whether the only text of a row is a remark, or names a total."""
    words = _IGNORED_HERE.sub("", text.strip())
    return re.match(_TOTAL, words) is not None or re.match(_REMARK, words) is not None


def blank(cell: str) -> str:
    """SQL: a cell has no visible content."""
    return f"coalesce(trim({cell}, {literal(_BLANKS)}), '') = ''"


def listed(states: Iterable[RowState]) -> str:
    """States as an SQL list."""
    return ", ".join(str(int(state)) for state in states)


def suspect_sql(keys: Sequence[str]) -> str:
    """SQL: a row may not be a record. This test is cheap, so that the expensive tests run on few rows.

    Identifiers begin with digits or letters. A row is suspect if a key is empty, begins with a character before `0`
    (such as a blank) or beyond ASCII, or equals its heading.

    Args:
        keys: the cells that identify a record. The parameter `$title_f3` is the heading of `f3`.
    """
    return " OR ".join(f"coalesce({key} < '0' OR {key} > '~' OR {key} = $title_{key}, true)" for key in keys)


# Rows with more cells are joined into one text, with a character between the cells that no file contains.
MANY_CELLS = 200
_BETWEEN = "\x1f"


def state_sql(keys: Sequence[str], found: Sequence[str], width: int) -> str:
    """SQL of the state of a row, as a number.

    Args:
        keys: as in `suspect_sql`.
        found: the cells of the layout's columns, each with its heading as a parameter.
        width: the number of cells.
    """
    cells = [f"f{place}" for place in range(width)]
    lead, nothing = lead_and_blank(cells)
    # In a note, the first filled cell has the text, and no other cell holds a key.
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
    """SQL of the first filled cell, trimmed, and SQL of whether all cells are blank.

    More than `many` cells are joined into one text first: an expression for each cell would take gigabytes.
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
    """SQL: a cell of several lines may contain swallowed rows, because it has as many delimiters as these rows.

    Example: two stray quotes turn the lines `"甲,10`, `A2,乙,20` and `A3,丙"` into one cell, and its quotes are valid.

    Args:
        cells: all cells of the row.
        delimiter: the delimiter of the file.
        line_feed: the character that replaces line feeds in cells.
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
