"""Columns of a read table that were changed before they were delivered: what shows it in their texts (Chinese notes).

A single value shows nothing; a column does. So the first rows are looked at, and where they raise a doubt, all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.emit.sql import quote
from warehouse.collect.readers.layout import FoundColumn, LayoutColumn, Note

_SQL = Path(__file__).parent / "sql"
_FIRST_ROWS = 200
# So many values in a row that look alike are no accident: one number of eighteen digits in sixteen is one of 16.
_ENOUGH = 5
_NAMED_ROWS = 1000

_LONG = "regexp_full_match({0}, '[1-9][0-9]{{17}}')"
# Characters of the private-use areas, but for those that GB 18030-2022 gave a place: text.sql reads these.
_PRIVATE = (
    r"[\x{E000}-\x{E78C}\x{E797}-\x{E7C6}\x{E7C9}-\x{E815}\x{E819}-\x{E81D}\x{E81F}-\x{E825}\x{E827}-\x{E82A}"
    r"\x{E82D}-\x{E830}\x{E833}-\x{E83A}\x{E83C}-\x{E842}\x{E844}-\x{E853}\x{E856}-\x{E863}\x{E865}-\x{F8FF}"
    r"\x{F0000}-\x{10FFFD}]"
)
# What stands for characters that were lost: the replacement character; the same read as GBK; memory that was never
# filled, as some programs write it.
GARBLED = ("\ufffd", "锟斤拷", "烫烫")
_GARBLED = "|".join(GARBLED)
# Control characters that no cell of a table holds; the mark of DOS for the end of a file is one.
_CONTROLS = r"[\x00-\x08\x0B\x0C\x0E-\x1C\x7F]"
# Nothing but question marks: no character of the value was in the encoding of the program that wrote it.
_LOST = r"[?？]{2,}"


@dataclass(frozen=True)
class Suspicions:
    """Which odd characters the texts of a file may hold; where the file shows that it has none, nobody looks.

    Attributes:
        private: characters of the private-use areas.
        garbled: what stands for lost characters, and the mark of DOS for the end of a file.
    """

    private: bool = True
    garbled: bool = True


ANY = Suspicions()


@dataclass(frozen=True)
class _Doubt:
    """A doubt about a column: which texts it is about, what all of these have in common, and what is said."""

    about: str
    common: Sequence[str]
    text: str
    of_text_only: bool
    enough: int = _ENOUGH


_DOUBTS = (
    # What a spreadsheet, pandas or SQLite makes of a long number in a column of text. One is enough: nobody writes so.
    _Doubt(
        "regexp_full_match({0}, '[1-9][.][0-9]{{1,17}}[Ee][+]1[1-9]')",
        ("true",),
        "长号码成了科学计数法（如 3.70602E+17），末几位已丢失；请把单元格设为文本格式，重新填写后交付",
        of_text_only=True,
        enough=1,
    ),
    # Numbers above 10^17 that a floating-point number can be are multiples of 16; a spreadsheet's and JavaScript's end
    # in zeros.
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
    # What web pages write for characters.
    _Doubt(
        "regexp_matches({0}, '&(nbsp|amp|lt|gt|quot|#[0-9]{{2,6}}|#x[0-9A-Fa-f]{{2,5}});')",
        ("true",),
        "文字里有网页的转义符（如 &nbsp;），没有换回原来的字符；请从原系统重新导出后交付",
        of_text_only=True,
        enough=1,
    ),
    # How programs keep a spreadsheet from taking a text for a number.
    _Doubt(
        """regexp_full_match({0}, '=".*"|''[0-9A-Za-z-]{{4,}}')""",
        ("true",),
        '值前面有等号或单引号（如 ="0012"、\'0012），是防止电子表格改动而加的；请去掉后重新交付',
        of_text_only=False,
        enough=1,
    ),
    _Doubt(
        f"regexp_full_match({{0}}, '{_LOST.replace('{', '{{').replace('}', '}}')}')",
        ("true",),
        "值只有问号，原来的字在导出时已经丢失；请用 UTF-8 重新导出后交付",
        of_text_only=True,
        enough=1,
    ),
)


def doubts(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[tuple[FoundColumn, LayoutColumn]],
    seen: Suspicions = ANY,
) -> Iterator[Note]:
    """Notes on a table that was read.

    Args:
        connection: where it is.
        table: its name.
        columns: those that were found, each with what the contract says of it.
        seen: which odd characters any text may hold.
    """
    asked = [
        (found, doubt, common)
        for found, column in columns
        for doubt in _DOUBTS
        if not (doubt.of_text_only and column.measured)
        for common in doubt.common
    ]
    if asked:
        questions = ", ".join(_question(quote(f.name), d, c) for f, d, c in asked)
        first = f"(SELECT * FROM {quote(table)} LIMIT {_FIRST_ROWS})"
        (answers,) = connection.execute(f"SELECT {questions} FROM {first}").fetchall()
        told: set[tuple[str, str]] = set()
        for (found, doubt, common), doubtful in zip(asked, answers, strict=True):
            if doubtful and (found.name, doubt.text) not in told:
                told.add((found.name, doubt.text))
                name = quote(found.name)
                where = f"{doubt.about.format(name)} AND {common.format(name)}"
                yield from _note(connection, table, where, f"列“{found.title}”的{doubt.text}")
    if not columns:
        return
    texts = f"concat({', '.join(quote(found.name) for found, _ in columns)})"
    if seen.private:
        yield from _note(
            connection,
            table,
            f"regexp_matches({texts}, '{_PRIVATE}')",
            "有自造字（私用区字符），在别的电脑上会显示成别的字；请改为正式编码的汉字后重新交付",
        )
    if seen.garbled:
        yield from _by_column(
            connection,
            table,
            (f"regexp_matches({texts}, '{_GARBLED}')", f"regexp_matches({{}}, '{_GARBLED}')"),
            columns,
            "有乱码（如 �、锟斤拷、烫烫），原来的字在导出前已经丢失；请从原系统重新导出后交付",
        )
        yield from _by_column(
            connection,
            table,
            (f"regexp_matches({texts}, '{_CONTROLS}')", f"regexp_matches({{}}, '{_CONTROLS}')"),
            columns,
            "有看不见的控制字符（如 DOS 的文件结束符 0x1A），内容可能不完整；请核对后重新交付",
        )


def _by_column(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    conditions: tuple[str, str],
    columns: Sequence[tuple[FoundColumn, LayoutColumn]],
    text: str,
) -> Iterator[Note]:
    """A note for each column with such texts.

    Args:
        connection: where the table is.
        table: its name.
        conditions: SQL of whether any column of a row has such a text, and whether the column `{}` has one.
        columns: those to look at.
        text: what is said of a column.
    """
    anywhere, within = conditions
    if not list(_note(connection, table, anywhere, text)):
        return
    for found, _ in columns:
        yield from _note(connection, table, within.format(quote(found.name)), f"列“{found.title}”{text}")


def _question(name: str, doubt: _Doubt, common: str) -> str:
    about = doubt.about.format(name)
    return f"count_if({about}) >= {doubt.enough} AND bool_and({common.format(name)}) FILTER ({about})"


def _note(connection: duckdb.DuckDBPyConnection, table: str, where: str, text: str) -> Iterator[Note]:
    sql = (_SQL / "doubtful.sql").read_text(encoding="utf-8")
    query = sql.format(table=quote(table), where=where, most=_NAMED_ROWS)
    for count, rows in connection.execute(query).fetchall():
        if count:
            yield Note(text, count, tuple(rows))
