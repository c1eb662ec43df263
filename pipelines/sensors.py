"""Sensors: files in the inbox start a turn, answered workbooks are taken in, a failed run raises an alert."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from assets.common import PlatformResource
from assets.platform import CHINA, Platform
from pipelines.dead_runs import report_dead_runs
from pipelines.jobs import answers, turn
from quality.published import TICKETS
from warehouse.collect import desk
from warehouse.files import digest_of, replace_json

# A file that was written to less than this ago may still be on its way.
SETTLED_SECONDS = 30

NOTHING = digest_of([])


def settled(folder: Path, now: datetime) -> list[Path]:
    """The files lying loose in a folder that are complete, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.startswith(".")
        and now.timestamp() - path.stat().st_mtime >= SETTLED_SECONDS
    )


@dg.sensor(
    job_name=turn.name,
    minimum_interval_seconds=60,
    description="收件箱：收下散放的文件；有新交付的批次即运行",
)
def inbox(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
    """Receive loose files for today's batch, then ask for a turn of every batch with new deliveries.

    The batches after one with new deliveries follow from it and are asked for too, oldest first.
    """
    report_dead_runs(context.instance)
    _receive(context, platform)
    delivered = _delivered(platform)
    seen = json.loads(context.cursor or "{}")
    news = [day for day, digest in delivered.items() if seen.get(day, NOTHING) != digest]
    due = [day for day in delivered if news and day >= news[0]]
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"inbox-{day}-{_until(delivered, day)}", partition_key=day) for day in due
        ],
        skip_reason=None if due else "nothing new in the inbox",
        cursor=json.dumps(delivered),
    )


def _until(delivered: Mapping[str, str], day: str) -> str:
    """A fingerprint of what was delivered in a batch and in those before it."""
    return digest_of({other: digest for other, digest in delivered.items() if other <= day})


def _receive(context: dg.SensorEvaluationContext, platform: Platform) -> None:
    """Take loose files in; one that cannot be read or moved waits for the next look and stops no other."""
    now = datetime.now(UTC)
    today = now.astimezone(CHINA).date()
    for path in settled(platform.home.inbox, now):
        try:
            desk.deliver(platform.home, platform.library, [path], today, now)
            path.unlink()
        except OSError as error:
            context.log.warning("%s could not be received: %s", path.name, error.strerror)


def _delivered(platform: Platform) -> dict[str, str]:
    """Every batch there is, oldest first → a fingerprint of what was delivered in it."""
    days = sorted({*desk.batches(platform.home), *platform.lake.batches(*TICKETS)})
    return {day.isoformat(): digest_of(_extract_ids(platform.home.inbox / day.isoformat())) for day in days}


def _extract_ids(folder: Path) -> list[str]:
    """The deliveries of a batch by their names, and those confirmed once more: their receipts are not read."""
    return sorted(
        path.parent.name
        for name in (desk.RECEIPT, desk.CONFIRMATION)
        for path in folder.glob(f"*/{name}")
        if not path.parent.name.startswith(".")
    )


@dg.sensor(
    job_name=answers.name,
    minimum_interval_seconds=60,
    description="答复：收下镇街交回的工作簿",
)
def answered(
    context: dg.SensorEvaluationContext, platform: PlatformResource
) -> dg.RunRequest | dg.SkipReason:
    """Ask for the workbooks that lie in `answers/` to be taken in."""
    files = [str(path) for path in settled(platform.home.answers, datetime.now(UTC))]
    if not files:
        return dg.SkipReason("no answers")
    stamps = [[file, Path(file).stat().st_mtime_ns] for file in files]
    return dg.RunRequest(
        run_key=f"answers-{digest_of(stamps)}",
        run_config={"ops": {"take_in_answers": {"config": {"files": files}}}},
    )


@dg.run_failure_sensor(
    name="alert",
    description="运行失败：写入 alerts/，zhenjie status 会显示",
    monitor_all_code_locations=True,
)
def alert(context: dg.RunFailureSensorContext, platform: PlatformResource) -> None:
    """Leave an alert that `zhenjie status` shows: what failed, when, in which run."""
    run = context.dagster_run
    failed = [event.step_key for event in context.get_step_failure_events()]
    platform.home.alerts.mkdir(parents=True, exist_ok=True)
    replace_json(
        platform.home.alerts / f"{run.run_id}.json",
        {
            "run": run.run_id,
            "job": run.job_name,
            "batch": run.tags.get("dagster/partition", ""),
            "failed": failed,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
