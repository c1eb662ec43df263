"""Standardisation and verification of the sample city find on Spark, row by row, what they find on DuckDB."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from quality.findings.spark import finding_rows
from schemas.contract.library import load_library
from warehouse.engine.spark.standard import read, standard_rows
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake, Origin
from warehouse.standard.standardise import extracts_in_force

DATASETS = [contract.id for contract in load_library()]


def rows_of(con: duckdb.DuckDBPyConnection, partition: Partition | None, order: str) -> pa.Table:
    assert partition is not None
    return con.execute(f"FROM {partition.scan} ORDER BY {order}").to_arrow_table()


def differences(ours: pa.Table, theirs: pa.Table) -> list[tuple[str, int, Any, Any]]:
    """Column, row, DuckDB's value and Spark's, where they are not the same; names and types come first."""
    assert theirs.column_names == ours.column_names
    assert [_kind(field.type) for field in theirs.schema] == [_kind(field.type) for field in ours.schema]
    assert theirs.num_rows == ours.num_rows
    return [
        (name, row, our, their)
        for name in ours.column_names
        for row, (our, their) in enumerate(zip(ours[name].to_pylist(), theirs[name].to_pylist(), strict=True))
        if our != their
    ]


def _kind(kind: pa.DataType) -> str:
    return "map" if pa.types.is_map(kind) else str(kind)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_standard_table_is_the_same(
    spark: SparkSession, con: duckdb.DuckDBPyConnection, city: Any, day: Any, dataset: str
) -> None:
    contract = city.library[dataset]
    extracts = extracts_in_force(city.lake, dataset, day)
    theirs = standard_rows(spark, contract, city.codes, extracts, city.corrections).orderBy("_row").toArrow()
    ours = rows_of(con, city.lake.as_of("standard", dataset, day), "_row")
    assert ours.num_rows > 0
    assert differences(ours, theirs)[:20] == []


@pytest.fixture(scope="module")
def standard_views(spark: SparkSession, city: Any, day: Any) -> dict[str, str]:
    views = {}
    for dataset in DATASETS:
        views[dataset] = f"standard__{dataset.replace('.', '__')}"
        read(spark, city.lake.as_of("standard", dataset, day)).createOrReplaceTempView(views[dataset])
    return views


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_findings_are_the_same(
    spark: SparkSession,
    con: duckdb.DuckDBPyConnection,
    city: Any,
    day: Any,
    standard_views: dict[str, str],
    dataset: str,
) -> None:
    contract = city.library[dataset]
    theirs = finding_rows(spark, contract, city.library, city.codes, standard_views, day).toArrow()
    ours = rows_of(con, city.lake.as_of("finding", dataset, day), "_row, field, rule")
    assert differences(ours, theirs)[:20] == []


def test_the_city_has_findings_and_corrections_to_compare(
    con: duckdb.DuckDBPyConnection, city: Any, day: Any
) -> None:
    found = [rows_of(con, city.lake.as_of("finding", dataset, day), "_row") for dataset in DATASETS]
    assert sum(rows.num_rows for rows in found) > 200
    people = rows_of(con, city.lake.as_of("standard", "police.population", day), "_row")
    assert sum(corrected is not None for corrected in people["_corrected"].to_pylist()) > 50


def test_a_partition_that_rests_on_another_is_read_alike(
    spark: SparkSession, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake = Lake(tmp_path)
    days = [date(2026, 3, number) for number in (2, 3, 4)]
    rows = "SELECT i AS _row, concat('行', i) AS text FROM range(20) AS t (i)"
    base = lake.write(con, "standard", "a.b", days[0], rows, Origin({}))
    for day, changed, gone in ((days[1], 3, 4), (days[2], 4, 3)):
        patch = f"SELECT {changed} AS _row, '改' AS text, false AS _gone UNION ALL SELECT {gone}, NULL, true"
        base = lake.patch(con, base, day, patch, "_row", Origin({}))
    theirs = read(spark, base).orderBy("_row").toArrow()
    assert theirs.num_rows == 19
    assert differences(rows_of(con, base, "_row"), theirs) == []
