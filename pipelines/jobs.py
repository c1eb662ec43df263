"""Jobs: one turn of the loop, and taking in answers."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from assets.common import PlatformResource
from assets.platform import Platform
from pipelines.intake import OF_ONE_FILE, receipt, take_in_all
from pipelines.terminal.failures import reason_of
from warehouse.home.files import replace_json, sha256_of
from warehouse.home.folders import Home
from warehouse.home.modes import FILE, make_folder
from warehouse.home.names import FileName, path_of_text, shown_name, shown_path

# Answered workbooks, and packages sent back whole.
ANSWERS = (".xlsx", ".zip")

SENSOR = "sensor"
"""The account that hands in files of the drop folder: nobody knows who put them there."""

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
        dagster.Failure: a file is not a workbook in `answers/`, or could not be read or moved. The others have been
            taken in.
    """
    failed = []
    for file in context.op_config["files"]:
        path = path_of_text(file)
        if problem := not_an_answer(platform.home, path):
            failed.append(shown_name(path))
            context.log.error("%s", problem)
            continue
        try:
            said = _take_in(platform, path)
        except OF_ONE_FILE as error:
            failed.append(shown_name(path))
            context.log.error("%s could not be taken in: %s", shown_name(path), reason_of(error))
            continue
        context.log.info("%s: unit %s, %d accepted, %d refused, %d unanswered", shown_name(path), *said)
    if failed:
        raise dg.Failure(f"{len(failed)} workbooks could not be taken in: {', '.join(failed)}")


def not_an_answer(home: Home, path: Path) -> str | None:
    """The reason why a file is not taken in; None if it may be taken in.

    A person who may start a job may name any file of this machine. Example: if the ledger were taken in, it would be
    moved.

    Args:
        home: the installation.
        path: the path in the configuration of a run.

    Returns:
        a sentence in Chinese that says what to do.
    """
    answers_folder = home.answers.resolve()
    # Links are resolved. No file in `done` is taken in again.
    if path.is_symlink() or path.resolve().parent != answers_folder:
        return (
            f"{shown_path(path)}：只接收直接放在 {answers_folder} 中的文件（不接收链接），这个文件没有动。"
            "请把工作簿放入该目录"
        )
    if path.suffix.lower() not in ANSWERS:
        return (
            f"{shown_path(path)}：只接收 .xlsx 工作簿和 .zip 返还包，这个文件没有动。"
            "请用 WPS 或 Excel 另存为“Excel 工作簿（*.xlsx）”，并把这个文件移出该目录"
        )
    if path.exists() and not path.is_file():
        return f"{shown_path(path)}：不是文件，没有动。请把它移出 {answers_folder}"
    return None


def _take_in(platform: Platform, path: Path) -> tuple[str, int, int, int]:
    done = platform.home.answers / "done"
    make_folder(done)
    name = FileName.of(path)
    # Two townships may give their files the same name.
    kept = done / f"{sha256_of(path)[:12]}-{name.stored}"
    (intake,) = take_in_all(platform, [path], SENSOR, datetime.now(UTC))
    told = {**receipt(intake), "original": name.original, "original_bytes": name.original_bytes}
    replace_json(kept.with_name(f"{kept.name}.receipt.json"), told)
    path.replace(kept)
    kept.chmod(FILE)
    return intake.unit_code or "unknown", intake.accepted.height, intake.refused.height, intake.unanswered


@dg.job(description="接收镇街答复")
def answers() -> None:
    """Take in the workbooks that townships answered."""
    take_in_answers()
