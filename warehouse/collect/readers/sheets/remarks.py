"""Notes for the department on the cells of a sheet (Chinese): hidden cells, formulas without a result, formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from warehouse.collect.readers.headings.header_match import clean_title
from warehouse.collect.readers.layout import Note
from warehouse.collect.readers.sheets.sheet import DeliveredSheet, Rows
from warehouse.collect.readers.sheets.text import SeenCells

# A note lists at most this many of its rows.
_NAMED_ROWS = 1000
_NAMED_CODES = 3
# Prefix of a hidden column's heading that a visible column has too.
HIDDEN = "隐藏列："


@dataclass(frozen=True, eq=False)
class ReadColumn:
    """A column of the layout: its heading, its position from 0, its cells as a person sees them."""

    title: str
    place: int
    seen: SeenCells


def notes_on(sheet: DeliveredSheet, header_row: int, columns: Sequence[ReadColumn]) -> Iterator[Note]:
    """Yield notes on the cells of these columns below the headings.

    Args:
        sheet: the sheet.
        header_row: the row of the headings from 1.
        columns: the columns that were read.
    """
    yield from _by_rows(
        {column: _below(sheet.columns[column.place].uncomputed, header_row) for column in columns},
        "公式没有保存计算结果，按空值读取；请用 Excel 或 WPS 打开文件，保存后重新交付",
    )
    yield from _by_rows(
        {column: _below(sheet.columns[column.place].errors, header_row) for column in columns},
        "单元格显示的是错误值（如 #N/A、#REF!），没有内容可读；请改正公式后重新交付",
    )
    yield from _by_rows(
        {column: column.seen.percent + header_row + 1 for column in columns},
        "单元格是百分比格式，按小数读取（例如 7.5% 读作 0.075）；单位不同的，请改为数字后重新交付",
    )
    for column in columns:
        if len(column.seen.other):
            rows = column.seen.other + header_row + 1
            codes = "、".join(column.seen.codes[:_NAMED_CODES])
            text = f"列“{column.title}”的数字格式（{codes}）显示的内容不在数值里，只读取了数值"
            yield _note(f"{text}；需要这些内容的，请改为文字后重新交付", rows)
    yield from _hidden(sheet, header_row, columns)


def _hidden(sheet: DeliveredSheet, header_row: int, columns: Sequence[ReadColumn]) -> Iterator[Note]:
    below = sheet.hidden_rows[(sheet.hidden_rows >= header_row) & (sheet.hidden_rows < sheet.height)]
    if len(below) and columns:
        held = np.zeros(len(below), np.bool_)
        for column in columns:
            held |= np.asarray(column.seen.text.is_valid())[below - header_row]
        if held.any():
            yield _note("是隐藏或被筛选掉的行，也读取了；不应交付的，请删除后重新交付", below[held] + 1)
    titles = [f"“{column.title}”" for column in columns if column.place in sheet.hidden_columns]
    if titles:
        yield Note(f"列{'、'.join(titles)}是隐藏的列，也读取了", len(titles))


def passed_over(
    sheet: DeliveredSheet, heading_cells: Sequence[str | None], found: Mapping[int, str]
) -> Iterator[Note]:
    """Note the hidden columns whose heading a visible column has too.

    Args:
        sheet: the sheet.
        heading_cells: the row of the headings.
        found: position → heading that was found.
    """
    titles = {
        clean_title(title): title for place, title in found.items() if place not in sheet.hidden_columns
    }
    hidden = [
        titles[clean_title(heading_cells[place] or "")]
        for place in sorted(sheet.hidden_columns)
        if place < len(heading_cells) and clean_title(heading_cells[place] or "") in titles
    ]
    if hidden:
        names = "、".join(f"“{title}”" for title in hidden)
        yield Note(f"列{names}有同名的隐藏列，读取的是可见的一列", len(hidden))


def shown_headings(sheet: DeliveredSheet, rows: list[list[str | None]]) -> list[list[str | None]]:
    """The first rows; in a hidden column, a text that a visible column has too gets the prefix for hidden columns."""
    if not sheet.hidden_columns:
        return rows
    cleaned = []
    for row in rows:
        shown = {
            clean_title(text) for place, text in enumerate(row) if text and place not in sheet.hidden_columns
        }
        cleaned.append(
            [
                f"{HIDDEN}{text}"
                if text and place in sheet.hidden_columns and clean_title(text) in shown
                else text
                for place, text in enumerate(row)
            ]
        )
    return cleaned


def _below(rows: Rows, header_row: int) -> Rows:
    """The rows below the headings, counted from 1; the argument counts from 0."""
    return rows[rows >= header_row] + 1


def _by_rows(found: Mapping[ReadColumn, Rows], text: str) -> Iterator[Note]:
    """Yield a note for each group of columns with the same rows."""
    grouped: dict[bytes, list[ReadColumn]] = {}
    for column, rows in found.items():
        if len(rows):
            grouped.setdefault(rows.tobytes(), []).append(column)
    for columns in grouped.values():
        titles = "".join(f"“{column.title}”" for column in columns)
        yield _note(f"列{titles}的{text}", found[columns[0]])


def _note(text: str, rows: Rows) -> Note:
    return Note(text, len(rows), tuple(rows[:_NAMED_ROWS].tolist()))
