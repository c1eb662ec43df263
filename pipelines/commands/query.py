"""`zhenjie query`: read-only SQL on the published warehouse, without access to anything outside it."""

from __future__ import annotations

import sys
from typing import Annotated

import duckdb
import typer

from pipelines import console
from pipelines.commands.options import JsonOption, settings_of
from warehouse.home import Home


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
    config = {"enable_external_access": False, "lock_configuration": True}
    with duckdb.connect(str(home.warehouse), read_only=True, config=config) as connection:
        try:
            rows = connection.execute(sql).pl()
        except duckdb.Error as error:
            raise console.usage(str(error)) from None
    if csv:
        sys.stdout.write(rows.write_csv())
    elif json_:
        console.as_json(rows.to_dicts())
    else:
        console.table(rows.columns, rows.rows())
