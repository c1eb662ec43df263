"""SQLite databases: the table, its rows in their order, values without loss, refusals in Chinese."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.registry import read, recognise

# Each file is read into a temporary table of a connection of its own.
DATABASE = duckdb.connect()

LAYOUT = Layout(
    form="sqlite",
    columns=(
        LayoutColumn("certificate_no", ("证件号", "certificate_no"), required=True, key=True),
        LayoutColumn("name", ("姓名", "name")),
        LayoutColumn("death_date", ("死亡日期", "death_date")),
    ),
)
TABLE = "CREATE TABLE death_certificate (certificate_no TEXT PRIMARY KEY, name TEXT, death_date TEXT)"

Row = tuple[int | str | None, ...]


def write(path: Path, *statements: str, rows: dict[str, list[tuple[object, ...]]] | None = None) -> Path:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        for statement in statements:
            database.execute(statement)
        for table, values in (rows or {}).items():
            marks = ", ".join("?" * len(values[0]))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
    return path


def table_of(path: Path, layout: Layout = LAYOUT) -> tuple[Reading, list[Row]]:
    with DATABASE.cursor() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent)
        return reading, connection.execute("FROM t").fetchall()


def refusal(path: Path, layout: Layout = LAYOUT) -> str:
    with pytest.raises(UnreadableFile) as error:
        read(path, layout, DATABASE.cursor(), "t", spool=path.parent)
    return str(error.value)


def test_rows_come_in_the_order_in_which_they_were_stored(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [(f"D{(i * 7919) % 25_000:05d}", f"名{i}", None) for i in range(25_000)]
    path = write(tmp_path / "死亡.db", TABLE, rows={"death_certificate": rows})
    reading, table = table_of(path)
    assert table == [(row, *cells) for row, cells in enumerate(rows, start=1)]
    found = reading.recognition
    assert (found.form, found.table, found.header_row) == ("sqlite", "death_certificate", None)
    assert [(column.name, column.position) for column in found.columns] == [
        ("certificate_no", 1),
        ("name", 2),
        ("death_date", 3),
    ]
    assert recognise(path, LAYOUT) == found


def test_a_table_without_row_ids_is_read_too(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.db",
        TABLE + " WITHOUT ROWID",
        rows={"death_certificate": [("B", "乙", None), ("A", "甲", "1")]},
    )
    assert table_of(path)[1] == [(1, "A", "甲", "1"), (2, "B", "乙", None)]


def test_a_column_called_rowid_is_not_the_row_id(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.db",
        "CREATE TABLE t (certificate_no, name, rowid, oid)",
        rows={"t": [("B", "乙", 2, 2), ("A", "甲", 1, 1)]},
    )
    assert [row[1] for row in table_of(path)[1]] == ["B", "A"]


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(
        st.one_of(
            st.none(),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
        ),
        max_size=12,
    )
)
def test_every_value_survives_as_text(
    tmp_path_factory: pytest.TempPathFactory, values: list[int | float | str | None]
) -> None:
    rows: list[tuple[object, ...]] = [(f"K{i}", value) for i, value in enumerate(values)]
    path = tmp_path_factory.mktemp("values") / "x.db"
    write(path, "CREATE TABLE t (certificate_no TEXT, name)", rows={"t": rows} if rows else None)
    seen = [name for _, _, name, _ in table_of(path)[1]]
    assert len(seen) == len(values)
    for value, text in zip(values, seen, strict=True):
        if isinstance(value, int):
            assert int(str(text)) == value
        elif isinstance(value, float):
            assert float(str(text)) == value
        else:
            assert text == (value or None)


def test_whole_numbers_stored_as_real_have_no_decimals(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [("A", 1.0, 680.5), ("B", 2.0, 1e300)]
    path = write(
        tmp_path / "x.db", "CREATE TABLE t (certificate_no, name REAL, death_date REAL)", rows={"t": rows}
    )
    assert table_of(path)[1] == [(1, "A", "1", "680.5"), (2, "B", "2", "1e+300")]


def test_the_table_is_the_one_named_or_else_the_one_with_the_columns(tmp_path: Path) -> None:
    rows: dict[str, list[tuple[object, ...]]] = {"old": [("A", "甲", "1")], "new": [("B", "乙", "2")]}
    columns = "(certificate_no, name, death_date)"
    path = write(tmp_path / "x.db", f"CREATE TABLE old {columns}", f"CREATE TABLE new {columns}", rows=rows)
    assert table_of(path, replace(LAYOUT, table="NEW"))[1] == [(1, "B", "乙", "2")]
    assert "数据库里有 2 张表都有这些列（new、old）" in refusal(path)
    assert "数据库里没有表“死亡”，只有：new、old" in refusal(path, replace(LAYOUT, table="死亡"))


def test_columns_beyond_the_layout_are_named_and_missing_ones_are_null(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.db",
        'CREATE TABLE t ("序号", "证 件 号", NAME)',
        "CREATE VIEW v AS SELECT * FROM t",
        rows={"t": [(1, "A", "甲")]},
    )
    reading, rows = table_of(path)
    assert rows == [(1, "A", "甲", None)]
    assert (reading.recognition.extra, reading.recognition.missing) == (("序号",), ("death_date",))


def test_the_file_is_left_as_it_was_delivered(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x #1?.db",
        "PRAGMA journal_mode = WAL",
        TABLE,
        rows={"death_certificate": [("A", "甲", "1")]},
    )
    before = path.read_bytes()
    assert table_of(path)[0].rows == 1
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            ("CREATE TABLE t (certificate_no, name)", "INSERT INTO t VALUES ('A', '甲'), ('B', x'00')"),
            "表“t”第 2 行的列“name”是二进制内容",
        ),
        (
            ("CREATE TABLE t (certificate_no, name)", "INSERT INTO t VALUES ('A', CAST(x'cdf5' AS TEXT))"),
            "列“name”里的文字不是 UTF-8 编码",
        ),
        (("CREATE TABLE t (name, death_date)",), "表“t”缺少必需的列 “证件号”或“certificate_no”"),
        (("CREATE TABLE t (a, b)",), "看到的表是：t（a、b）"),
        (("PRAGMA user_version = 1",), "数据库里没有任何表"),
    ],
)
def test_a_database_without_the_data_is_refused_with_the_reason(
    tmp_path: Path, statements: tuple[str, ...], said: str
) -> None:
    message = refusal(write(tmp_path / "死亡.db", *statements))
    assert message.startswith("文件“死亡.db”：")
    assert said in message
    assert "请" in message


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"", "文件是空的"),
        (lambda data: "证件号,姓名\n".encode(), "内容不是 SQLite 数据库"),
        (lambda data: data[:2000], "数据库已损坏"),
        (lambda data: data[:4096] + b"\xff" * (len(data) - 4096), "数据库已损坏"),
    ],
)
def test_a_damaged_database_is_refused(tmp_path: Path, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    rows: list[tuple[object, ...]] = [(f"D{i}", "甲" * 20, "1") for i in range(500)]
    path = write(tmp_path / "死亡.db", TABLE, rows={"death_certificate": rows})
    path.write_bytes(damage(path.read_bytes()))
    assert said in refusal(path)


MANY = [(f"E{number}", "乙" * 200) for number in range(100)]


@pytest.mark.parametrize(("mode", "beside"), [("WAL", "死亡.db-wal"), ("DELETE", "死亡.db-journal")])
def test_a_database_in_the_middle_of_being_written_is_refused_until_it_is_closed(
    tmp_path: Path, mode: str, beside: str
) -> None:
    path = write(tmp_path / "死亡.db", TABLE, rows={"death_certificate": [("D1", "甲", None)]})
    with closing(sqlite3.connect(path)) as writer:
        writer.execute(f"PRAGMA journal_mode = {mode}")
        writer.execute("PRAGMA cache_size = 1")  # so that a transaction reaches the file before its end
        writer.executemany("INSERT INTO death_certificate VALUES (?, ?, NULL)", MANY)
        assert beside in refusal(path)
        writer.commit()
    _, table = table_of(path)
    assert len(table) == 1 + len(MANY)
