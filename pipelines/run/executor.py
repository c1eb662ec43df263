"""The executor of runs that Dagster starts: steps side by side in one process, one run at a time on an installation.

Such runs come from the schedule, a sensor, or an engineer's click on one asset; `zhenjie run` takes the lock itself.
They wait for the lock: a sensor would not ask again for a run that was refused.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from functools import partial

import dagster as dg

from assets.platform import Platform
from pipelines.dagster_private import ExecutionPlan, PlanOrchestrationContext
from pipelines.run.orphaned_runs import marked, report_dead_runs
from pipelines.run.preflight import prepared
from pipelines.run.step_imports import StepImports
from pipelines.run.threaded_executor import SideBySide
from warehouse.home.lock import exclusive
from warehouse.isolation.reading import stop_reading

PARTITION = "dagster/partition"


class OneAtATime(SideBySide):
    """Executes a run while it holds the installation's lock."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform.engine.threads, partial(_break_off, platform), StepImports(platform))
        self._platform = platform

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Wait for the installation, then run every step."""
        run = plan_context.dagster_run
        plan_context.instance.add_run_tags(run.run_id, marked())
        with self._held(run, plan_context.log.info):
            report_dead_runs(plan_context.instance)
            yield from super().execute(plan_context, execution_plan)

    def _held(self, run: dg.DagsterRun, progress: Callable[[str], None]) -> AbstractContextManager[None]:
        batch = run.tags.get(PARTITION)
        if batch is None:
            return exclusive(self._platform.home, f"Dagster {run.job_name}", wait=True)
        return prepared(self._platform, date.fromisoformat(batch), progress, wait=True)


def one_at_a_time(platform: Platform) -> dg.ExecutorDefinition:
    """The executor of every job of an installation."""

    @dg.executor(name="one_at_a_time")
    def _one_at_a_time(_: dg.InitExecutorContext) -> OneAtATime:
        return OneAtATime(platform)

    return _one_at_a_time


def side_by_side(platform: Platform) -> dg.ExecutorDefinition:
    """The executor of a run whose caller holds the installation."""

    @dg.executor(name="side_by_side")
    def _side_by_side(_: dg.InitExecutorContext) -> SideBySide:
        return SideBySide(platform.engine.threads, partial(_break_off, platform), StepImports(platform))

    return _side_by_side


def _break_off(platform: Platform) -> None:
    """Interrupt the statements and the readers of files that steps wait for."""
    platform.engine.interrupt()
    stop_reading()
