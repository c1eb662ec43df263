"""Standardisation on Spark: the same query over the same Parquet, read and made typed by Spark.

Here only what differs from DuckDB: how extracts and corrections become relations. What a standard table holds is
`warehouse.standard`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import polars as pl
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from schemas.codes import CodeLibrary
from schemas.contract import Contract
from schemas.emit.sql import SQL_TYPES
from warehouse.lake import Partition
from warehouse.spark.translate import to_spark
from warehouse.standard import standard_query

_ROW_FACTS = ("_row", "_line", "_sheet", "_extract_id")


def read(session: SparkSession, partition: Partition) -> DataFrame:
    """The rows of a partition, in no order."""
    return session.read.parquet(*(str(partition.folder / part.name) for part in partition.parts))


def column_types(contract: Contract, alias: str = "") -> dict[tuple[str, str], str]:
    """The types of a dataset's standard columns, as `to_spark` wants to know them."""
    return {(alias, column.name): SQL_TYPES[column.type] for column in contract.columns}


def standard_rows(
    session: SparkSession,
    contract: Contract,
    codes: CodeLibrary,
    extracts: Sequence[Partition],
    corrections: pl.DataFrame,
) -> DataFrame:
    """The standard table of one dataset; columns as `warehouse.standard.standardise` writes them.

    Args:
        session: with the function library installed.
        contract: the dataset's contract.
        codes: the code tables.
        extracts: those in force, as `warehouse.standard.extracts_in_force` finds them.
        corrections: columns as in `warehouse.standard.CORRECTIONS`.
    """
    _delivered(session, contract, extracts).createOrReplaceTempView("delivered_rows")
    own = corrections.filter(pl.col("dataset") == contract.id)
    session.createDataFrame(own.to_arrow()).createOrReplaceTempView("corrections")
    fields = own.get_column("field").unique().sort().to_list()
    query = standard_query(contract, codes, "delivered_rows", fields)
    types: Mapping[tuple[str, str], str] = column_types(contract)
    return session.sql(to_spark(query, types))


def _delivered(session: SparkSession, contract: Contract, extracts: Sequence[Partition]) -> DataFrame:
    """The extracts as one relation, rows numbered through; a column that one does not know yet is empty there."""
    parts, offset = [], 0
    for extract in extracts:
        rows = read(session, extract)
        columns = [
            f.col(c.name) if c.name in rows.columns else f.lit(None).cast("string").alias(c.name)
            for c in contract.delivered_columns
        ]
        numbered = (f.col("_row") + f.lit(offset)).alias("_row")
        parts.append(rows.select(*columns, numbered, *_ROW_FACTS[1:]))
        last = extract.facts.get("last_row") or 0
        assert isinstance(last, int)
        offset += last
    return reduce(DataFrame.unionAll, parts)
