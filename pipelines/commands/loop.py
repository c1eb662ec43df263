"""`zhenjie deliver`, `run`, `reply`: the loop, one verb for each stage in which a person takes part."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from assets.platform import CHINA, Platform
from pipelines.commands.options import (
    BatchOption,
    JsonOption,
    alone,
    batch_date,
    checked_batch,
    linted_platform_of,
    settings_of,
    today,
)
from pipelines.intake import enter_delivered, receipt, take_in_each
from pipelines.terminal import console
from pipelines.terminal.failures import os_failure
from returns.ledger.chain import LedgerLoss
from returns.ledger.losses import CUT
from returns.packages.build import read_index
from returns.signing.keys import UnusableKey
from warehouse.collect.intake import reception
from warehouse.collect.readers.naming import named
from warehouse.home.cleanup import tidy_deliveries
from warehouse.home.integrity import DamagedHome
from warehouse.home.lock import HomeInUse
from warehouse.home.names import shown_name, shown_path
from warehouse.home.register import edited, is_edited
from warehouse.isolation.reading import get_ready
from warehouse.publish.switch import open_published

# The Chinese names of a file that holds all rows and of a file that holds changes.
DELIVERIES = {"snapshot": "全量", "delta": "增量"}

# The figures of a batch: the column in `catalog.batch` → its Chinese name.
FIGURES = {
    "rows": "校核行数",
    "findings": "问题",
    "tickets_to_answer": "待核实工单",
    "tickets_closed": "本批次办结",
}


def deliver(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="部门交付的文件", exists=True, dir_okay=False)],
    dataset: Annotated[str | None, typer.Option(help="数据集；不写则按文件名和表头识别")] = None,
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm", metavar="原因", help="确认文件无误：整份看起来异常也采用；写明谁核对过、为什么"
        ),
    ] = None,
    batch: BatchOption = None,
    json_: JsonOption = False,
) -> None:
    """接收部门交付的文件，每个文件一份回执。 Take delivered files into the inbox."""
    if confirm is not None and not confirm.strip():
        raise console.usage("--confirm 后面要写明原因，例如 --confirm 已与公安局核对，本月迁出属实")
    get_ready()
    day = batch_date(batch) or today()
    if day > today():
        console.progress(f"注意：批次 {day} 晚于今天，Dagster 到那一天才会自动运行；请检查日期是否写错")
    platform = linted_platform_of(context)
    if dataset is not None and dataset not in platform.library:
        raise console.usage(f"没有数据集 {dataset}；已有：{'、'.join(c.id for c in platform.library)}")
    receipts, failures = _received(platform, files, day, dataset, confirm=confirm)
    enter_delivered(platform, day, settings_of(context).user, console.progress)
    if json_:
        console.as_json([receipt.as_json() for receipt in receipts])
    else:
        console.table(
            ["文件", "数据集", "交付编号", "识别为", "缺少的列", "多出的列", "结果"],
            [
                (
                    r.file,
                    r.title,
                    r.extract_id,
                    _recognised(r),
                    named(r.missing),
                    named(r.extra),
                    r.message,
                )
                for r in receipts
            ],
            title=f"批次 {day} 回执",
        )
    _tell_failures(failures)
    if any(receipt.status == "set_aside" for receipt in receipts):
        raise typer.Exit(console.SET_ASIDE)


Failures = list[tuple[Path, OSError]]


def _received(
    platform: Platform, files: list[Path], day: date, dataset: str | None, *, confirm: str | None
) -> tuple[list[reception.Receipt], Failures]:
    """The receipts, and the files that could not be read or kept. Such a file does not stop the others."""
    receipts: list[reception.Receipt] = []
    failures: Failures = []
    terms = reception.Terms(dataset, confirm, platform.largest_file)
    # A home that cannot be written to is reported for each file below.
    with suppress(OSError):
        tidy_deliveries(platform.home)
    for path in files:
        now = datetime.now(CHINA)
        try:
            receipts += reception.deliver(platform.home, platform.library, [path], day, now, terms)
        except OSError as error:
            failures.append((path, error))
    return receipts, failures


def _tell_failures(failures: Failures) -> None:
    """Report the files that could not be read or kept, with the reason.

    Raises:
        typer.Exit: there is such a file.
    """
    for path, error in failures:
        console.progress(f"失败：文件“{shown_name(path)}”：{os_failure(error)}")
        if error.filename:
            console.progress(f"位置：{shown_path(Path(os.fsdecode(error.filename)))}")
    if failures:
        raise typer.Exit(console.FAILED)


def _recognised(receipt: reception.Receipt) -> str:
    """The dataset, form and layout that were recognised, in a few words."""
    if receipt.form is None:
        return ""
    rows = f"第 {receipt.header_row} 行表头" if receipt.header_row else None
    if receipt.header_row and (receipt.header_rows or 1) > 1:
        first = receipt.header_row - (receipt.header_rows or 1) + 1
        rows = f"第 {first} 至 {receipt.header_row} 行表头"
    sheet = f"工作表{receipt.sheet}" if receipt.sheet else None
    kind = DELIVERIES.get(receipt.delivery or "")
    return "，".join(filter(None, (kind, receipt.encoding, sheet, rows)))


def run(context: typer.Context, batch: BatchOption = None, json_: JsonOption = False) -> None:
    """运行一轮 采集—校核—返还—更正。 One turn of the loop."""
    # A lazy import: Dagster takes seconds to import, and only commands that run it need it.
    from pipelines.run.instance import dagster_instance
    from pipelines.run.turn import run_turn

    asked = batch_date(batch)
    platform = linted_platform_of(context)
    received = reception.batches(platform.home)
    if not received:
        raise console.usage("还没有收到任何文件：先运行 zhenjie deliver")
    day = asked or checked_batch(received[-1], "收件箱中的批次")
    try:
        done = run_turn(platform, day, dagster_instance(platform.home), console.progress)
    except (HomeInUse, DamagedHome, LedgerLoss) as error:
        raise console.failed(str(error)) from None
    figures = outcome(platform, day) if done.done else {}
    set_aside = len(reception.receipts(platform.home.aside, day))
    if json_:
        console.as_json({**asdict(done), "set_aside": set_aside, **figures})
    elif figures:
        console.table(["结果", ""], _told(platform, day, figures), title=f"批次 {day}")
    for name in done.failed:
        console.progress(f"失败：{name}（原因见 zhenjie dev）")
    for text in done.warnings:
        console.progress(f"请核对：{text}")
    if done.stopped:
        console.progress("运行已被中止。再运行一次即从这里继续；已完成的部分不会重做")
    if not done.done:
        raise typer.Exit(console.FAILED)
    if done.refused or set_aside or done.warnings:
        console.progress(
            f"未采用的文件 {done.refused} 个，未能识别的文件 {set_aside} 个，原因见 zhenjie status"
        )
        raise typer.Exit(console.SET_ASIDE)


def outcome(platform: Platform, day: date) -> dict[str, int]:
    """The figures of a published batch: those of `FIGURES` and the number of packages."""
    with open_published(platform.home, platform.keys) as connection:
        found = connection.execute(
            f"SELECT {', '.join(FIGURES)} FROM catalog.batch WHERE batch = ?", [day]
        ).fetchone()
    if found is None:
        return {}
    index = read_index(platform.home.returns(day))
    return {**dict(zip(FIGURES, found, strict=True)), "packages": len(index.packages) if index else 0}


def _told(platform: Platform, day: date, figures: dict[str, int]) -> list[tuple[str, str]]:
    """The figures of a batch for a person, and the places of its results."""
    return [
        *((title, f"{figures[name]:,}") for name, title in FIGURES.items()),
        ("返还包", f"{figures['packages']}  {platform.home.returns(day)}"),
        ("治理库", str(platform.home.warehouse)),
    ]


def reply(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="镇街填好的工作簿，或装着它的返还包", exists=True, dir_okay=False)
    ],
    json_: JsonOption = False,
) -> None:
    """接收镇街填好的工作簿：逐条回执，下一批次生效。 Take in answered workbooks."""
    get_ready()
    platform = linted_platform_of(context)
    # An answer that arrives in the middle of a turn would reach some stages and not others.
    with alone(platform.home, "zhenjie reply", wait=True):
        with platform.open_ledger() as ledger:
            if ledger.witness_is_cut():
                console.progress(CUT.format(platform.home.witness))
        if is_edited(platform.home):
            console.progress(edited(platform.home))
        try:
            taken = list(take_in_each(platform, files, settings_of(context).user, datetime.now(UTC)))
        except (LedgerLoss, UnusableKey) as error:
            raise console.failed(str(error)) from None
    intakes = [intake for _, intake in taken if not isinstance(intake, OSError)]
    failures = [(path, error) for path, error in taken if isinstance(error, OSError)]
    if json_:
        console.as_json([receipt(intake) for intake in intakes])
    else:
        names = dict(platform.codes.load("division").rows.select("code", "label").iter_rows())
        console.table(
            ["文件", "镇街", "批次", "接收", "未接收", "未填", "说明"],
            [
                (
                    i.file,
                    names.get(i.unit_code, i.unit_code),
                    i.batch,
                    i.accepted.height,
                    i.refused.height,
                    i.unanswered,
                    i.message,
                )
                for i in intakes
            ],
            title="答复回执",
        )
        refused = [
            (i.file, row["line"], row["ticket_id"], row["verdict"], row["reason"])
            for i in intakes
            if i.refused.height
            for row in i.refused.iter_rows(named=True)
        ]
        if refused:
            console.table(["文件", "行", "工单号", "处理结果", "未接收的原因"], refused)
        remarks = [(i.file, remark) for i in intakes for remark in i.remarks]
        if remarks:
            console.table(["文件", "提示"], remarks)
    _tell_failures(failures)
    if not all(intake.complete for intake in intakes):
        raise typer.Exit(console.SET_ASIDE)
