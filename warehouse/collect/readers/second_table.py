"""A second table below the first: find its headings, so that its rows are not read as records of the first table.

People put two tables on one sheet, or export two tables into one text. Below an empty row, a note or a title stands a
row of other headings. Example: 姓名, 年龄 with persons, an empty row, then 单位, 金额 with amounts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from schemas.emit.sql import quote
from warehouse.collect.readers.headings.header_match import clean_title
from warehouse.collect.readers.headings.row_classify import RECORDS, RowState, blank, listed
from warehouse.collect.readers.layout import Layout, Note, Recognition

_SQL = Path(__file__).parent / "sql"
# At most this many rows are checked as headings.
_MOST = 2000
# The headings stand at most this many rows below an empty row: a title and a line with the unit may stand between.
_WITHIN = 3
# Typical ends of column names, with an optional unit in brackets.
_HEADING = re.compile(
    r".*(?:序号|编号|编码|代码|号码|名称|姓名|单位|地区|区域|部门|日期|时间|年份|年度|月份|季度|金额|数量|人数|户数|面积|产量|产值"
    r"|单价|总价|价格|比例|比重|占比|增幅|增长率?|指标|项目|类别|类型|种类|性别|年龄|民族|电话|手机号?|联系方式|住址|地址|备注|说明"
    r"|职务|职称|职业|学历|负责人|联系人|经办人|内容|状态|等级|级别|户主|证号|账号|卡号|合计|小计|总计)(?:[(（][^()（）]*[)）])?"
)
# Words for a missing value in a column of numbers.
_MISSING = re.compile(
    r"[-—–－/.…*×]+|无|不详|未知|缺失?|暂无|待定|待查|没有|空白?|N/?A|NULL|NONE|NAN", re.IGNORECASE
)
# A longer text is not a heading.
_LONGEST = 20


@dataclass(frozen=True)
class SecondTable:
    """The first row of the table with its title, the row of its headings, and the headings that are certain."""

    first: int
    headings: int
    titles: tuple[str, ...]

    def note(self, count: int) -> Note:
        """The note on the table, with the number of its rows that were not read."""
        text = (
            f"从这里起是另一张表（表头有：{'、'.join(self.titles)}），它的内容（{count:,} 行）没有读取；"
            "属于这份数据的，请放到单独的工作表或文件里重新交付"
        )
        return Note(text, 1, (self.headings,))


def find_second_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    layout: Layout,
    recognition: Recognition,
    *,
    partial: bool = False,
) -> SecondTable | None:
    """Find the second table among the rows of a staging table; None if there is only one table.

    Args:
        connection: the connection that holds the table, with the state of each row.
        table: the table's name.
        layout: the contract's description of the file.
        recognition: the recognised columns.
        partial: whether rows of the file were not read; then any row behind a gap may stand below an empty row.
    """
    columns = [column for column in recognition.columns if column.position]
    if len(columns) < 2:
        return None
    names = [quote(column.name) for column in columns]
    filled = f"({' + '.join(f'CAST(NOT {blank(name)} AS INTEGER)' for name in names)})"
    parts = {"table": quote(table), "filled": filled, "records": listed(RECORDS)}
    # In a text file, a title alone in its line has too few fields.
    alone = f"{filled} <= 1" if layout.form == "xlsx" else f"_state = {RowState.SHORT:d} AND {filled} <= 1"
    apart = listed([RowState.BLANK, RowState.EMPTY, RowState.REMARK, RowState.TOTAL])
    rows = _run(connection, "apart", **parts, apart=apart, alone=alone, most=_MOST)
    if partial:
        rows += _run(connection, "behind_gaps", **parts, most=_MOST)
    if not rows:
        return None
    candidates = _run(
        connection,
        "headings_below",
        **parts,
        rows=", ".join(str(row) for (row,) in rows),
        names=", ".join(names),
        joined=f"concat({', '.join(names)})",
        # 单位 and 合计 begin a note or a total, but also occur as the first heading.
        headings=listed([*RECORDS, RowState.REMARK, RowState.TOTAL]),
    )
    numbers = {column.name for column in layout.columns if column.measured}
    known = {clean_title(title) for column in layout.columns for title in column.titles}
    known |= {clean_title(title) for title in recognition.extra}
    for row, *cells in candidates:
        titles = _titles(cells, [column.name in numbers for column in columns], known)
        if titles:
            notes = listed([RowState.REMARK, RowState.EMPTY])
            above = _run(connection, "title_above", **parts, notes=notes, row=row, within=_WITHIN)
            first = row
            for place, titled in above:
                if not titled or place != first - 1:
                    break
                first = place
            return SecondTable(first, row, titles)
    return None


def _run(connection: duckdb.DuckDBPyConnection, name: str, **parts: object) -> list[tuple[Any, ...]]:
    sql = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    return connection.execute(sql.format(**parts)).fetchall()


def _titles(cells: Sequence[str | None], numbers: Sequence[bool], known: set[str]) -> tuple[str, ...]:
    """The certain headings in a row; empty if the row may be a record.

    Args:
        cells: the row.
        numbers: for each cell, whether its column holds numbers or dates.
        known: the headings of the contract and of the file.
    """
    texts = [(cell or "").strip() for cell in cells]
    filled = [text for text in texts if text]
    if len(set(filled)) < max(2, len(filled)) or max(map(len, filled)) > _LONGEST:
        return ()
    named = [text for text in filled if clean_title(text) in known or _HEADING.fullmatch(text)]
    odd = [
        text
        for text, number in zip(texts, numbers, strict=True)
        if text and number and text not in named and not _MISSING.fullmatch(text)
    ]
    seen = len(named) + len(odd)
    return tuple(named) if named and seen >= 2 and 2 * seen >= len(filled) else ()
