"""A candidate that begins as a copy of what is published holds what one built anew would hold."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.tables import TableField, TableStandard
from warehouse.home.encryption import Key, Keys, is_encrypted
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake, Origin
from warehouse.lake.thresholds import Thresholds
from warehouse.publish.candidate import Published, Since, Slices, build
from warehouse.publish.switch import open_published, record_verdict, switch

DAY = date(2026, 3, 2)
NEXT = DAY + timedelta(days=1)


def batch_of(connection: duckdb.DuckDBPyConnection, home: Home, day: date) -> BatchContext:
    return BatchContext(connection, Lake(home.lake), Library((), ()), CodeLibrary(), day)


def standard(name: str) -> TableStandard:
    fields = (TableField("id", "integer", "编号", ""), TableField("text", "string", "文字", ""))
    return TableStandard(name, "表", "一行一个", fields)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    return home


def partition(
    connection: duckdb.DuckDBPyConnection, lake: Lake, day: date, table: Mapping[int, str]
) -> Partition:
    rows = ", ".join(f"({number}, '{text}')" for number, text in table.items())
    return lake.write(
        connection,
        "governance",
        "person",
        day,
        f"FROM (VALUES {rows}) AS t (id, text) ORDER BY id",
        Origin({}),
    )


def patched(
    connection: duckdb.DuckDBPyConnection, lake: Lake, base: Partition, new: Mapping[int, str | None]
) -> Partition:
    rows = ", ".join(f"({n}, nullif('{text or ''}', ''), {not text})" for n, text in new.items())
    query = f"FROM (VALUES {rows}) AS t (id, text, _gone) ORDER BY id"
    return lake.patch(connection, base, NEXT, query, "id", Origin({}))


def publish(connection: duckdb.DuckDBPyConnection, home: Home, day: date, tables: list[Published]) -> None:
    assert build(batch_of(connection, home, day), home, tables) is not None
    record_verdict(home, passed=True)
    switch(home, day)


def rows(home: Home, table: str) -> list[tuple[int, str]]:
    with open_published(home) as database:
        return database.execute(f"SELECT id, text FROM {table} ORDER BY ALL").fetchall()


def since(now: Partition, earlier: Partition) -> Since:
    changes = now.changes(earlier)
    assert changes is not None
    return Since(earlier, changes, "id")


def test_of_a_table_that_rests_on_the_published_one_the_changes_are_laid_over(
    connection: duckdb.DuckDBPyConnection, home: Home
) -> None:
    lake = Lake(home.root / "lake", thresholds=Thresholds(changed_share=10.0))
    base = partition(connection, lake, DAY, {1: "甲", 2: "乙", 3: "丙", 4: "丁"})
    publish(connection, home, DAY, [Published(standard("governance.person"), base)])
    # Only the patch can be read any more: the rows that stay come from the published file.
    now = patched(connection, lake, base, {2: "改", 3: None, 5: "戊"})
    base.path(base.parts[0]).rename(home.root / "away")
    gained = f"(SELECT * EXCLUDE (_gone) FROM '{now.path(now.parts[1])}' WHERE NOT _gone)"
    laid = Since(
        base, since(now, base).changes.__class__("(SELECT 2 AS id UNION SELECT 3)", gained, any=True), "id"
    )
    publish(connection, home, NEXT, [Published(standard("governance.person"), now, since=laid)])
    assert rows(home, "governance.person") == [(1, "甲"), (2, "改"), (4, "丁"), (5, "戊")]
    with open_published(home) as database:
        told = database.execute("SELECT table_name, rows FROM catalog.published_table").fetchall()
        comments = database.execute(
            "SELECT count(*), count(comment) FROM duckdb_columns() WHERE NOT internal"
        ).fetchone()
    assert told == [("governance.person", 4)]
    assert comments is not None and comments[0] == comments[1]


def test_changes_since_something_else_than_what_is_published_are_not_laid_over(
    connection: duckdb.DuckDBPyConnection, home: Home
) -> None:
    lake = Lake(home.root / "lake")
    base = partition(connection, lake, DAY, {1: "甲", 2: "乙"})
    now = patched(connection, lake, base, {2: "改"})
    other = partition(connection, Lake(home.root / "other"), DAY, {1: "别", 2: "的", 9: "表"})
    publish(connection, home, DAY, [Published(standard("governance.person"), other)])
    publish(connection, home, NEXT, [Published(standard("governance.person"), now, since=since(now, base))])
    assert rows(home, "governance.person") == [(1, "甲"), (2, "改")]


def test_a_table_that_is_no_more_goes_and_another_comes(
    connection: duckdb.DuckDBPyConnection, home: Home
) -> None:
    large = pl.DataFrame({"id": list(range(100)), "text": ["同"] * 100})
    small = pl.DataFrame({"id": [1], "text": ["甲"]})
    stays = Published(standard("governance.person"), large)
    view = Published(standard("governance.everyone"), "FROM governance.person", view=True)
    publish(connection, home, DAY, [stays, view, Published(standard("quality.finding"), small)])
    publish(connection, home, NEXT, [stays, view, Published(standard("quality.ticket"), small)])
    with open_published(home) as database:
        tables = database.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
        ).fetchall()
    assert [table for table in tables if table[0] != "catalog"] == [
        ("governance", "person"),
        ("quality", "ticket"),
    ]
    assert len(rows(home, "governance.everyone")) == 100


def test_only_slices_that_are_otherwise_are_written(
    connection: duckdb.DuckDBPyConnection, home: Home
) -> None:
    """The queries of slices that stay may read what is there no more."""
    connection.execute(
        "CREATE OR REPLACE TABLE source AS FROM (VALUES (1, '甲'), (2, '乙'), (2, '丙')) AS t (id, text)"
    )

    def slices(*numbers: int) -> Published:
        queries = {str(number): f"SELECT * FROM source WHERE id = {number}" for number in numbers}
        return Published(standard("quality.finding"), Slices("id", queries))

    def told() -> list[tuple[object, ...]]:
        with open_published(home) as database:
            query = "SELECT slice, rows FROM catalog.published_table WHERE table_name = 'quality.finding' ORDER BY ALL"
            return database.execute(query).fetchall()

    large = Published(standard("governance.person"), pl.DataFrame({"id": range(9), "text": ["同"] * 9}))
    publish(connection, home, DAY, [large, slices(1, 2)])
    assert rows(home, "quality.finding") == [(1, "甲"), (2, "丙"), (2, "乙")]
    assert told() == [("1", 1), ("2", 2)]
    # Slice 2 stays as it was published, 1 goes, 3 comes; 4 is empty.
    connection.execute("CREATE OR REPLACE TABLE source AS FROM (VALUES (1, '新'), (3, '丁')) AS t (id, text)")
    publish(connection, home, NEXT, [large, slices(2, 3, 4)])
    assert rows(home, "quality.finding") == [(2, "丙"), (2, "乙"), (3, "丁")]
    assert told() == [("2", 2), ("3", 1), ("4", 0)]
    # None stays: the table is written whole.
    publish(connection, home, NEXT + timedelta(days=1), [large, slices(1)])
    assert rows(home, "quality.finding") == [(1, "新")]
    assert told() == [("1", 1)]


def test_where_little_stays_the_file_is_written_anew(
    connection: duckdb.DuckDBPyConnection, home: Home
) -> None:
    def table(text: str) -> Published:
        frame = pl.DataFrame({"id": range(200_000)}).with_columns(text=pl.col("id").cast(pl.String) + text)
        return Published(standard("governance.person"), frame)

    publish(connection, home, DAY, [table("甲")])
    size = home.warehouse.stat().st_size
    publish(connection, home, NEXT, [table("乙")])
    assert home.warehouse.stat().st_size < 1.2 * size
    assert rows(home, "governance.person")[7] == (7, "7乙")


def test_a_database_of_an_earlier_version_is_built_anew(
    connection: duckdb.DuckDBPyConnection, home: Home
) -> None:
    """It does not tell what its tables were made from."""
    table = Published(standard("governance.person"), pl.DataFrame({"id": [1], "text": ["甲"]}))
    publish(connection, home, DAY, [table])
    with duckdb.connect(home.warehouse) as database:
        database.execute("DROP TABLE catalog.published_table")
    publish(connection, home, NEXT, [table])
    assert rows(home, "governance.person") == [(1, "甲")]


def test_an_encrypted_database_goes_on_encrypted_and_with_another_key_anew(tmp_path: Path) -> None:
    one, two = (Key(base64.b64encode(bytes([number]) * 32).decode()) for number in (1, 2))
    home = Home(tmp_path / "home")
    home.root.mkdir()
    large = Published(standard("governance.person"), pl.DataFrame({"id": range(100), "text": ["同"] * 100}))
    days = [(DAY, Keys(one)), (NEXT, Keys(one)), (NEXT + timedelta(days=1), Keys(two, (one,)))]
    with duckdb.connect() as connection:
        days[-1][1].prepare(connection)
        for day, keys in days:
            small = Published(standard("quality.finding"), pl.DataFrame({"id": [day.day], "text": ["甲"]}))
            assert build(batch_of(connection, home, day), home, [large, small], keys) is not None
            record_verdict(home, passed=True)
            switch(home, day, keys)
            with open_published(home, Keys(keys.present)) as database:
                assert database.execute("SELECT id FROM quality.finding").fetchall() == [(day.day,)]
                assert database.execute("SELECT count(*) FROM governance.person").fetchall() == [(100,)]
            assert is_encrypted(home.warehouse)
