"""Data rows as sheet XML, a whole set at a time.

Here belongs the rendering of values into cells (ECMA-376 part 1, 18.3): one Polars expression per
set of rows, so that no Python code runs per row. Texts are inline strings, whatever they begin with,
and therefore never formulas.

Polars is fastest at joining a flat list of columns and literals. So a set of rows is looked at first: a
column without blank cells needs no case for them, and one with nothing to escape is taken as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from returns.workbook import layout
from returns.workbook.model import MAX_TEXT, ReturnSheet, SheetColumn

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

_TO_ESCAPE = f"[{''.join(text for text in _ESCAPES if len(text) == 1)}]|_x"

_EPOCH = date(1899, 12, 30)
_FIRST_DATE = date(1900, 3, 1)
"""Serial dates count from the epoch; before March 1900 they are off by a day and mean nothing."""

_TEXT = (' t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>")
_NUMBER = ("><v>", "</v></c>")
_BLANK = "/>"


@dataclass(frozen=True)
class _SeenTexts:
    """What a column holds in one set of rows.

    Attributes:
        some: whether any of its cells is filled.
        every: whether all of them are.
        plain: whether they are written as they are: no text to cut or escape, no date before the first one.
    """

    some: bool
    every: bool
    plain: bool


def render_rows(sheet: ReturnSheet, styles: Sequence[int]) -> Iterator[bytes]:
    """The sheet's data rows as XML, `ROWS_AT_ONCE` rows at a time.

    Args:
        sheet: Its rows are rendered in their order, from the row below the header on.
        styles: Style number of each column's cells.

    Yields:
        Runs of `<row>` elements in UTF-8, each on a line of its own.
    """
    for offset in range(0, sheet.rows.height, ROWS_AT_ONCE):
        part = sheet.rows.slice(offset, ROWS_AT_ONCE)
        first = sheet.header_row + 1 + offset
        numbers = pl.int_range(first, first + part.height, dtype=pl.Int64).cast(pl.String)
        row = _row_xml(sheet.columns, tuple(styles), _look_at(sheet.columns, part))
        yield _joined(part.with_columns(numbers.alias(_ROW)).select(row).to_series())


def _joined(texts: pl.Series) -> bytes:
    """The texts one after the other: as Arrow has them, that is one buffer."""
    _, _, content = texts.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()
    return bytes(content)


@lru_cache
def _row_xml(
    columns: tuple[SheetColumn, ...], styles: tuple[int, ...], seen: tuple[_SeenTexts, ...]
) -> pl.Expr:
    """A row with its cells. Units have the same sheets: for a small one, to make this anew would cost the most."""
    wrapped = tuple(c for c in columns if c.wrap)
    height: list[str | pl.Expr] = ['" ht="', layout.row_height(wrapped).cast(pl.String)] if wrapped else []
    pieces: list[str | pl.Expr] = ['<row r="', pl.col(_ROW), *height, '">']
    for index, (column, style, held) in enumerate(zip(columns, styles, seen, strict=True)):
        pieces += [f'<c r="{xl_col_to_name(index)}', pl.col(_ROW), f'" s="{style}"', *_content(column, held)]
    pieces.append("</row>\n")
    return pl.concat_str(_merged(pieces))


def _merged(pieces: list[str | pl.Expr]) -> Iterator[pl.Expr]:
    """The pieces, with literals that follow each other in one."""
    literal = ""
    for piece in pieces:
        if isinstance(piece, str):
            literal += piece
        else:
            yield from (pl.lit(literal), piece)
            literal = ""
    yield pl.lit(literal)


def _look_at(columns: tuple[SheetColumn, ...], part: pl.DataFrame) -> tuple[_SeenTexts, ...]:
    facts = iter(part.select(_questions(columns)).row(0))
    return tuple(
        _SeenTexts(filled > 0, filled == part.height, plain)
        for filled, plain in zip(facts, facts, strict=True)
    )


@lru_cache
def _questions(columns: tuple[SheetColumn, ...]) -> list[pl.Expr]:
    """Two for each column: how many cells are filled, and whether they are plain."""
    return [
        question.alias(f"{asked} {column.name}")
        for column in columns
        for asked, question in (("filled", _is_filled(column).sum()), ("plain", _is_plain(column)))
    ]


def _is_filled(column: SheetColumn) -> pl.Expr:
    value = pl.col(column.name)
    if column.kind == "text":
        return value.cast(pl.String) != ""
    return value.is_not_null() if column.kind == "date" else value.is_finite()


def _is_plain(column: SheetColumn) -> pl.Expr:
    """Of the column as a whole; true or null where it holds nothing."""
    value = pl.col(column.name)
    if column.kind == "text":
        text = value.cast(pl.String).str
        return (text.len_bytes().max() <= MAX_TEXT) & ~text.join().str.contains(_TO_ESCAPE)
    return value.cast(pl.Date).min() >= _FIRST_DATE if column.kind == "date" else pl.lit(True)


def _content(column: SheetColumn, seen: _SeenTexts) -> list[str | pl.Expr]:
    """The rest of a cell's XML after its style, never null."""
    if not seen.some:
        return [_BLANK]
    marks, value = _value(column, seen)
    if seen.every:
        return [marks[0], value, marks[1]]
    return [pl.when(_is_filled(column)).then(_around(marks, value)).otherwise(pl.lit(_BLANK))]


def _value(column: SheetColumn, seen: _SeenTexts) -> tuple[tuple[str, str], pl.Expr]:
    """What stands before and after the value of a filled cell, and the value."""
    value = pl.col(column.name)
    if column.kind == "text":
        text = value.cast(pl.String)
        return _TEXT, text if seen.plain else _fitted(text).str.replace_many(_ESCAPES)
    if column.kind != "date":
        return _NUMBER, value.cast(pl.String)
    day = value.cast(pl.Date)
    serial = (day - pl.lit(_EPOCH)).dt.total_days().cast(pl.String)
    if seen.plain:
        return _NUMBER, serial
    as_number, as_text = _around(_NUMBER, serial), _around(_TEXT, day.dt.to_string("iso"))
    return ("", ""), pl.when(day >= _FIRST_DATE).then(as_number).otherwise(as_text)


def _around(marks: tuple[str, str], value: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(marks[0]), value, pl.lit(marks[1]))


def _fitted(text: pl.Expr) -> pl.Expr:
    """Text that a cell can hold.

    The limit counts UTF-16 units: a character beyond the basic plane takes two.
    """
    units = text.str.len_chars() + text.str.count_matches(r"[\x{10000}-\x{10FFFF}]")
    cut = pl.concat_str(text.str.head(CUT_AFTER), pl.lit(CUT_MARK))
    return pl.when(units > MAX_TEXT).then(cut).otherwise(text)
