"""Jobs: one turn of the loop, and taking in answers."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from assets.common import BATCHES, PLATFORM
from assets.platform import Platform
from returns.ledger.store import Ledger
from returns.replies import take_in

# 采集—校核—返还—更正: every asset of a batch, in this process; a process per step would cost seconds each.
turn = dg.define_asset_job(
    "turn",
    selection=dg.AssetSelection.all(),
    description="一轮 采集—校核—返还—更正",
    partitions_def=BATCHES,
    executor_def=dg.in_process_executor,
)


@dg.op(required_resource_keys={PLATFORM}, config_schema={"files": [str]})
def take_in_answers(context: dg.OpExecutionContext) -> None:
    """Take in answered workbooks and move each to `answers/done`, with what became of it in the log."""
    platform: Platform = getattr(context.resources, PLATFORM)
    done = platform.home.answers / "done"
    done.mkdir(parents=True, exist_ok=True)
    with Ledger.open(platform.ledger_url) as ledger, platform.engine.connect() as connection:
        for file in context.op_config["files"]:
            path = Path(file)
            intake = take_in(
                connection,
                platform.lake,
                platform.library,
                platform.codes,
                ledger,
                path,
                datetime.now(UTC),
            )
            context.log.info(
                "%s: unit %s, %d accepted, %d refused, %d unanswered",
                path.name,
                intake.unit_code or "unknown",
                intake.accepted.height,
                intake.refused.height,
                intake.unanswered,
            )
            path.replace(done / path.name)


@dg.job(description="接收镇街答复", executor_def=dg.in_process_executor)
def answers() -> None:
    """Take in what townships answered."""
    take_in_answers()
