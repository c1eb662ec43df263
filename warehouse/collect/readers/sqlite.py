"""SQLite databases: find the table by its columns, read its rows in storage order.

The file is opened read-only, and no code in it runs, so that views are not read. A database beside unfinished
transactions is refused: without them it lacks changes that the department sees.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from schemas.emit.sql import quote
from warehouse.collect.readers.given import given_values
from warehouse.collect.readers.headings.header_match import Headings, match_titles, missing_columns
from warehouse.collect.readers.layout import (
    Layout,
    Reading,
    Recognition,
    unreadable,
)
from warehouse.collect.readers.staging import StagingTable
from warehouse.collect.readers.text.encoding import SQLITE

# Files that SQLite keeps beside a database in use, and their first bytes: https://sqlite.org/fileformat.html
BESIDE = {"-wal": b"\x37\x7f\x06", "-journal": b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"}
_BATCH = 20_000
# Limit of the bytes of a value and of a row.
_LONGEST = 64 << 20
# A whole REAL above this may differ from the original number; it keeps its exponent.
_EXACT = 2.0**53
_SHOWN = 5
# Internal tables and virtual tables (which run code) are left out.
_TABLES = """
    SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%'
    ORDER BY name
"""
_COLUMNS = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid"
_KEEPS_ROW_IDS = "SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND name = ? AND wr = 0"
_UNDECODED = re.compile(r"Could not decode to UTF-8 column '([^']*)'")
_OF_A_VALUE = re.compile(r"(\S+ value in|CHECK constraint failed in) ")
_Value = str | int | float | bytes | None


@dataclass(frozen=True)
class _SqliteTable:
    """A table, the match of its columns with the layout, and the name of its row number, if it has one."""

    name: str
    columns: tuple[str, ...]
    headings: Headings
    row_id: str | None


def recognise(path: Path, layout: Layout) -> Recognition:
    """Recognise the table of a database that the layout describes.

    Raises:
        UnreadableFile: no SQLite database, damaged, or not exactly one table has the columns.
    """
    with _opened(path) as database:
        return _recognition(path, layout, _choose(path, database, layout))


def read(
    path: Path, layout: Layout, connection: duckdb.DuckDBPyConnection, table: str, _scratch: Path
) -> Reading:
    """Fill a table with the rows of a database's table.

    Args:
        path: the file.
        layout: the contract's description of the file.
        connection: the connection that gets the table.
        table: the table's name.
        _scratch: not used; all readers have the same parameters.

    Raises:
        UnreadableFile: as `recognise`; or a column holds binary values or text that is not UTF-8.
    """
    with _opened(path) as database:
        _refuse_damaged(database)
        chosen = _choose(path, database, layout)
        stage = StagingTable(connection, table, layout, _recognition(path, layout, chosen))
        stage.create()
        width = len(chosen.columns)
        for batch in _batches(path, database, chosen):
            stage.insert_batch(batch, width)
        return stage.finish(notes=False)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with path.open("rb") as file:
        start = file.read(len(SQLITE))
    if not start:
        raise unreadable(path, "文件是空的", "核对导出是否成功，重新交付")
    if start != SQLITE:
        raise unreadable(path, "内容不是 SQLite 数据库", "按数据标准规定的格式导出后重新交付")
    if in_use := [beside.name for beside in _transactions(path)]:
        raise unreadable(
            path,
            f"数据库仍在使用中，有尚未写入的内容（{'、'.join(in_use)}）",
            "关闭使用它的程序或重新导出后交付",
        )
    try:
        # Immutable: SQLite writes neither lock nor journal beside the delivered file.
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            # A generated column can have any length without making the file larger.
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:
        undecoded = _UNDECODED.match(str(error))
        problem, remedy = (
            (f"列“{undecoded[1]}”里的文字不是 UTF-8 编码", "用 UTF-8 编码导出后重新交付")
            if undecoded
            else (f"有一格的内容超过 {_LONGEST >> 20} MB", "核对内容后重新导出")
            if isinstance(error, sqlite3.DataError)
            else ("数据库已损坏或不完整", "重新导出数据库后交付")
        )
        # SQLite's error quotes the undecodable text, so that it is not passed on.
        raise unreadable(path, problem, remedy) from None


def _transactions(path: Path) -> Iterator[Path]:
    """Files beside a database with unfinished changes: a log not yet merged, a journal not yet rolled back."""
    for ending, start in BESIDE.items():
        beside = path.with_name(path.name + ending)
        if beside.exists():
            with beside.open("rb") as file:
                if file.read(len(start)) == start:
                    yield beside


def _refuse_damaged(database: sqlite3.Connection) -> None:
    """Refuse a database with contradictory pages: rows could be missing, or reading could never end.

    Raises:
        sqlite3.DatabaseError: the database's own check found damage.
    """
    for (finding,) in database.execute("PRAGMA quick_check"):
        # A value that breaks its table's constraints is no damage; the rules check values.
        if finding != "ok" and not _OF_A_VALUE.match(finding):
            raise sqlite3.DatabaseError("damaged")


def _choose(path: Path, database: sqlite3.Connection, layout: Layout) -> _SqliteTable:
    """Choose the table that the layout names, else the only table with its columns."""
    names = [name for (name,) in database.execute(_TABLES)]
    wanted = [n for n in names if layout.table is None or n.casefold() == layout.table.casefold()]
    if not wanted:
        problem = f"没有表“{layout.table}”，只有：{'、'.join(names)}" if names else "没有任何表"
        raise unreadable(path, f"数据库里{problem}", "核对导出的表名后重新交付")
    tables = [_table(database, name, layout) for name in wanted]
    found = [table for table in tables if table.headings.acceptable]
    if not found:
        columns = "、".join(column.name for column in layout.columns)
        seen = "；".join(f"{table.name}（{'、'.join(table.columns)}）" for table in tables[:_SHOWN])
        raise unreadable(
            path,
            f"数据库里没有一张表具有应有的列：{columns}；看到的表是：{seen}",
            "核对交付的是不是这份数据",
        )
    most = max(len(table.headings.columns) for table in found)
    best = [table for table in found if len(table.headings.columns) == most]
    if len(best) > 1:
        raise unreadable(
            path,
            f"数据库里有 {len(best)} 张表都有这些列（{'、'.join(table.name for table in best)}），"
            "不知道该读哪一张",
            "只保留要交付的一张",
        )
    if not best[0].headings.complete:
        raise missing_columns(path, f"表“{best[0].name}”", best[0].headings)
    return best[0]


def _table(database: sqlite3.Connection, name: str, layout: Layout) -> _SqliteTable:
    columns = tuple(column for (column,) in database.execute(_COLUMNS, (name,)))
    taken = {column.casefold() for column in columns}
    kept = database.execute(_KEEPS_ROW_IDS, (name,)).fetchone()
    row_id = next((each for each in ("rowid", "_rowid_", "oid") if each not in taken), None)
    return _SqliteTable(name, columns, match_titles(columns, layout), row_id if kept else None)


def _recognition(path: Path, layout: Layout, table: _SqliteTable) -> Recognition:
    return Recognition(
        form=layout.form,
        columns=table.headings.columns,
        missing=tuple(column.name for column in table.headings.missing),
        extra=table.headings.extra,
        table=table.name,
        given=given_values(path, layout),
    )


def _batches(path: Path, database: sqlite3.Connection, table: _SqliteTable) -> Iterator[pa.Table]:
    columns = ", ".join(map(quote, table.columns))
    order = f" ORDER BY {table.row_id}" if table.row_id else ""
    cursor = database.execute(f"SELECT {columns} FROM {quote(table.name)}{order}")
    names = ["_row", *(f"f{place}" for place in range(len(table.columns)))]
    first = 1
    while rows := cursor.fetchmany(_BATCH):
        texts = []
        for name, values in zip(table.columns, zip(*rows, strict=True), strict=True):
            if bytes in map(type, values):
                row = first + list(map(type, values)).index(bytes)
                raise unreadable(
                    path,
                    f"表“{table.name}”第 {row} 行的列“{name}”是二进制内容，不是文字或数字",
                    "以文字导出这一列，或去掉它后重新交付",
                )
            texts.append(_as_text(values))
        yield pa.table([np.arange(first, first + len(rows)), *texts], names=names)
        first += len(rows)


def _as_text(values: Sequence[_Value]) -> pa.Array:
    """A column as text: no number is rounded, and a whole number stored as REAL gets no `.0`."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str}:
        return pa.array(values, pa.string())
    if kinds == {int}:
        return pa.array(values, pa.int64()).cast(pa.string())
    return pa.array(map(_text, values), pa.string())


def _text(value: _Value) -> str | None:
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    return None if value is None else str(value)
