"""`zhenjie dev`: Dagster's UI with everything wired, behind a token."""

from __future__ import annotations

import secrets
import socket
import sys
from typing import Annotated

import typer

from pipelines.commands.options import linted_platform_of, settings_of
from pipelines.server.group import run_group
from pipelines.settings import child_environment
from pipelines.terminal import console


def dev(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="端口", min=1, max=65535)] = 3000,
    host: Annotated[str, typer.Option(help="监听地址")] = "127.0.0.1",
) -> None:
    """打开 Dagster 界面。 Dagster's UI, with schedules and sensors."""
    # A lazy import: Dagster takes seconds to import, and only commands that run it need it.
    from pipelines.run.instance import dagster_home

    settings = settings_of(context)
    folder = dagster_home(linted_platform_of(context).home)
    if problem := _not_free(host, port):
        raise console.failed(f"不能在 {host} 的端口 {port} 上监听（{problem}）：请用 --port 指定别的端口")
    names = [word for name in settings.dev_hosts for word in ("--name", name)]
    command = ["-m", "pipelines.server.serve", "--host", host, "--port", str(port), *names]
    # The operator knows a token from the settings: it is not printed.
    command += [] if settings.dev_token else ["--show-token"]
    console.progress("正在启动，约需 20 秒；Ctrl-C 停止")
    code = run_group(
        [sys.executable, *command],
        child_environment(settings, folder),
        settings.dev_token or secrets.token_urlsafe(32),
    )
    if code is not None and code != console.DONE:
        raise console.failed(f"Dagster 的界面意外停止（{code}）")
    raise typer.Exit(console.DONE)


def _not_free(host: str, port: int) -> str | None:
    """The reason why the address cannot be listened on; None if it is free."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        return error.strerror or str(error)
    return None
