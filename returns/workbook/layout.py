"""How a sheet looks: fonts, colours, heights, and the cell formats made of them.

Sizes are chosen for an old office PC and older eyes. Here belong looks only; what is written into
the cells is in skeleton (header, notes) and cells (data).
"""

import math

import polars as pl

from returns.workbook.model import CellKind, SheetColumn

Format = dict[str, object]

FONT = "微软雅黑"
BODY_SIZE = 11
# What a spreadsheet program does not break over two lines.
_UNBROKEN = r"[0-9A-Za-z]{10}"
LINE_HEIGHT = 18.0
"""Points that one line of the body font takes."""

PARAGRAPH_LINE = 20.0
"""The same for the somewhat larger font of a text sheet."""

ROW_PADDING = 6.0
MAX_ROW_HEIGHT = 409.0
"""Points; the file format's limit."""

BANNER_WIDTH = 110.0
"""Characters that heading and notes may run over: about one screen of 1366 pixels."""

FILTER_ARROW = 3.0
"""Characters that the filter's arrow takes from a header cell."""

_BASE: Format = {"font_name": FONT, "font_size": BODY_SIZE, "valign": "vcenter"}
_BORDER: Format = {"border": 1, "border_color": "#BFBFBF"}
_NUMBER_FORMATS: dict[CellKind, str] = {
    "text": "@",
    "integer": "0",
    "number": "General",
    "date": "yyyy-mm-dd",
}
_ALIGN: dict[CellKind, str] = {"text": "left", "integer": "right", "number": "right", "date": "center"}

HEADING: Format = {**_BASE, "font_size": 16, "bold": True, "font_color": "#1F3864"}
NOTE: Format = {**_BASE, "font_color": "#404040", "text_wrap": True}
GROUP_START: Format = {"bg_color": "#E8EEF5", "top": 1, "top_color": "#1F4E79"}
"""Laid over the first row of a group."""

GROUP_AGAIN: Format = {"font_color": "#A6A6A6"}
"""Laid over the group's name in its other rows."""

TOTALS: Format = {"bg_color": "#E8EEF5", "bold": True}
"""Laid over a row of totals."""

PARAGRAPH: Format = {**_BASE, "font_size": 12, "text_wrap": True}


def header_format(column: SheetColumn) -> Format:
    """Format of a column's header cell; columns to fill in stand out in another colour."""
    fill = "#B45309" if column.editable else "#1F4E79"
    colours: Format = {"bg_color": fill, "font_color": "#FFFFFF", "bold": True}
    return {**_BASE, **_BORDER, **colours, "align": "center", "text_wrap": True}


def body_format(column: SheetColumn) -> Format:
    """Format of a column's data cells.

    Text cells carry the text format, so that an identifier typed into an empty one stays text too.
    """
    looks: Format = {"num_format": _NUMBER_FORMATS[column.kind], "align": _ALIGN[column.kind]}
    if column.kind == "text":
        looks["indent"] = 1
    if column.wrap:
        looks["text_wrap"] = True
    if column.editable:
        looks |= {"bg_color": "#FFF4CC", "locked": False}
    return {**_BASE, **_BORDER, **looks}


def text_height(text: str, width: float, line: float = LINE_HEIGHT) -> float:
    """Points that a wrapped text needs in a cell `width` characters wide."""
    lines = sum(max(1, math.ceil((len(part) + len(part.encode())) / 2 / width)) for part in text.split("\n"))
    return min(MAX_ROW_HEIGHT, ROW_PADDING + line * lines)


def row_height(columns: tuple[SheetColumn, ...]) -> pl.Expr:
    """Points that each row needs for its wrapped columns (as `text_height`, over a set of rows).

    A line break is counted as a line of its own, which is at most one too many.
    """
    most = pl.max_horizontal(pl.lit(1.0), *map(_lines, columns))
    return (ROW_PADDING + LINE_HEIGHT * most).clip(upper_bound=MAX_ROW_HEIGHT)


def _lines(column: SheetColumn) -> pl.Expr:
    """Number of lines that a column's text breaks into; null without a text.

    A Chinese character has three UTF-8 bytes: (characters + bytes) / 2 counts it as two. A long number is not broken
    and leaves the rest of its line empty: of a text that takes several lines, one more.
    """
    text = pl.col(column.name).cast(pl.String).str
    width = (text.len_chars() + text.len_bytes()) / 2
    pushed = (width > column.width) & text.contains(_UNBROKEN)
    return (width / column.width).ceil() + pushed.cast(pl.Int64) + text.count_matches("\n", literal=True)
