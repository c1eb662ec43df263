"""Schedules: a turn every morning."""

from zoneinfo import ZoneInfo

import dagster as dg

from assets.common import TIMEZONE
from pipelines.jobs import turn


@dg.schedule(
    job_name=turn.name,
    cron_schedule="0 6 * * *",
    execution_timezone=TIMEZONE,
    description="每天清晨六点：当天批次的一轮",
)
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The batch of the day, before the offices open."""
    day = context.scheduled_execution_time.astimezone(ZoneInfo(TIMEZONE)).date().isoformat()
    return dg.RunRequest(run_key=f"morning-{day}", partition_key=day)
