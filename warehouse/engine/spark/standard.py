"""Standardisation on Spark: Spark runs the same query over the same Parquet files.

This module has only the difference from DuckDB: extracts and corrections become Spark relations.
`warehouse.standard.standardise` describes the standard table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import polars as pl
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from schemas.codes import CodeLibrary
from schemas.contract.model import Contract
from schemas.emit.sql import SQL_TYPES
from warehouse.engine.spark.translate import to_spark
from warehouse.lake.partition import GONE, Partition
from warehouse.standard.standardise import deltas_of, standard_query

_ROW_FACTS = ("_row", "_line", "_sheet", "_extract_id")


def read(session: SparkSession, partition: Partition) -> DataFrame:
    """The rows of a partition, without an order; `warehouse.lake.partition` describes its files."""
    first, *patches = (session.read.parquet(str(partition.path(part))) for part in partition.parts)
    rows = first
    for patch in patches:
        kept = rows.join(patch.select(partition.row_id), on=partition.row_id, how="left_anti")
        rows = kept.unionByName(patch.filter(~f.col(GONE)).drop(GONE))
    return rows


def column_types(contract: Contract, alias: str = "") -> dict[tuple[str, str], str]:
    """The types of a dataset's standard columns, for `to_spark`."""
    return {(alias, column.name): SQL_TYPES[column.type] for column in contract.columns}


def standard_rows(
    session: SparkSession,
    contract: Contract,
    codes: CodeLibrary,
    extracts: Sequence[Partition],
    corrections: pl.DataFrame,
) -> DataFrame:
    """The standard table of one dataset; columns as `warehouse.standard.standardise.standardise` writes them.

    Args:
        session: has the function library.
        contract: the dataset's contract.
        codes: the code tables.
        extracts: the extracts in force, from `warehouse.standard.standardise.extracts_in_force`.
        corrections: columns as in `warehouse.standard.standardise.CORRECTIONS`.
    """
    _delivered(session, contract, extracts).createOrReplaceTempView("delivered_rows")
    own = corrections.filter(pl.col("dataset") == contract.id)
    session.createDataFrame(own.to_arrow()).createOrReplaceTempView("corrections")
    fields = own.get_column("field").unique().sort().to_list()
    query = standard_query(contract, codes, "delivered_rows", fields)
    types: Mapping[tuple[str, str], str] = column_types(contract)
    return session.sql(to_spark(query, types))


def _delivered(session: SparkSession, contract: Contract, extracts: Sequence[Partition]) -> DataFrame:
    """The extracts as one relation, as in `warehouse.standard.standardise`; a column that an extract lacks is NULL."""
    parts = []
    for extract in extracts:
        rows = read(session, extract)
        columns = [
            f.col(c.name) if c.name in rows.columns else f.lit(None).cast("string").alias(c.name)
            for c in contract.delivered_columns
        ]
        of_a_delta = f.col("_extract_id").isin(deltas_of(extract))
        together = f.when(of_a_delta, f.col("_extract_id")).otherwise(f.lit("")).alias("_delivery")
        parts.append(rows.select(*columns, *_ROW_FACTS, together))
    return reduce(DataFrame.unionAll, parts)
