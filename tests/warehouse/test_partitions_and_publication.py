"""Partitions are whole or not there; publication is switched in in one step, and only when accepted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.tables import TableField, TableStandard
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.manifest import MANIFEST
from warehouse.lake.store import Lake, Origin, damaged
from warehouse.publish.candidate import Published, build
from warehouse.publish.switch import (
    NotAccepted,
    OlderBatch,
    candidate_of,
    open_published,
    published,
    record_verdict,
    switch,
)

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
STANDARD = TableStandard(
    "quality.finding",
    "问题",
    "说明",
    (TableField("batch", "date", "批次"), TableField("rule", "string", "规则", "见目录")),
)


def batch_of(connection: duckdb.DuckDBPyConnection, home: Home, day: date) -> BatchContext:
    return BatchContext(connection, Lake(home.lake), Library((), ()), CodeLibrary(), day)


@pytest.fixture
def connection(engine: Engine) -> Iterator[duckdb.DuckDBPyConnection]:
    with engine.connect() as opened:
        yield opened


def test_a_partition_is_what_its_manifest_says(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    made = lake.write(
        connection, "standard", "a.b", MONDAY, "SELECT 1 AS x UNION ALL SELECT 2", Origin({"i": "1"})
    )
    again = lake.partition("standard", "a.b", MONDAY)
    assert again == made
    assert made.rows == 2
    assert connection.execute(f"SELECT sum(x) FROM {made.scan}").fetchone() == (3,)
    assert list(damaged(made)) == []


def test_a_failed_write_leaves_the_partition_before(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "lake")
    made = lake.write(connection, "standard", "a.b", MONDAY, "SELECT 1 AS x", Origin({}))
    with pytest.raises(duckdb.Error):
        lake.write(connection, "standard", "a.b", MONDAY, "SELECT error('no') AS x", Origin({}))
    assert lake.partition("standard", "a.b", MONDAY) == made
    assert sorted(path.name for path in made.folder.iterdir()) == sorted([MANIFEST, made.parts[0].name])


def test_what_a_dead_run_left_is_taken_away_by_the_next(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "lake")
    folder = lake.folder("standard", "a.b", MONDAY)
    folder.mkdir(parents=True)
    (folder / "draft-0.parquet").write_bytes(b"half")
    assert lake.partition("standard", "a.b", MONDAY) is None
    assert lake.batches("standard", "a.b") == []
    made = lake.write(connection, "standard", "a.b", MONDAY, "SELECT 1 AS x", Origin({}))
    assert {path.name for path in folder.iterdir()} == {MANIFEST, made.parts[0].name}


def test_the_newest_partition_not_after_the_day(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "lake")
    for day in (MONDAY, date(2026, 3, 9)):
        lake.write(connection, "standard", "a.b", day, f"SELECT {day.day} AS x", Origin({"day": str(day)}))
    found = lake.as_of("standard", "a.b", date(2026, 3, 8))
    assert found is not None and found.batch == MONDAY
    before = lake.before("standard", "a.b", date(2026, 3, 9))
    assert before is not None and before.batch == MONDAY
    assert lake.as_of("standard", "a.b", date(2026, 3, 1)) is None
    assert lake.fresh("standard", "a.b", date(2026, 3, 8), {"day": str(MONDAY)}) == found
    assert lake.fresh("standard", "a.b", date(2026, 3, 8), {"day": "other"}) is None


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damage_is_named(connection: duckdb.DuckDBPyConnection, tmp_path: Path, damage: str) -> None:
    made = Lake(tmp_path / "lake").write(connection, "standard", "a.b", MONDAY, "SELECT 1 AS x", Origin({}))
    file = made.folder / made.parts[0].name
    if damage == "changed":
        file.write_bytes(file.read_bytes() + b"x")
    else:
        file.unlink()
    assert list(damaged(made)) == [made.parts[0]]


def candidate(
    connection: duckdb.DuckDBPyConnection, home: Home, day: date, rule: str = "presence"
) -> Path | None:
    home.root.mkdir(exist_ok=True)
    rows = pl.DataFrame({"batch": [day], "rule": [rule]})
    return build(batch_of(connection, home, day), home, [Published(STANDARD, rows)])


def publish(connection: duckdb.DuckDBPyConnection, home: Home, day: date, rule: str = "presence") -> None:
    candidate(connection, home, day, rule)
    record_verdict(home, passed=True)
    switch(home, day)


def test_every_table_and_column_carries_its_comment(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    publish(connection, home, MONDAY)
    with open_published(home) as database:
        tables = database.execute("SELECT schema_name, table_name, comment FROM duckdb_tables()").fetchall()
        columns = database.execute("SELECT comment FROM duckdb_columns() WHERE NOT internal").fetchall()
    assert ("quality", "finding", "问题：说明") in tables
    assert all(row[2] for row in tables)
    assert all(row[0] for row in columns)


def test_a_candidate_without_its_own_verdict_is_not_switched_in(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    candidate(connection, home, MONDAY)
    with pytest.raises(NotAccepted):
        switch(home, MONDAY)
    record_verdict(home, passed=False)
    with pytest.raises(NotAccepted):
        switch(home, MONDAY)
    record_verdict(home, passed=True)
    with candidate_of(home).open("ab") as file:
        file.write(b"changed after the verdict")
    with pytest.raises(NotAccepted):
        switch(home, MONDAY)
    assert not home.warehouse.exists()


def test_a_reader_keeps_the_file_it_has_open(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    publish(connection, home, MONDAY, "old")
    reader = open_published(home)
    publish(connection, home, TUESDAY, "new")
    assert reader.execute("SELECT rule FROM quality.finding").fetchone() == ("old",)
    reader.close()
    with open_published(home) as database:
        assert database.execute("SELECT rule FROM quality.finding").fetchone() == ("new",)
    before = published(home.previous_warehouse)
    assert before is not None and before[0] == MONDAY


def test_nothing_new_is_not_published_again_and_an_older_batch_not_at_all(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    publish(connection, home, TUESDAY)
    assert candidate(connection, home, TUESDAY) is None
    assert candidate(connection, home, MONDAY) is None
    other = Home(tmp_path / "other")
    candidate(connection, other, MONDAY)
    candidate_of(other).rename(candidate_of(home))
    record_verdict(home, passed=True)
    with pytest.raises(OlderBatch):
        switch(home, MONDAY)


def test_the_published_database_reaches_nothing_outside_it(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    publish(connection, home, MONDAY)
    (tmp_path / "secret.csv").write_text("a\n1\n")
    attempts = [
        f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')",
        f"COPY quality.finding TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'other.duckdb'}'",
        "SET enable_external_access = true",
        "CREATE TABLE quality.mine AS SELECT 1",
    ]
    with open_published(home) as database:
        for attempt in attempts:
            with pytest.raises(duckdb.Error):
                database.execute(attempt)
