"""One turn of the loop in this process, through Dagster, with a line for each asset as it is done."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import dagster as dg

from assets.platform import Platform
from pipelines.definitions import build_definitions

Progress = Callable[[str], None]


@dataclass(frozen=True)
class TurnResult:
    """What became of a turn: assets that failed, checks that did not pass, files that were refused."""

    batch: date
    done: bool
    failed: tuple[str, ...]
    warnings: tuple[str, ...]
    refused: int


class _Lines(logging.Handler):
    """Tells each materialised asset to a person, and nothing else of Dagster's log."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is None or event.event_type_value != "ASSET_MATERIALIZATION":
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
        progress: told a line for each asset that is done.
    """

    @dg.logger
    def lines(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("zhenjie.turn", logging.DEBUG)
        logger.addHandler(_Lines(progress))
        return logger

    definitions = build_definitions(platform, loggers={"lines": lines})
    result = definitions.get_job_def("turn").execute_in_process(
        instance=instance,
        partition_key=batch.isoformat(),
        raise_on_error=False,
        run_config={"loggers": {"lines": {}}},
    )
    failed = tuple(sorted({e.step_key or e.job_name for e in result.all_events if e.is_step_failure}))
    evaluations = result.get_asset_check_evaluations()
    warnings = tuple(
        f"{e.asset_key.to_user_string()}: {e.check_name}" for e in evaluations if not e.passed
    )
    refused = sum(
        int(event.materialization.metadata["refused_files"].value)  # type: ignore[arg-type]
        for event in result.get_asset_materialization_events()
        if "refused_files" in event.materialization.metadata
    )
    return TurnResult(batch, result.success, failed, warnings, refused)
