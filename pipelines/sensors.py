"""Sensors: files in the inbox start a turn, answered workbooks are taken in, a failed run raises an alert."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from assets.common import PLATFORM, TIMEZONE
from assets.platform import Platform
from pipelines.jobs import answers, turn
from warehouse.collect import desk
from warehouse.lake import digest_of, replace_json

# A file that was written to less than this ago may still be on its way.
SETTLED_SECONDS = 30


def settled(folder: Path, now: datetime) -> list[Path]:
    """The files lying loose in a folder that are complete, oldest name first."""
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
    job=turn,
    minimum_interval_seconds=60,
    required_resource_keys={PLATFORM},
    description="收件箱：收下散放的文件；有新交付的批次即运行",
)
def inbox(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Receive loose files for today's batch, then ask for a turn of every batch with new deliveries."""
    platform: Platform = getattr(context.resources, PLATFORM)
    now = datetime.now(UTC)
    today = now.astimezone(ZoneInfo(TIMEZONE)).date()
    for path in settled(platform.home.inbox, now):
        desk.deliver(platform.home, platform.library, [path], today, now)
        path.unlink()
    seen = json.loads(context.cursor or "{}")
    states = {
        day.isoformat(): digest_of([r.extract_id for r in desk.receipts(platform.home.inbox, day)])
        for day in desk.batches(platform.home)
    }
    news = [day for day, state in states.items() if seen.get(day) != state]
    for day in news:
        yield dg.RunRequest(run_key=f"inbox-{day}-{states[day]}", partition_key=day)
    if not news:
        yield dg.SkipReason("nothing new in the inbox")
    context.update_cursor(json.dumps(states))


@dg.sensor(
    job=answers,
    minimum_interval_seconds=60,
    required_resource_keys={PLATFORM},
    description="答复：收下镇街交回的工作簿",
)
def answered(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for the workbooks that lie in `answers/` to be taken in."""
    platform: Platform = getattr(context.resources, PLATFORM)
    files = [str(path) for path in settled(platform.home.answers, datetime.now(UTC))]
    if not files:
        return dg.SkipReason("no answers")
    stamps = [[file, Path(file).stat().st_mtime_ns] for file in files]
    return dg.RunRequest(
        run_key=f"answers-{digest_of(stamps)}",
        run_config={"ops": {"take_in_answers": {"config": {"files": files}}}},
    )


@dg.run_failure_sensor(
    name="alert", description="运行失败：写入 alerts/，zhenjie status 会显示", monitor_all_code_locations=True
)
def alert(context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]) -> None:
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
