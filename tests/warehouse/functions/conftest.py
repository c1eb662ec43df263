"""A connection with the function library and code tables, and a way to evaluate an expression over many values."""

from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from warehouse.engine.connection import Engine

Apply = Callable[[str, Iterable[Any]], list[Any]]


@pytest.fixture(scope="module")
def con(engine: Engine) -> Iterable[duckdb.DuckDBPyConnection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def apply(con: duckdb.DuckDBPyConnection) -> Apply:
    """Evaluates an SQL expression over the column `v` for many values in one query, in their order."""

    def run(expression: str, values: Iterable[Any]) -> list[Any]:
        listed = list(values)
        array = pa.array(listed, None if any(v is not None for v in listed) else pa.string())
        con.register("given", pa.table({"i": range(len(listed)), "v": array}))
        rows = con.execute(f"SELECT {expression} FROM given ORDER BY i").fetchall()
        return [row[0] for row in rows]

    return run
