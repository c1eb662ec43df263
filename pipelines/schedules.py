"""Schedules: a turn every morning."""

import dagster as dg

from assets.platform import CHINA
from pipelines.jobs import turn


@dg.schedule(
    job_name=turn.name,
    cron_schedule="0 6 * * *",
    execution_timezone=CHINA.key,
    description="每天清晨六点：当天批次的一轮",
)
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Run the batch of the day before the offices open."""
    day = context.scheduled_execution_time.astimezone(CHINA).date().isoformat()
    return dg.RunRequest(run_key=f"morning-{day}", partition_key=day)
