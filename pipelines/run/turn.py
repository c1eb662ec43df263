"""Run one turn of the loop in this process, through Dagster, with a line for each finished asset."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from assets.checks import warnings_of
from assets.platform import Platform
from assets.publication import ACCEPTANCE
from pipelines.alerts import Alert, moment, raise_alert, refused_run, settle
from pipelines.dagster_private import DagsterExecutionInterruptedError, InMemoryJob, execute_run
from pipelines.definitions import build_definitions
from pipelines.jobs import turn
from pipelines.run.executor import side_by_side
from pipelines.run.orphaned_runs import marked, report_dead_runs
from pipelines.run.preflight import prepared
from pipelines.terminal.failures import explained
from returns.ledger.chain import LedgerLoss
from warehouse.home.integrity import DamagedHome

Progress = Callable[[str], None]


@dataclass(frozen=True)
class TurnResult:
    """The result of a turn.

    Attributes:
        batch: the day of the turn.
        done: whether every step went through.
        failed: the steps that failed, with the kind of their errors.
        warnings: the things a person should look at, in Chinese.
        refused: the number of files that are not in force.
        stopped: whether a person stopped it before its end.
    """

    batch: date
    done: bool
    failed: tuple[str, ...]
    warnings: tuple[str, ...]
    refused: int
    stopped: bool = False


class _ProgressLines(logging.Handler):
    """Tells each materialised asset to a person, and nothing else of Dagster's log."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        event: dg.DagsterEvent | None = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is None or not event.is_step_materialization:
            return
        materialization = event.step_materialization_data.materialization
        rows = materialization.metadata.get("rows")
        name = materialization.asset_key.to_user_string()
        self.progress(f"{name}  {rows.value:,} rows" if rows is not None else name)


def run_turn(platform: Platform, batch: date, instance: dg.DagsterInstance, progress: Progress) -> TurnResult:
    """Run every asset of a batch.

    Args:
        platform: the installation.
        batch: the day of the turn; its daily partition is run.
        instance: where Dagster keeps the run.
        progress: receives a line for each asset that is done.

    Raises:
        HomeInUse: another run, or another writer, holds the installation.
        DamagedHome: the turn would read damaged data that it does not make again itself. It leaves an alert.
        LedgerLoss: entries are gone from the ledger. It leaves an alert.
    """
    try:
        with prepared(platform, batch, progress):
            done, run_id = _run(platform, batch, instance, progress)
    except (DamagedHome, LedgerLoss) as error:
        _raise_alert(platform, refused_run(batch), batch, failed=(str(error),))
        raise
    if done.failed or done.warnings or not done.done:
        failed = done.failed or (() if done.done else ("运行被中止",))
        _raise_alert(platform, run_id, batch, failed=failed, warnings=done.warnings)
    else:
        settle(platform.home, turn.name, batch.isoformat())
    return done


def _raise_alert(
    platform: Platform, run: str, batch: date, *, failed: tuple[str, ...], warnings: tuple[str, ...] = ()
) -> None:
    at = moment(datetime.now(UTC))
    raise_alert(platform.home, Alert(run, turn.name, batch.isoformat(), failed, warnings, at))


def _run(
    platform: Platform, batch: date, instance: dg.DagsterInstance, progress: Progress
) -> tuple[TurnResult, str]:
    """Run every asset. Returns the result and Dagster's id of the run."""
    report_dead_runs(instance)

    @dg.logger
    def lines(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("zhenjie.turn", logging.DEBUG)
        logger.addHandler(_ProgressLines(progress))
        return logger

    # The caller holds the installation's lock.
    definitions = build_definitions(platform, loggers={"lines": lines}, executor=side_by_side(platform))
    job = definitions.resolve_job_def(turn.name)
    run = instance.create_run_for_job(
        job_def=job,
        run_config={"loggers": {"lines": {}}},
        tags={**job.get_tags_for_partition_key(batch.isoformat(), selected_asset_keys=None), **marked()},
    )
    result = execute_run(InMemoryJob(job), run, instance)
    evaluations = result.get_asset_check_evaluations()
    refused_candidate = any(not e.passed and e.check_name == ACCEPTANCE for e in evaluations)
    done = TurnResult(
        batch=batch,
        done=result.success,
        failed=_failures(result.all_events),
        warnings=(
            *(["候选库未通过验收，已发布的治理库保持不变"] if refused_candidate else []),
            # A failed run may have left only a part of the tables that the checks read.
            *(warnings_of(platform, batch) if result.success else ()),
        ),
        refused=sum(_refused(event) for event in result.get_asset_materialization_events()),
        stopped=any(_was_stopped(event) for event in result.all_events),
    )
    return done, run.run_id


def _failures(events: Sequence[dg.DagsterEvent]) -> tuple[str, ...]:
    """The failed steps; the job, if the run failed before or between its steps."""
    steps = [event for event in events if event.is_step_failure]
    if steps:
        return tuple(sorted(_failure(event.step_key, event.step_failure_data.error) for event in steps))
    runs = [event for event in events if event.event_type is dg.DagsterEventType.RUN_FAILURE]
    return tuple(
        _failure(event.job_name, event.job_failure_data.error) for event in runs if not _was_stopped(event)
    )


def _failure(name: str | None, error: SerializableErrorInfo | None) -> str:
    """The name of a failed step and the kind of its error. The error's text may quote a resident's data."""
    while error is not None and error.cause is not None:
        error = error.cause
    kind = f" ({error.cls_name})" if error is not None and error.cls_name else ""
    said = explained(error.cls_name or "", error.message) if error is not None else None
    return f"{name}{kind}" + (f"：{said}" if said else "")


def _was_stopped(event: dg.DagsterEvent) -> bool:
    """Whether a person stopped the run. To Dagster that is a failure, unless the stop came from its UI."""
    if event.event_type is dg.DagsterEventType.RUN_FAILURE:
        error = event.job_failure_data.error
        return error is not None and error.cls_name == DagsterExecutionInterruptedError.__name__
    return event.event_type is dg.DagsterEventType.RUN_CANCELED


def _refused(event: dg.DagsterEvent) -> int:
    value = event.materialization.metadata.get("refused_files")
    return value.value or 0 if isinstance(value, dg.IntMetadataValue) else 0
