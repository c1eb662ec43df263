"""How a returned sheet differs from the one that was issued: said in the receipt, so that nothing is dropped silently.

Each remark is one Chinese sentence: what differs, where (sheet, row, column), what to do. Remarks refuse nothing;
what is refused has its reason in `returns.replies.reply_validation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from returns.workbook.reader import ROW, ReturnedHeadings
from schemas.contract.library import Library

LISTED = 20
"""Rows, columns or tickets that one remark lists; of more it says how many."""

# Outside these days a date is more often a slip, or stands for "for ever", than meant.
EARLIEST, LATEST = date(1900, 1, 1), date(2100, 1, 1)


def sheet_remarks(
    sheet: str, found: ReturnedHeadings, issued: Sequence[str], read: Iterable[str]
) -> Iterator[str]:
    """What people changed about the columns and rows of a sheet.

    Args:
        sheet: its name.
        found: the sheet as it came back.
        issued: the titles of the columns as issued, from left to right.
        read: the titles of the columns that are read.
    """
    # Titles compare without any blanks inside, as the reader finds them.
    letters = {_plain(title): letter for letter, title in reversed([*found.titles.items()])}
    places = {title: letters[_plain(title)] for title in issued if _plain(title) in letters}
    where = f"工作表“{sheet}”第 {found.row} 行"
    if lost := [title for title in issued if title not in places]:
        yield f"{where}缺少表头{_names(lost)}（列被删除，或表头被改名）。不影响答复；请不要删除列或改动表头。"
    foreign = {letter: title for letter, title in found.titles.items() if letter not in places.values()}
    for title, letter in [(title, letter) for letter, title in foreign.items()][:LISTED]:
        yield (
            f"{where} {letter} 列的表头“{title}”不是下发的列，该列内容没有读取。"
            "需要说明的，请填在“说明”列后重新提交。"
        )
    if len(foreign) > LISTED:
        yield f"{where}共有 {len(foreign)} 列不是下发的列，以上只列出前 {LISTED} 列。"
    moved = [title for number, title in enumerate(issued) if _moved(places.get(title), number)]
    if moved:
        now = [f"{title}（{places[title]} 列）" for title in moved[:LISTED]]
        yield (
            f"{where}有 {len(moved)} 列的位置与下发的不同：{'、'.join(now)}{'等' if len(moved) > LISTED else ''}。"
            "已按表头读取，不需处理。"
        )
    answers = [places[title] for title in read if title in places]
    for letter in answers:
        if rows := found.unreadable.get(letter):
            yield (
                f"工作表“{sheet}”{letter} 列第 {_listed(rows)} 行是错误值，或是没有结果的公式，按空白读取。"
                "请直接填写内容，再重新提交。"
            )
    yield from _unread(sheet, found, answers)


def _moved(letter: str | None, number: int) -> bool:
    return letter is not None and letter != xl_col_to_name(number)


def _unread(sheet: str, found: ReturnedHeadings, read: list[str]) -> Iterator[str]:
    """Columns without a heading, and rows without anything in the columns that are read."""
    columns = [name for name in found.cells.columns if name != ROW]
    filled = found.cells.select(pl.col(columns).is_not_null().any()).row(0) if columns else ()
    unnamed = [
        letter for letter, some in zip(columns, filled, strict=True) if some and letter not in found.titles
    ]
    if unnamed:
        yield (
            f"工作表“{sheet}”的 {_listed(unnamed)} 列没有表头却有内容，没有读取。"
            "需要说明的，请填在“说明”列后重新提交。"
        )
    titled = [letter for letter in columns if letter not in unnamed]
    rows = found.cells.filter(
        pl.all_horizontal(pl.col(read).is_null()) & pl.any_horizontal(pl.col(titled).is_not_null())
    )[ROW]
    if rows.len():
        yield (
            f"工作表“{sheet}”第 {_listed(rows.to_list())} 行没有工单号，也没有答复，没有读取。"
            "如是答复，请填在原来的行里后重新提交。"
        )


def row_remarks(sheet: str, answers: pl.DataFrame, missing: Sequence[str], waiting: int) -> Iterator[str]:
    """Rows that were issued and are gone, and rows that were not issued.

    Args:
        sheet: its name.
        answers: `line`, `ticket_id`, `issued` and `verdict` of the rows that came back.
        missing: the tickets that were issued and are not among them.
        waiting: how many of the missing tickets still wait for an answer.
    """
    if missing:
        yield (
            f"工作表“{sheet}”少了 {len(missing)} 个下发的工单（行被删除，或工单号被改动）：{_listed(missing)}。"
            f"这些工单不算已答复，其中 {waiting} 个仍待核实；请在下发的工作簿中填写后重新提交。"
        )
    added = answers.filter(
        ~pl.col("issued") & pl.col("verdict").is_null() & pl.col("ticket_id").is_not_null()
    )
    if added.height:
        yield (
            f"工作表“{sheet}”第 {_listed(added['line'].to_list())} 行不是这份工作簿下发的，没有读取。"
            "请删除增加的行；要答复的工单，请在下发该工单的工作簿中填写。"
        )


def far_dates(sheet: str, column: str, accepted: pl.DataFrame, library: Library) -> Iterator[str]:
    """Dates typed as corrections that are accepted, but so far away that somebody should look again.

    Args:
        sheet: its name.
        column: title and place of the column that corrections are typed into.
        accepted: `line`, `dataset`, `field`, and `value` in standard form, of the answers that correct.
        library: the contracts: only dates of date columns count.
    """
    fields = [(c.id, column.name) for c in library for column in c.delivered_columns if column.type == "date"]
    dates = pl.DataFrame(fields, schema={"dataset": pl.String, "field": pl.String}, orient="row")
    day = pl.col("value").str.to_date("%Y-%m-%d", strict=False)
    far = accepted.join(dates, on=["dataset", "field"], how="semi").filter((day < EARLIEST) | (day >= LATEST))
    for line, value in far.sort("line").select("line", "value").head(LISTED).iter_rows():
        yield (
            f"工作表“{sheet}”第 {line} 行{column}填的日期 {value} 离现在很远，已按所填接收。"
            "如填错，请改正后重新提交。"
        )
    if far.height > LISTED:
        yield f"工作表“{sheet}”共有 {far.height} 个这样的日期，以上只列出前 {LISTED} 个。"


def _plain(title: str) -> str:
    return "".join(title.split())


def _names(titles: Sequence[str]) -> str:
    return "、".join(f"“{title}”" for title in titles)


def _listed(items: Sequence[object]) -> str:
    shown = "、".join(map(str, items[:LISTED]))
    return shown if len(items) <= LISTED else f"{shown} 等 {len(items)} 个"
