"""Doubts: Chinese notes on values that were damaged before delivery, recognised from their texts.

Some damage shows in a single value: a control character, 锟斤拷. Other damage shows only in a column: one 18-digit
number that is a multiple of 16 means nothing; a column of such numbers was stored as floating-point numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.emit.sql import literal, quote
from warehouse.collect.readers.layout import FoundColumn, LayoutColumn, Note

_SQL = Path(__file__).parent / "sql"
_FIRST_ROWS = 200
# This many similar values are no accident: an 18-digit number is a multiple of 16 with a chance of one in sixteen.
_ENOUGH = 5
_NAMED_ROWS = 1000

_LONG = "regexp_full_match({0}, '[1-9][0-9]{{17}}')"
# Characters of the private-use areas, without those that GB 18030-2022 assigned: text.sql converts these.
_PRIVATE = (
    r"[\x{E000}-\x{E78C}\x{E797}-\x{E7C6}\x{E7C9}-\x{E815}\x{E819}-\x{E81D}\x{E81F}-\x{E825}\x{E827}-\x{E82A}"
    r"\x{E82D}-\x{E830}\x{E833}-\x{E83A}\x{E83C}-\x{E842}\x{E844}-\x{E853}\x{E856}-\x{E863}\x{E865}-\x{F8FF}"
    r"\x{F0000}-\x{10FFFD}]"
)
# Signs of lost characters: the replacement character; the same character decoded as GBK; uninitialised memory, as
# some programs write it.
GARBLED = ("\ufffd", "锟斤拷", "烫烫")
_GARBLED = "|".join(GARBLED)
# Control characters that no table cell contains; DOS's end-of-file mark is among them.
_CONTROLS = r"[\x00-\x08\x0B\x0C\x0E-\x1C\x7F]"
# Only question marks: the encoding of the exporting program had none of the value's characters.
_LOST = r"[?？]{2,}"


@dataclass(frozen=True)
class _RowDoubt:
    """A doubt about single values.

    Attributes:
        name: the name of this kind of odd values.
        marks: every such value contains one of these texts; searching for them is cheaper than the condition.
        condition: SQL of whether the text `{0}` is doubtful.
        text: the Chinese note.
        of_text_only: whether columns with measured numbers are left out.
        by_column: whether the note names the column.
    """

    name: str
    marks: tuple[str, ...]
    condition: str
    text: str
    of_text_only: bool = False
    by_column: bool = True

    def anywhere(self, texts: str) -> str:
        """SQL of whether a row may contain such a value; `texts` is SQL that joins all texts of the row."""
        if not self.marks:
            return self.condition.format(texts)
        return "(" + " OR ".join(f"contains({texts}, {literal(mark)})" for mark in self.marks) + ")"


PRIVATE, CONTROL = "private", "control"

_ROW_DOUBTS = (
    # Spreadsheets, pandas and SQLite write a long number in this form.
    _RowDoubt(
        "scientific",
        ("E+1", "e+1"),
        "regexp_full_match({0}, '[1-9][.][0-9]{{1,17}}[Ee][+]1[1-9]')",
        "的长号码成了科学计数法（如 3.70602E+17），末几位已丢失；请把单元格设为文本格式，重新填写后交付",
        of_text_only=True,
    ),
    # HTML entities of web pages.
    _RowDoubt(
        "escaped",
        ("&",),
        "regexp_matches({0}, '&(nbsp|amp|lt|gt|quot|#[0-9]{{2,6}}|#x[0-9A-Fa-f]{{2,5}});')",
        "的文字里有网页的转义符（如 &nbsp;），没有换回原来的字符；请从原系统重新导出后交付",
        of_text_only=True,
    ),
    # Prefixes that keep a spreadsheet from taking a text for a number.
    _RowDoubt(
        "guarded",
        ('="', "'"),
        """regexp_full_match({0}, '=".*"|''[0-9A-Za-z-]{{4,}}')""",
        '的值前面有等号或单引号（如 ="0012"、\'0012），是防止电子表格改动而加的；请去掉后重新交付',
    ),
    _RowDoubt(
        "lost",
        ("??", "？？", "?？", "？?"),
        f"regexp_full_match({{0}}, '{_LOST.replace('{', '{{').replace('}', '}}')}')",
        "的值只有问号，原来的字在导出时已经丢失；请用 UTF-8 重新导出后交付",
        of_text_only=True,
    ),
    _RowDoubt(
        PRIVATE,
        (),
        f"regexp_matches({{0}}, '{_PRIVATE.replace('{', '{{').replace('}', '}}')}')",
        "有自造字（私用区字符），在别的电脑上会显示成别的字；请改为正式编码的汉字后重新交付",
        by_column=False,
    ),
    _RowDoubt(
        "garbled",
        GARBLED,
        f"regexp_matches({{0}}, '{_GARBLED}')",
        "有乱码（如 �、锟斤拷、烫烫），原来的字在导出前已经丢失；请从原系统重新导出后交付",
    ),
    _RowDoubt(
        CONTROL,
        (),
        f"regexp_matches({{0}}, '{_CONTROLS}')",
        "有看不见的控制字符（如 DOS 的文件结束符 0x1A），内容可能不完整；请核对后重新交付",
    ),
)

ANY = frozenset(doubt.name for doubt in _ROW_DOUBTS)
"""All kinds of odd values."""

MARKED = {doubt.name: tuple(mark.encode() for mark in doubt.marks) for doubt in _ROW_DOUBTS if doubt.marks}
"""Kind of odd values → byte sequences; UTF-8 text without any of them contains no such value."""


@dataclass(frozen=True)
class Doubtful:
    """A remark on a table that was read.

    Attributes:
        note: the remark.
        rows: SQL of the rows concerned, if each row is doubtful by itself; None if only the whole column is.
    """

    note: Note
    rows: str | None = None


@dataclass(frozen=True)
class _Doubt:
    """A doubt about a column: which texts it concerns, a condition that all of them fulfil, and the note."""

    about: str
    common: Sequence[str]
    text: str
    of_text_only: bool


_DOUBTS = (
    # Above 10^17, every floating-point number is a multiple of 16; spreadsheets and JavaScript write trailing zeros.
    _Doubt(
        _LONG,
        ("try_cast({0} AS HUGEINT) % 16 = 0", "ends_with({0}, '0')"),
        "长号码像是曾被当作数字（浮点数）保存，末几位已丢失，校验码相符的也不可信；请以文本格式导出后重新交付",
        of_text_only=False,
    ),
    _Doubt(
        "{0} IS NOT NULL",
        ("regexp_full_match({0}, '[0-9]{{2,}}[.]0')",),
        "值都以 .0 结尾，像是导出工具（如 pandas）加上的；请以文本格式导出后重新交付",
        of_text_only=True,
    ),
)


def doubts(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[tuple[FoundColumn, LayoutColumn]],
    odd: frozenset[str] = ANY,
) -> Iterator[Doubtful]:
    """Yield notes on a table that was read.

    Args:
        connection: the connection that holds the table.
        table: the table's name.
        columns: the columns found, each with the contract's description.
        odd: the kinds of odd values that the texts may contain; other kinds are not searched.
    """
    if columns:
        yield from _of_columns(connection, table, columns)
        yield from _of_rows(connection, table, columns, odd)


def _of_columns(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[tuple[FoundColumn, LayoutColumn]]
) -> Iterator[Doubtful]:
    """Yield notes on whole columns: check the first rows, and count all rows if the first ones raise a doubt."""
    asked = [
        (found, doubt, common)
        for found, column in columns
        for doubt in _DOUBTS
        if not (doubt.of_text_only and column.measured)
        for common in doubt.common
    ]
    questions = ", ".join(_question(quote(f.name), d, c) for f, d, c in asked)
    if not questions:
        return
    first = f"(SELECT * FROM {quote(table)} LIMIT {_FIRST_ROWS})"
    (answers,) = connection.execute(f"SELECT {questions} FROM {first}").fetchall()
    known: set[tuple[str, str]] = set()
    for (found, doubt, common), doubtful in zip(asked, answers, strict=True):
        if doubtful and (found.name, doubt.text) not in known:
            known.add((found.name, doubt.text))
            name = quote(found.name)
            where = f"{doubt.about.format(name)} AND {common.format(name)}"
            for note in _note(connection, table, where, f"列“{found.title}”的{doubt.text}"):
                yield Doubtful(note)


def _of_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[tuple[FoundColumn, LayoutColumn]],
    odd: frozenset[str],
) -> Iterator[Doubtful]:
    """Yield notes on single values, one note for each column with such values."""
    texts = f"concat({', '.join(quote(found.name) for found, _ in columns)})"
    asked = [doubt for doubt in _ROW_DOUBTS if doubt.name in odd]
    if not asked:
        return
    questions = ", ".join(f"count_if({doubt.anywhere(texts)})" for doubt in asked)
    (counts,) = connection.execute(f"SELECT {questions} FROM {quote(table)}").fetchall()
    for doubt, count in zip(asked, counts, strict=True):
        if not count:
            continue
        if not doubt.by_column:
            where = doubt.condition.format(texts)
            for note in _note(connection, table, where, doubt.text):
                yield Doubtful(note, where)
            continue
        for found, column in columns:
            if doubt.of_text_only and column.measured:
                continue
            where = doubt.condition.format(quote(found.name))
            for note in _note(connection, table, where, f"列“{found.title}”{doubt.text}"):
                yield Doubtful(note, where)


def _question(name: str, doubt: _Doubt, common: str) -> str:
    about = doubt.about.format(name)
    return f"count_if({about}) >= {_ENOUGH} AND bool_and({common.format(name)}) FILTER ({about})"


def _note(connection: duckdb.DuckDBPyConnection, table: str, where: str, text: str) -> Iterator[Note]:
    sql = (_SQL / "doubtful.sql").read_text(encoding="utf-8")
    query = sql.format(table=quote(table), where=where, most=_NAMED_ROWS)
    for count, rows in connection.execute(query).fetchall():
        if count:
            yield Note(text, count, tuple(rows))
