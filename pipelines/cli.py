"""The command line `zhenjie`: one verb a command, each in `pipelines.commands`.

Exit codes: 0 done; 1 done with something set aside or refused; 2 a wrong call; 3 a run failed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from sqlalchemy.exc import SQLAlchemyError

from pipelines import console
from pipelines.commands import city, contract, dev, loop, operations, query, status
from pipelines.failures import explained
from pipelines.settings import SettingsError, read_settings
from returns.ledger.chain import LedgerError
from warehouse.encryption import WrongKey

app = typer.Typer(
    name="zhenjie",
    help="镇街综合数据平台：采集—校核—返还—更正。 The township data platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", help="安装目录（默认 ZHENJIE_HOME 或 .zhenjie）", file_okay=False)
    ] = None,
) -> None:
    """镇街综合数据平台：采集—校核—返还—更正。 The township data platform."""
    try:
        context.obj = read_settings(home=home)
    except SettingsError as error:
        raise console.usage(str(error)) from None


for command in (
    city.demo,
    city.sample,
    loop.deliver,
    loop.run,
    status.status,
    query.query,
    loop.reply,
    dev.dev,
    operations.doctor,
    operations.backup,
    operations.restore,
    operations.rekey,
):
    app.command()(command)
app.add_typer(contract.app, name="contract")


def main() -> None:
    """The entry point of the `zhenjie` command."""
    try:
        app()
    except WrongKey as error:
        console.progress(str(error))
        sys.exit(console.USAGE)
    except (OSError, LedgerError) as error:
        console.progress(f"失败：{explained(type(error).__name__, str(error)) or error}")
        if isinstance(error, OSError) and error.filename:
            console.progress(f"位置：{error.filename}")
        sys.exit(console.FAILED)
    except (SQLAlchemyError, duckdb.Error) as error:
        # What a database says may quote a resident's data.
        kind = type(error).__name__
        console.progress(
            f"失败：{explained(kind, str(error)) or f'数据库出错（{kind}），请运行 zhenjie doctor'}"
        )
        sys.exit(console.FAILED)


if __name__ == "__main__":
    main()
