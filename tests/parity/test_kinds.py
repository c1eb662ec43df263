"""The declared examples of each semantic kind are normalised and found on Spark as they are declared."""

from pathlib import Path

import duckdb
from pyspark.sql import SparkSession

from quality.findings.spark import finding_rows
from schemas.codes import CodeLibrary
from tests.kind_examples import DATASET, DAY, deliver, examples, library_of_kinds
from warehouse.engine.spark.standard import standard_rows
from warehouse.lake.store import Lake
from warehouse.standard.standardise import extracts_in_force, no_corrections


def test_the_declared_examples_are_normalised_and_found_on_spark(
    spark: SparkSession, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    library, codes, lake = library_of_kinds(tmp_path), CodeLibrary(), Lake(tmp_path / "lake")
    contract = library[DATASET]
    deliver(con, lake, contract)
    extracts = extracts_in_force(lake, DATASET, DAY)
    standard = standard_rows(spark, contract, codes, extracts, no_corrections())
    standard.createOrReplaceTempView("standard_of_kinds")
    rows = {row["number"]: row for row in standard.collect()}
    right = [example for example in examples() if example.normal is not None]
    assert [rows[e.number][e.kind] for e in right] == [e.normal for e in right]
    found = finding_rows(spark, contract, library, codes, {DATASET: "standard_of_kinds"}, DAY).collect()
    assert sorted((row["record_key"], row["field"], row["rule"]) for row in found) == sorted(
        (e.number, e.kind, e.rule) for e in examples() if e.rule is not None
    )
