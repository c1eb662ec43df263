"""`zhenjie query`: read-only SQL on the published warehouse, without access to anything outside it.

The ledger is told who asked what before it is answered, and how many rows were given after. Without a ledger
there is no answer.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import duckdb
import polars as pl
import typer
from sqlalchemy.exc import SQLAlchemyError

from pipelines import console
from pipelines.commands.options import JsonOption, settings_of
from pipelines.platform import ledger_url
from pipelines.settings import Settings
from returns.ledger.chain import Act, Entry
from returns.ledger.store import Ledger
from warehouse.encryption import WrongKey
from warehouse.home import Home
from warehouse.publish import open_published

# Rows of a table for people; more are for programs.
SHOWN = 200
# Rows written to CSV at a time.
BATCH = 100_000
# What a query may spill to the disk.
MOST_SPILLED = "20GiB"

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="SQL 查询")],
    csv: Annotated[bool, typer.Option("--csv", help="输出 CSV")] = False,
    json_: JsonOption = False,
) -> None:
    """查询已发布的治理库（只读）。 Query the published warehouse."""
    settings = settings_of(context)
    home = Home(settings.home)
    if not home.warehouse.exists():
        raise console.usage("还没有发布治理库：先运行 zhenjie run")
    try:
        connection = open_published(home, settings.keys, _limits(settings))
    except WrongKey as error:
        raise console.usage(str(error)) from None
    except duckdb.Error as error:
        raise console.failed(f"治理库 {home.warehouse} 无法打开：{error}") from None
    with connection:
        try:
            statement = _one_query(connection, sql)
            with Ledger.open(ledger_url(settings)) as ledger:
                asked = _entered(ledger, settings, Act.QUERY, {"sql": sql})
                connection.execute(statement)
                rows = _answer(connection, csv=csv, json_=json_)
                _entered(ledger, settings, Act.RESULT, {"query": asked.seq, "rows": rows})
        except duckdb.Error as error:
            raise console.usage(str(error)) from None
        except SQLAlchemyError as error:
            raise console.failed(f"台账无法写入，查询未记录，不予答复：{type(error).__name__}") from None


def _limits(settings: Settings) -> dict[str, str | int]:
    """What a query may use of the machine; a result may spill, but not fill the disk."""
    spill = str(Home(settings.home).spill)
    return {
        "memory_limit": settings.memory,
        "threads": settings.threads,
        "temp_directory": spill,
        "max_temp_directory_size": MOST_SPILLED,
    }


def _entered(ledger: Ledger, settings: Settings, kind: Act, detail: Mapping[str, object]) -> Entry:
    return ledger.append(kind, settings.user, "warehouse", detail, datetime.now(UTC))


def _answer(connection: duckdb.DuckDBPyConnection, *, csv: bool, json_: bool) -> int:
    """Write the result out; the number of rows that were."""
    if csv:
        return _write_csv(connection)
    if json_:
        rows = _frame(connection)
        console.as_json(rows.to_dicts())
        return rows.height
    return _show(connection)


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


def _write_csv(connection: duckdb.DuckDBPyConnection) -> int:
    """The rows as CSV, some at a time: a result may be larger than the memory."""
    names = _names(connection)
    written = 0
    sys.stdout.write(pl.DataFrame(schema=names).write_csv())
    for batch in connection.to_arrow_reader(BATCH):
        rows = pl.DataFrame(batch.rename_columns(names))
        sys.stdout.write(rows.write_csv(include_header=False))
        written += rows.height
    return written


def _show(connection: duckdb.DuckDBPyConnection) -> int:
    names = _names(connection)
    rows: Sequence[tuple[object, ...]] = connection.fetchmany(SHOWN + 1)
    console.table(names, rows[:SHOWN])
    if len(rows) > SHOWN:
        console.progress(f"只显示前 {SHOWN} 行；全部结果请用 --csv 或 --json")
    return min(len(rows), SHOWN)
