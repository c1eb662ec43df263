"""Dagster's modules that are not public, as far as the web server needs them: a new release of Dagster is tried here.

The steps of a run have theirs in `steps` and `turn`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._cli.dev import _temp_grpc_socket_workspace_file
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget, WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from starlette.types import ASGIApp

# How often the UI asks for news of assets, in milliseconds; what `dagster dev` says too.
LIVE_DATA = 2000
LOG_LEVEL = "warning"
# Of a history of runs in PostgreSQL, what `dagster-webserver` has too: the longest statement, the age of a connection,
# the connections beyond the pool.
STATEMENT_MS, RECYCLE_SECONDS, OVERFLOW = 15_000, 3600, 20


@contextmanager
def code_servers(instance: dg.DagsterInstance, module: str) -> Iterator[Path]:
    """Processes that load the definitions of a module, restarted when they end.

    They end with this context, and by themselves some time after nobody has asked for them.

    Yields:
        a `workspace.yaml` that names their sockets.
    """
    target = ModuleTarget(module, attribute=None, working_directory=None, location_name=None)
    with (
        ProxyServerManager(instance, target, code_server_log_level=LOG_LEVEL) as servers,
        _temp_grpc_socket_workspace_file(servers) as workspace,
    ):
        yield workspace


@contextmanager
def web_app(instance: dg.DagsterInstance, workspace: Path) -> Iterator[ASGIApp]:
    """Dagster's web server over a workspace, without any guard before it."""
    instance.optimize_for_webserver(STATEMENT_MS, RECYCLE_SECONDS, OVERFLOW)
    with WorkspaceProcessContext(
        instance, version=__version__, workspace_load_target=WorkspaceFileTarget([str(workspace)])
    ) as context:
        yield create_app_from_workspace_process_context(context, live_data_poll_rate=LIVE_DATA)


def daemon_command(workspace: Path) -> list[str]:
    """The process of schedules, sensors and the queue of runs."""
    return [sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(workspace)]
