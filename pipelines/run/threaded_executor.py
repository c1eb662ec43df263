"""Steps of a run side by side: in threads of one process, as many at once as the engine has threads.

Dagster itself carries steps out one after the other, or each in a process of its own, which costs seconds a step.
Ours spend their time in DuckDB, which lets go of the interpreter, and share the engine's memory limit; which of them
may run is Dagster's own book-keeping. Who may start a run is `executor`.
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

# Seconds after which somebody who wants to stop the run is heard.
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
    """A step has sent its last event. `error` is an exception that is not a failure known to Dagster.

    `again` is its wish to be tried again: heard only now, or it would start while it is still here.
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
        # The last step's success is known before it has ended, and an error may come with its end.
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
                # Nothing to do but to wait until a step may be tried again.
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
    """Until the steps under way have ended; what they have still to tell belongs to no run any more."""
    while running:
        # A step may have got hold of another statement.
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
    # What cannot run any more, because a step before it failed, is said at once.
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
