"""`zhenjie dev`: Dagster's UI with everything wired."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from pipelines.commands.options import linted_platform_of, settings_of
from pipelines.settings import child_environment


def dev(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="端口")] = 3000,
    host: Annotated[str, typer.Option(help="监听地址")] = "127.0.0.1",
) -> None:
    """打开 Dagster 界面。 Dagster's UI, with schedules and sensors."""
    # Dagster takes seconds to import; only the commands that run it pay for it.
    from pipelines.instance import dagster_home

    folder = dagster_home(linted_platform_of(context).home)
    command = ["-m", "dagster", "dev", "-m", "pipelines.location", "-p", str(port), "-h", host]
    done = subprocess.run(
        [sys.executable, *command], env=child_environment(settings_of(context), folder), check=False
    )
    raise typer.Exit(done.returncode)
