"""Jobs: one turn of the loop, and taking in answers."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from assets.common import PlatformResource
from assets.platform import Platform
from pipelines.intake import receipt, take_in_all
from warehouse.files import replace_json, sha256_of

# 采集—校核—返还—更正: every asset of a batch.
turn = dg.define_asset_job(
    "turn",
    selection=dg.AssetSelection.all(),
    description="一轮 采集—校核—返还—更正",
)


@dg.op(config_schema={"files": [str]})
def take_in_answers(context: dg.OpExecutionContext, platform: PlatformResource) -> None:
    """Take in answered workbooks and move each to `answers/done`, its receipt beside it.

    Raises:
        dagster.Failure: a workbook could not be read or moved; the others have been taken in.
    """
    failed = []
    for file in context.op_config["files"]:
        path = Path(file)
        try:
            said = _take_in(platform, path)
        except OSError as error:
            failed.append(path.name)
            context.log.error("%s could not be taken in: %s", path.name, error.strerror)
            continue
        context.log.info("%s: unit %s, %d accepted, %d refused, %d unanswered", path.name, *said)
    if failed:
        raise dg.Failure(f"{len(failed)} workbooks could not be taken in: {', '.join(failed)}")


def _take_in(platform: Platform, path: Path) -> tuple[str, int, int, int]:
    done = platform.home.answers / "done"
    done.mkdir(parents=True, exist_ok=True)
    # Two townships may give their files one name.
    kept = done / f"{sha256_of(path)[:12]}-{path.name}"
    (intake,) = take_in_all(platform, [path], datetime.now(UTC))
    replace_json(kept.with_name(f"{kept.name}.receipt.json"), receipt(intake))
    path.replace(kept)
    return intake.unit_code or "unknown", intake.accepted.height, intake.refused.height, intake.unanswered


@dg.job(description="接收镇街答复")
def answers() -> None:
    """Take in what townships answered."""
    take_in_answers()
