"""Verification on Spark: the queries of `quality.findings.verify`, over standard tables that are views of the session.

This module holds the differences from DuckDB: the types of the columns, and the engine that runs the query.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame, SparkSession

from quality.rules.plan import compile_verification, fill
from quality.rules.routing import ORDER
from quality.rules.rule import ROW
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import Contract
from schemas.expressions.parse import BATCH_DATE
from warehouse.engine.spark.standard import column_types
from warehouse.engine.spark.translate import to_spark


def finding_rows(
    session: SparkSession,
    contract: Contract,
    library: Library,
    codes: CodeLibrary,
    tables: Mapping[str, str],
    batch: date,
) -> DataFrame:
    """The findings of one dataset's row rules, in the columns and the order of `quality.rules.routing`.

    Args:
        session: with the function library installed.
        contract: the dataset's contract.
        library: the contracts.
        codes: the code tables.
        tables: dataset → the view of its standard table, for those that were delivered.
        batch: the day of the turn.
    """
    plan = compile_verification(contract, library, codes, tables.keys())
    types = {**column_types(contract, ROW), (ROW, BATCH_DATE): "DATE"}
    for check in plan.checks:
        for join in check.rule.joins:
            types |= column_types(library[join.dataset], join.alias)
    query = f"SELECT * FROM ({fill(plan.statement, tables, batch)}) ORDER BY {ORDER}"
    return session.sql(to_spark(query, types))
