"""Every construct of the allow-list gives on Spark what it gives on DuckDB, over rows with every edge there is."""

from datetime import date
from itertools import islice, product
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from schemas.expressions.portable import load_allow_list, objections
from warehouse.engine.spark.translate import to_spark

TEXTS = [
    None, "", " ", "张三", "张三丰", "12", "0", "a\\b", "x\ny", "12\n", "  张 1", "Ａｂ", "'", "a%c_", "-1.50",
]  # fmt: skip
OTHERS = ["三", "张三", None, "", "%", "12", "张%", "_", "a", "\n"]
NUMBERS = [
    None, 0.0, 1.5, -2.5, 12345678.0, 1e16, 1e-5, 0.1, 123456789.125, 2.5, 1.005, -0.04, 1e15, 99999999999.5,
    0.0001, 1e300, 3.0, 0.05, 2.675,
]  # fmt: skip
WHOLE = [None, 0, 1, -1, 3, 2**31, 7, -7]
DAYS = [None, date(2026, 3, 2), date(2000, 2, 29), date(1850, 1, 1), date(2100, 12, 31)]
TRUTHS = [True, False, None]

TYPES = {("", "n"): "DOUBLE", ("", "d"): "DATE", ("", "e"): "DATE"}
PROOFS = load_allow_list().proofs


def edges() -> pa.Table:
    """Every text beside every other, and likewise of the other types, as far as that goes in a few hundred rows."""
    count = 304
    pairs = {
        ("t", "u"): (TEXTS, OTHERS, pa.string()),
        ("i", "j"): (WHOLE, WHOLE, pa.int64()),
        ("d", "e"): (DAYS, DAYS, pa.date32()),
        ("n", "_n"): (NUMBERS, [None], pa.float64()),
        ("b", "_b"): (TRUTHS, [None], pa.bool_()),
    }
    columns: dict[str, Any] = {"row": range(count)}
    for names, (first, second, kind) in pairs.items():
        every = list(product(first, second))
        repeated = list(islice(every * count, count))
        for place, name in enumerate(names):
            columns[name] = pa.array([pair[place] for pair in repeated], kind)
    return pa.table(columns)


def test_every_proof_gives_the_same_on_both_engines(
    spark: SparkSession, con: duckdb.DuckDBPyConnection
) -> None:
    rows = edges()
    con.register("edge", rows)
    spark.createDataFrame(rows).createOrReplaceTempView("edge")
    ours = con.execute(_query([*PROOFS])).to_arrow_table().to_pydict()
    theirs = spark.sql(_query([to_spark(proof, TYPES) for proof in PROOFS])).toArrow().to_pydict()
    differing = [
        (proof, row, our, their)
        for place, proof in enumerate(PROOFS)
        for row, our, their in zip(rows.to_pylist(), ours[f"c{place}"], theirs[f"c{place}"], strict=True)
        if our != their
    ]
    assert differing[:20] == []


@pytest.mark.parametrize("join", ["JOIN", "LEFT JOIN", "ANTI JOIN"])
def test_every_join_gives_the_same_on_both_engines(
    spark: SparkSession, con: duckdb.DuckDBPyConnection, join: str
) -> None:
    """Over texts that stand many times on both sides, and on neither, and are NULL."""
    con.register("edge", edges())
    spark.createDataFrame(edges()).createOrReplaceTempView("edge")
    query = f"SELECT a.row, a.t FROM edge AS a {join} edge AS b ON b.u = a.t ORDER BY a.row"
    assert objections(query) == []
    ours, theirs = con.execute(query).fetchall(), spark.sql(to_spark(query, {})).collect()
    assert ours == [tuple(row) for row in theirs]
    assert len(ours) > 0


def _query(expressions: list[str]) -> str:
    columns = ", ".join(f"{expression} AS c{place}" for place, expression in enumerate(expressions))
    return f"SELECT row, {columns} FROM edge ORDER BY row"
