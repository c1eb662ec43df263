"""Sensors: files in the inbox start a turn, answered workbooks are taken in, troubled runs raise alerts."""

import json
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from assets.checks import warnings_of
from assets.common import PlatformResource
from assets.platform import CHINA, FIRST_BATCH, Platform
from pipelines.alerts import Alert, moment, raise_alert, settle
from pipelines.intake import OF_ONE_FILE, enter_delivered
from pipelines.jobs import answers, turn
from pipelines.run.executor import PARTITION
from pipelines.run.orphaned_runs import report_dead_runs
from pipelines.terminal.failures import reason_of
from quality.published import TICKETS
from warehouse.collect.intake import reception
from warehouse.home.files import digest_of, is_draft, special_kind
from warehouse.home.names import path_as_text, shown_name

# Seconds since the last write after which a file counts as complete.
SETTLED_SECONDS = 30

# The account for loose files in the inbox: nobody knows who put them there.
DROPPED = "inbox"

NOTHING = digest_of([])


def today() -> date:
    """The business date."""
    return datetime.now(CHINA).date()


def settled(folder: Path, now: datetime) -> list[Path]:
    """The complete loose files in a folder, in the order of their names.

    Programs that transfer files (rsync, lftp, WinSCP) begin the name of an incomplete file with a dot. The doctor
    names such files that stay. A link, a pipe or a device does not count as a file and is never opened.
    """
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and _rests(path, now.timestamp())
    )


def _rests(path: Path, now: float) -> bool:
    """Whether a path is a file that has not been written to for `SETTLED_SECONDS`.

    A copy may keep the modification time of another machine, whose clock is ahead. Then the change time of the inode
    counts, which this machine sets at every write. If that lies in the future too, this machine's clock was moved back,
    and the file counts as complete.
    """
    try:
        found = path.lstat()
    except OSError:  # taken away meanwhile
        return False
    written = found.st_mtime if found.st_mtime <= now else found.st_ctime
    return stat.S_ISREG(found.st_mode) and (written > now or now - written >= SETTLED_SECONDS)


def _ignored(folder: Path) -> list[str]:
    """The loose things in a folder that are never taken in: neither regular files nor folders, for example links."""
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.iterdir()):
        with suppress(OSError):  # taken away meanwhile
            kind = special_kind(path)
            found += [f"{shown_name(path)}（{kind}）"] if kind not in (None, "文件夹") else []
    return found


@dg.sensor(
    job_name=turn.name,
    minimum_interval_seconds=60,
    description="收件箱：收下散放的文件；有新交付的批次即运行",
)
def inbox(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
    """Receive loose files for today's batch, then request a turn of every batch with new deliveries.

    Later batches depend on a batch with new deliveries, so they are requested too, oldest first. A batch of a future
    day waits for its day: until then Dagster has no partition for it and would reject all requests.
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
    """A fingerprint of the deliveries of a batch and of all batches before it."""
    return digest_of({other: digest for other, digest in delivered.items() if other <= day})


def _receive(context: dg.SensorEvaluationContext, platform: Platform) -> None:
    """Take in loose files. A file that cannot be read or moved waits for the next time and does not stop the others."""
    now = datetime.now(UTC)
    _warn(context, platform.home.inbox)
    files, largest = settled(platform.home.inbox, now), platform.largest_file
    for path in files:
        try:
            reception.deliver(
                platform.home, platform.library, [path], today(), now, reception.Terms(largest=largest)
            )
            path.unlink()
        except OF_ONE_FILE as error:
            context.log.warning("%s could not be received: %s", shown_name(path), reason_of(error))
    if files:
        enter_delivered(platform, today(), DROPPED, context.log.warning)


def _warn(context: dg.SensorEvaluationContext, folder: Path) -> None:
    for name in _ignored(folder):
        context.log.warning("%s/%s 不是普通文件，没有打开，请移走或换成文件本身", folder.name, name)


def _delivered(platform: Platform) -> dict[str, str]:
    """Every batch that Dagster can run today, oldest first → a fingerprint of its deliveries."""
    batches = {*reception.batches(platform.home), *platform.lake.batches(*TICKETS)}
    days = sorted(day for day in batches if FIRST_BATCH <= day <= today())
    return {day.isoformat(): digest_of(_extract_ids(platform.home.inbox / day.isoformat())) for day in days}


def _extract_ids(folder: Path) -> list[str]:
    """The ids of a batch's deliveries, a confirmed one twice. The receipts are not read."""
    return sorted(
        path.parent.name
        for name in (reception.RECEIPT, reception.CONFIRMATION)
        for path in folder.glob(f"*/{name}")
        if not is_draft(path.parent.name)
    )


@dg.sensor(
    job_name=answers.name,
    minimum_interval_seconds=60,
    description="答复：收下镇街交回的工作簿",
)
def answered(
    context: dg.SensorEvaluationContext, platform: PlatformResource
) -> dg.RunRequest | dg.SkipReason:
    """Request a run that takes in the workbooks in `answers/`."""
    _warn(context, platform.home.answers)
    found = settled(platform.home.answers, datetime.now(UTC))
    if not found:
        return dg.SkipReason("no answers")
    files = [path_as_text(path) for path in found]
    stamps = [[file, path.stat().st_mtime_ns] for file, path in zip(files, found, strict=True)]
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
    """Write an alert about a failed run for `zhenjie status`: the steps, the time, the run."""
    failed = [str(event.step_key) for event in context.get_step_failure_events()]
    _raise_alert(context, platform, failed or ["运行失败，原因见 zhenjie dev"])


@dg.run_status_sensor(
    name="warned",
    run_status=dg.DagsterRunStatus.SUCCESS,
    description="运行完成但有检查未通过：写入 alerts/；没有问题的，了结同一批次先前的警报",
    monitor_all_code_locations=True,
)
def warned(context: dg.RunStatusSensorContext, platform: PlatformResource) -> None:
    """Write an alert about the failed checks of a successful run. Without any, settle the batch's alerts."""
    _raise_alert(context, platform, [])


def _raise_alert(context: dg.RunStatusSensorContext, platform: Platform, failed: Sequence[str]) -> None:
    run = context.dagster_run
    batch = run.tags.get(PARTITION, "")
    warnings: tuple[str, ...] = ()
    if run.job_name == turn.name and batch and not failed:
        warnings = warnings_of(platform, date.fromisoformat(batch))
    if failed or warnings:
        at = moment(datetime.now(UTC))
        raise_alert(platform.home, Alert(run.run_id, run.job_name, batch, tuple(failed), warnings, at))
    elif run.job_name == turn.name:
        settle(platform.home, run.job_name, batch)
