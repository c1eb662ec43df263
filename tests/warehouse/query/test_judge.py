"""What a query may say: everything that reads published tables, and no way to anything else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.warehouse.query.conftest import SECRET
from warehouse.home.folders import Home
from warehouse.query.connection import Asked, open_for_queries
from warehouse.query.judge import RefusedQuery, judge, published_tables

DATA = Path(__file__).parents[2] / "data" / "escapes"
ESCAPES: dict[str, list[str]] = yaml.safe_load((DATA / "queries.yaml").read_text(encoding="utf-8"))
ANSWERED: list[str] = yaml.safe_load((DATA / "answered.yaml").read_text(encoding="utf-8"))
# What would reach a file if it ran.
ON_FILES = [sql for name in ("files_by_table_function", "files_by_name") for sql in ESCAPES[name]]
REFUSED = (RefusedQuery, duckdb.ParserException)


@pytest.fixture(scope="module")
def connection(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_for_queries(Asked(home)) as opened:
        yield opened


@pytest.fixture(scope="module")
def spilling(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_for_queries(Asked(home), spilling=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def tables(connection: duckdb.DuckDBPyConnection) -> frozenset[Any]:
    return published_tables(connection)


def digests(home: Home) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and path != home.verified
    }


@pytest.mark.parametrize(("kind", "sql"), [(kind, sql) for kind, found in ESCAPES.items() for sql in found])
def test_an_escape_is_refused(
    connection: duckdb.DuckDBPyConnection, tables: frozenset[Any], home: Home, kind: str, sql: str
) -> None:
    with pytest.raises(REFUSED):
        judge(connection, sql.replace("{home}", str(home.root)), tables)


def test_there_are_two_hundred_escapes_and_more() -> None:
    assert len({sql for found in ESCAPES.values() for sql in found}) >= 200


@pytest.mark.parametrize("sql", ANSWERED)
def test_what_only_reads_is_answered(
    connection: duckdb.DuckDBPyConnection, tables: frozenset[Any], sql: str
) -> None:
    connection.execute(judge(connection, sql, tables).sql).fetchall()


@pytest.mark.parametrize("sql", [*ON_FILES, *ESCAPES["statements"], *ESCAPES["explained"]])
def test_without_the_judge_no_file_would_be_read_or_written(
    connection: duckdb.DuckDBPyConnection, spilling: duckdb.DuckDBPyConnection, home: Home, sql: str
) -> None:
    before = digests(home)
    for opened in (connection, spilling):
        with opened.cursor() as cursor:
            cursor.execute("USE warehouse")
            try:
                found = cursor.execute(sql.replace("{home}", str(home.root))).fetchall()
            except duckdb.Error:
                continue
            assert SECRET not in str(found) and "root:" not in str(found) and "DUCK" not in str(found)
    assert digests(home) == before
    assert not Path("/tmp/x.csv").exists() and not Path("/tmp/persons.csv").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 30_000 + "1" + ")" * 30_000,
        "SELECT " + "+".join(["1"] * 5_000),
        "SELECT " + "NOT " * 5_000 + "true",
        "SELECT " + "[" * 400 + "]" * 400,
        "SELECT " + "CASE WHEN true THEN " * 900 + "1" + " END" * 900,
        "SELECT * FROM " + "(SELECT * FROM " * 900 + "(SELECT 1)" + ")" * 900,
        "SELECT 1" + "::INTEGER" * 900,
        " UNION ALL ".join(["SELECT 1"] * 20_000),
        "SELECT '" + "x" * 200_000 + "'",
    ],
)  # fmt: skip
def test_what_is_nested_too_deeply_or_too_long_is_refused(
    connection: duckdb.DuckDBPyConnection, tables: frozenset[Any], sql: str
) -> None:
    with pytest.raises(REFUSED):
        judge(connection, sql, tables)


def test_a_python_variable_is_no_table(connection: duckdb.DuckDBPyConnection) -> None:
    people = duckdb.sql("SELECT 1 AS secret").arrow()
    assert people is not None
    with pytest.raises(duckdb.CatalogException):
        connection.execute("FROM people")
