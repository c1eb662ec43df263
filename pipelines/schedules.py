"""Schedules: a turn every morning."""

import dagster as dg

from assets.common import TIMEZONE
from pipelines.jobs import turn


@dg.schedule(job=turn, cron_schedule="0 6 * * *", execution_timezone=TIMEZONE)
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The batch of the day, before the offices open."""
    day = context.scheduled_execution_time.date().isoformat()
    return dg.RunRequest(run_key=f"morning-{day}", partition_key=day)
