"""Data rows as sheet XML, a whole set at a time.

Here belongs the rendering of values into cells (ECMA-376 part 1, 18.3): one Polars expression per
sheet, so that no Python code runs per row. Texts are inline strings, whatever they begin with, and
therefore never formulas.
"""

from collections.abc import Iterator
from datetime import date
from io import BytesIO

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from returns.workbook import layout
from returns.workbook.model import MAX_TEXT, Sheet, SheetColumn

ROWS_AT_ONCE = 5_000
"""Rows rendered together: bounds the memory (about 5 MB of XML for 12 columns)."""

CUT_AFTER = 16_000
CUT_MARK = "……（内容过长，此处截断）"
"""A text too long for a cell shows this many characters and then the mark."""

_ROW = "__row__"
_ILLEGAL = [*range(0x09), 0x0B, 0x0C, *range(0x0D, 0x20)]
"""Control characters that XML 1.0 does not admit, and the carriage return, which its readers drop."""

_ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "_x": "_x005F_x",
    **{chr(code): f"_x{code:04X}_" for code in _ILLEGAL},
    "\ufffe": "\ufffd",
    "\uffff": "\ufffd",
}
"""XML's own escapes, and ST_Xstring's `_xHHHH_` (ECMA-376 part 1, 22.9.2.19) for the rest.

The two code points that are no characters (and that not every reader takes back from an escape)
become the replacement character.
"""

_EPOCH = date(1899, 12, 30)
_FIRST_DATE = date(1900, 3, 1)
"""Serial dates count from the epoch; before March 1900 they are off by a day and mean nothing."""


def render_rows(sheet: Sheet, styles: list[int]) -> Iterator[bytes]:
    """The sheet's data rows as XML, `ROWS_AT_ONCE` rows at a time.

    Args:
        sheet: Its rows are rendered in their order, from the row below the header on.
        styles: Style number of each column's cells.

    Yields:
        Runs of `<row>` elements in UTF-8.
    """
    expression = _row_xml(sheet, styles)
    for offset in range(0, sheet.rows.height, ROWS_AT_ONCE):
        part = sheet.rows.slice(offset, ROWS_AT_ONCE)
        first = sheet.header_row + 1 + offset
        numbers = pl.int_range(first, first + part.height, dtype=pl.Int64).cast(pl.String)
        buffer = BytesIO()
        part.with_columns(numbers.alias(_ROW)).select(expression).write_csv(
            buffer, include_header=False, quote_style="never"
        )
        yield buffer.getvalue()


def _row_xml(sheet: Sheet, styles: list[int]) -> pl.Expr:
    wrapped = tuple(c for c in sheet.columns if c.wrap)
    height = [pl.lit('" ht="'), layout.row_height(wrapped).cast(pl.String)] if wrapped else []
    pieces = [pl.lit('<row r="'), pl.col(_ROW), *height, pl.lit('">')]
    for index, (column, style) in enumerate(zip(sheet.columns, styles, strict=True)):
        pieces += [pl.lit(f'<c r="{xl_col_to_name(index)}'), pl.col(_ROW)]
        pieces += [pl.lit(f'" s="{style}"'), _content(column)]
    return pl.concat_str(*pieces, pl.lit("</row>"))


def _content(column: SheetColumn) -> pl.Expr:
    """The rest of a cell's XML after its style, never null."""
    value = pl.col(column.name)
    if column.kind == "text":
        filled = _inline(_fitted(value.cast(pl.String)).str.replace_many(_ESCAPES))
    elif column.kind == "date":
        serial = (value.cast(pl.Date) - pl.lit(_EPOCH)).dt.total_days()
        filled = (
            pl.when(value.cast(pl.Date) >= _FIRST_DATE)
            .then(_number(serial))
            .otherwise(_inline(value.cast(pl.Date).dt.to_string("iso")))
        )
    else:
        filled = _number(pl.when(value.is_finite()).then(value))
    return filled.fill_null("/>")


def _inline(text: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(' t="inlineStr"><is><t xml:space="preserve">'), text, pl.lit("</t></is></c>"))


def _number(value: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit("><v>"), value.cast(pl.String), pl.lit("</v></c>"))


def _fitted(text: pl.Expr) -> pl.Expr:
    """Text that a cell can hold; null for an empty one, whose cell stays blank.

    The limit counts UTF-16 units: a character beyond the basic plane takes two.
    """
    units = text.str.len_chars() + text.str.count_matches(r"[\x{10000}-\x{10FFFF}]")
    cut = pl.concat_str(text.str.head(CUT_AFTER), pl.lit(CUT_MARK))
    return pl.when(units > MAX_TEXT).then(cut).when(text != "").then(text)
