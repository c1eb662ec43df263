"""The only module that imports private modules of Dagster. Check it first when Dagster is upgraded.

`tests/pipelines/test_dagster_private.py` fails when a release has moved one of them. The modules of the web server are
imported lazily: they take a second, and no run needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TypeVar

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.api import ExecuteRunWithPlanIterable, execute_run
from dagster._core.execution.context.system import (
    PlanExecutionContext,
    PlanOrchestrationContext,
    StepExecutionContext,
)
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.executor.base import Executor
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from dagster._utils.interrupts import pop_captured_interrupt
from starlette.types import ASGIApp

__all__ = [
    "INDEX_SHARD_NAME",
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "ActiveExecution",
    "ConfigurableClassData",
    "DagsterExecutionInterruptedError",
    "ExecuteRunWithPlanIterable",
    "ExecutionPlan",
    "ExecutionStep",
    "Executor",
    "InMemoryJob",
    "PlanExecutionContext",
    "PlanExecutionContextManager",
    "PlanOrchestrationContext",
    "RepositorySnap",
    "RetryMode",
    "SqliteEventLogStorage",
    "StepDependencyConfig",
    "StepExecutionContext",
    "code_servers",
    "daemon_command",
    "dagster_event_sequence_for_step",
    "execute_run",
    "pop_captured_interrupt",
    "switched_on",
    "web_app",
]

# Milliseconds after which the UI asks again about assets: the value of `dagster dev`.
LIVE_DATA = 2000
LOG_LEVEL = "warning"
# For a history of runs in PostgreSQL, the values of `dagster-webserver`: the longest statement, the age of a
# connection, the connections beyond the pool.
STATEMENT_MS, RECYCLE_SECONDS, OVERFLOW = 15_000, 3600, 20


@contextmanager
def code_servers(instance: dg.DagsterInstance, module: str) -> Iterator[Path]:
    """Run processes that load the definitions of a module, and restart them when they end.

    They end with this context, and by themselves some time after the last request.

    Yields:
        a `workspace.yaml` that names their sockets.
    """
    from dagster._cli.dev import _temp_grpc_socket_workspace_file
    from dagster._cli.proxy_server_manager import ProxyServerManager
    from dagster._core.workspace.load_target import ModuleTarget

    target = ModuleTarget(module, attribute=None, working_directory=None, location_name=None)
    with (
        ProxyServerManager(instance, target, code_server_log_level=LOG_LEVEL) as servers,
        _temp_grpc_socket_workspace_file(servers) as workspace,
    ):
        yield workspace


@contextmanager
def web_app(instance: dg.DagsterInstance, workspace: Path) -> Iterator[ASGIApp]:
    """Dagster's web server over a workspace, without a guard."""
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    instance.optimize_for_webserver(STATEMENT_MS, RECYCLE_SECONDS, OVERFLOW)
    with WorkspaceProcessContext(
        instance, version=__version__, workspace_load_target=WorkspaceFileTarget([str(workspace)])
    ) as context:
        yield create_app_from_workspace_process_context(context, live_data_poll_rate=LIVE_DATA)


def daemon_command(workspace: Path) -> list[str]:
    """The command of the process that runs schedules, sensors and the queue of runs."""
    return [sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(workspace)]


_Automatic = TypeVar("_Automatic", dg.ScheduleDefinition, dg.SensorDefinition)


def switched_on(automatic: _Automatic) -> _Automatic:
    """The status of a schedule or a sensor that is on from the start. Dagster's UI can still switch it off.

    Dagster reads the status when the decorator makes the definition.
    """
    changed = copy(automatic)
    running = (
        dg.DefaultScheduleStatus.RUNNING
        if isinstance(automatic, dg.ScheduleDefinition)
        else dg.DefaultSensorStatus.RUNNING
    )
    changed._default_status = running
    return changed
