"""Text in CSV files that people open in a spreadsheet: no cell may become a formula.

A spreadsheet program runs a cell of a CSV file as a formula when the cell begins with one of `TRIGGERS`
(OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection). `neutralise` puts an apostrophe
before such a text: `=1+1` becomes `'=1+1`. `restore` takes it away again. A text that begins with apostrophes and
then a trigger gets one more apostrophe, so that every text comes back as it was: `'=1` becomes `''=1`.

Only texts are changed. A number column holds numbers: `-5` stays `-5`.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import polars as pl

MARK = "'"

TRIGGERS = "=+-@\t\r\n＝＋－＠"
"""The first characters that make a formula; the last four are full-width, which some locales convert."""

DESCRIPTION = (
    "为防止电子表格把文本当作公式执行，文本以 = + - @（含全角）、制表符或换行开头时，前面加了一个半角单引号“'”；"
    "原文以单引号接上述字符开头的，同样多加一个。读取时去掉这一个单引号即为原文。数字列不受影响。"
)
"""The text about the marks in the schema beside a CSV file, for people and programs that read the file."""

_TRIGGER = f"[{re.escape(TRIGGERS)}]"
_LIVE = re.compile(f"{MARK}*{_TRIGGER}")
_NEUTRAL = re.compile(f"{MARK}+{_TRIGGER}")


def neutralise(text: str) -> str:
    """The text for a CSV file: it never begins a formula."""
    return MARK + text if _LIVE.match(text) else text


def restore(text: str) -> str:
    """The text before `neutralise`. A text without a mark stays unchanged."""
    return text.removeprefix(MARK) if _NEUTRAL.match(text) else text


def neutralise_frame(rows: pl.DataFrame, numbers: Collection[str] = ()) -> pl.DataFrame:
    """A table ready for `write_csv`: texts and headings are neutralised, other columns are unchanged.

    Args:
        rows: the table.
        numbers: columns of text that hold only numbers: they stay unchanged.
    """
    texts = pl.selectors.string() | pl.selectors.categorical() | pl.selectors.enum()
    texts -= pl.selectors.by_name(*numbers, require_all=False)
    # Searching costs a tenth of replacing, and most columns have nothing to neutralise.
    looked = rows.select(texts.cast(pl.String).str.contains(f"^{MARK}*{_TRIGGER}").any())
    live = [name for name in looked.columns if looked[name].item()]
    marked = pl.col(live).cast(pl.String).str.replace(f"^({MARK}*{_TRIGGER})", f"{MARK}$1")
    safe = rows.with_columns(marked) if live else rows
    return safe.rename({name: neutralise(name) for name in rows.columns})


def restore_text(text: pl.Expr) -> pl.Expr:
    """`restore` for a column of texts."""
    return text.str.replace(f"^{MARK}({MARK}*{_TRIGGER})", "$1")
