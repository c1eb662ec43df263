"""Run the steps of a run side by side: in threads of one process, as many at once as the engine has threads.

Dagster's own executors run one step after the other, or each step in a process of its own, which costs seconds a step.
Our steps spend their time in DuckDB, which releases the interpreter lock, and share the engine's memory limit. Dagster
decides which step may run next. `executor` decides when a run may start.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

import dagster as dg

from pipelines.dagster_private import (
    ActiveExecution,
    DagsterExecutionInterruptedError,
    ExecuteRunWithPlanIterable,
    ExecutionPlan,
    ExecutionStep,
    Executor,
    PlanExecutionContext,
    PlanExecutionContextManager,
    PlanOrchestrationContext,
    RetryMode,
    StepDependencyConfig,
    StepExecutionContext,
    dagster_event_sequence_for_step,
    pop_captured_interrupt,
)
from pipelines.run.step_imports import StepImports, import_all

# Seconds between two looks for a request to stop the run.
_LOOKING_UP = 0.5


class SideBySide(Executor):
    """Dagster's executor in one process, several steps at once.

    When the run is stopped, `break_off` is called until the steps under way have ended. `imports` names the modules
    that are imported before steps start.
    """

    def __init__(self, at_once: int, break_off: Callable[[], None], imports: StepImports) -> None:
        self._at_once = at_once
        self._break_off = break_off
        self._imports = imports

    @property
    def retries(self) -> RetryMode:
        """A step may ask to be tried again."""
        return RetryMode.ENABLED

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        """A step waits for the whole of every step before it."""
        return StepDependencyConfig.default()

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Run every step of the plan."""
        self._imports.before_steps()
        yield from ExecuteRunWithPlanIterable(
            execution_plan=execution_plan,
            iterator=partial(_run, at_once=self._at_once, break_off=self._break_off, imports=self._imports),
            execution_context_manager=PlanExecutionContextManager(
                job=plan_context.job,
                retry_mode=plan_context.retry_mode,
                execution_plan=execution_plan,
                run_config=plan_context.run_config,
                dagster_run=plan_context.dagster_run,
                instance=plan_context.instance,
                raise_on_error=plan_context.raise_on_error,
                output_capture=plan_context.output_capture,
                step_dependency_config=self.step_dependency_config,
            ),
        )


@dataclass(frozen=True)
class _Ended:
    """A step has sent its last event. `error` is an exception that Dagster does not handle as a failure.

    `again` is the step's request for a retry. It is passed on only now: else the retry would start before the step has
    ended.
    """

    step_key: str
    error: BaseException | None = None
    again: dg.DagsterEvent | None = None


_Told = SimpleQueue[dg.DagsterEvent | _Ended]


def _run(
    job_context: PlanExecutionContext,
    execution_plan: ExecutionPlan,
    at_once: int,
    break_off: Callable[[], None],
    imports: StepImports,
) -> Iterator[dg.DagsterEvent]:
    told: _Told = SimpleQueue()
    with (
        execution_plan.start(
            retry_mode=job_context.retry_mode,
            max_concurrent=at_once,
            step_dependency_config=job_context.step_dependency_config,
        ) as active,
        ThreadPoolExecutor(at_once, thread_name_prefix="step") as workers,
    ):
        running = 0
        ready: deque[ExecutionStep] = deque()
        # The last step reports its success before it ends, and its end may still bring an error.
        while running or not active.is_complete:
            if pop_captured_interrupt():
                active.mark_interrupted()
                _wait(told, running, break_off)
                raise DagsterExecutionInterruptedError("the run was stopped")
            ready.extend(active.get_steps_to_execute())
            while ready:
                if missing := imports.of_step(ready[0].key):
                    if running:
                        break
                    import_all(missing)
                step = ready.popleft()
                workers.submit(_carry_out, job_context.for_step(step, active.get_known_state()), told)
                running += 1
            if not running:
                # Every remaining step waits for its retry.
                active.sleep_til_ready()
                continue
            try:
                event = told.get(timeout=_LOOKING_UP)
            except Empty:
                continue
            if isinstance(event, _Ended):
                running -= 1
                yield from _closed(active, job_context, event)
            else:
                active.handle_event(event)
                yield event


def _wait(told: _Told, running: int, break_off: Callable[[], None]) -> None:
    """Wait until the running steps have ended. Their last events are dropped: the run is over."""
    while running:
        # Repeated: a step may have started another statement.
        break_off()
        with suppress(Empty):
            running -= isinstance(told.get(timeout=_LOOKING_UP), _Ended)


def _closed(
    active: ActiveExecution, job_context: PlanExecutionContext, ended: _Ended
) -> Iterator[dg.DagsterEvent]:
    if ended.error is not None:
        raise ended.error
    if ended.again is not None:
        active.handle_event(ended.again)
        yield ended.again
        return
    active.verify_complete(job_context, ended.step_key)
    # Report at once the steps that cannot run because an earlier step failed.
    yield from active.plan_events_iterator(job_context)


def _carry_out(context: StepExecutionContext, told: _Told) -> None:
    error, again = None, None
    try:
        for event in dagster_event_sequence_for_step(context):
            if event.is_step_up_for_retry:
                again = event
            else:
                told.put(event)
    except BaseException as raised:  # noqa: BLE001  # raised again where the run waits
        error = raised
    told.put(_Ended(context.step.key, error, again))
