"""`zhenjie query`: read-only SQL on the published warehouse, without access to anything outside it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import duckdb
import polars as pl
import typer

from pipelines import console
from pipelines.commands.options import JsonOption, settings_of
from warehouse.home import Home
from warehouse.publish import open_published

# Rows of a table for people; more are for programs.
SHOWN = 200
# Rows written to CSV at a time.
BATCH = 100_000

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="SQL 查询")],
    csv: Annotated[bool, typer.Option("--csv", help="输出 CSV")] = False,
    json_: JsonOption = False,
) -> None:
    """查询已发布的治理库（只读）。 Query the published warehouse."""
    home = Home(settings_of(context).home)
    if not home.warehouse.exists():
        raise console.usage("还没有发布治理库：先运行 zhenjie run")
    try:
        connection = open_published(home)
    except duckdb.Error as error:
        raise console.failed(f"治理库 {home.warehouse} 无法打开：{error}") from None
    with connection:
        try:
            connection.execute(_one_query(connection, sql))
            if csv:
                _write_csv(connection)
            elif json_:
                console.as_json(_frame(connection).to_dicts())
            else:
                _show(connection)
        except duckdb.Error as error:
            raise console.usage(str(error)) from None


def _one_query(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The one statement of a text, if it reads and does nothing else."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise console.usage("请写一条 SQL 查询")
    statement = statements[0]
    # A pragma may be rewritten into a query on the engine itself.
    first = sql[duckdb.tokenize(sql)[0][0] :]
    if statement.type not in _READING or first.lower().startswith("pragma"):
        raise console.usage("只能查询（SELECT、FROM、DESCRIBE、SHOW、EXPLAIN），不能修改数据或设置")
    return statement


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The result's columns; a name that comes again is numbered, as DuckDB does in a table."""
    seen: Counter[str] = Counter()
    names = []
    for column in connection.description or ():
        name = str(column[0])
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def _frame(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    names = _names(connection)
    return pl.DataFrame(connection.to_arrow_table().rename_columns(names))


def _write_csv(connection: duckdb.DuckDBPyConnection) -> None:
    """The rows as CSV, some at a time: a result may be larger than the memory."""
    names = _names(connection)
    sys.stdout.write(pl.DataFrame(schema=names).write_csv())
    for batch in connection.to_arrow_reader(BATCH):
        rows = pl.DataFrame(batch.rename_columns(names))
        sys.stdout.write(rows.write_csv(include_header=False))


def _show(connection: duckdb.DuckDBPyConnection) -> None:
    names = _names(connection)
    rows: Sequence[tuple[object, ...]] = connection.fetchmany(SHOWN + 1)
    console.table(names, rows[:SHOWN])
    if len(rows) > SHOWN:
        console.progress(f"只显示前 {SHOWN} 行；全部结果请用 --csv 或 --json")
