"""`zhenjie deliver`, `run`, `reply`, `status`: the loop, one verb a stage that a person takes part in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from assets.platform import Platform
from pipelines import console
from pipelines.commands.options import BatchOption, JsonOption, batch_date, platform_of
from quality.published import TICKETS
from quality.tickets import STATES
from returns.ledger.store import Ledger
from returns.replies import Intake, take_in
from returns.packages import read_index
from warehouse.collect import desk
from warehouse.publish import published

CHINA = ZoneInfo("Asia/Shanghai")


def today() -> date:
    """The business date."""
    return datetime.now(CHINA).date()


def deliver(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="部门交付的文件", exists=True, dir_okay=False)],
    dataset: Annotated[str | None, typer.Option(help="数据集；不写则按文件名和表头识别")] = None,
    batch: BatchOption = None,
    json_: JsonOption = False,
) -> None:
    """接收部门交付的文件，每个文件一份回执。 Take delivered files into the inbox."""
    platform = platform_of(context)
    if dataset is not None and dataset not in platform.library:
        raise console.usage(f"没有数据集 {dataset}；已有：{'、'.join(c.id for c in platform.library)}")
    day = batch_date(batch) or today()
    receipts = desk.deliver(
        platform.home, platform.library, files, day, datetime.now(CHINA), dataset=dataset
    )
    if json_:
        console.as_json([receipt.as_json() for receipt in receipts])
    else:
        console.table(
            ["文件", "数据集", "交付编号", "缺少的列", "多出的列", "结果"],
            [
                (r.file, r.title, r.extract_id, "、".join(r.missing), "、".join(r.extra), r.message)
                for r in receipts
            ],
            title=f"批次 {day} 回执",
        )
    if any(receipt.status == "set_aside" for receipt in receipts):
        raise typer.Exit(console.SET_ASIDE)


def run(context: typer.Context, batch: BatchOption = None, json_: JsonOption = False) -> None:
    """运行一轮 采集—校核—返还—更正。 One turn of the loop."""
    # Dagster takes seconds to import; only the commands that run it pay for it.
    from pipelines.instance import dagster_instance
    from pipelines.turn import run_turn

    platform = platform_of(context)
    received = desk.batches(platform.home)
    day = batch_date(batch) or (received[-1] if received else today())
    done = run_turn(platform, day, dagster_instance(platform.home), console.progress)
    if json_:
        console.as_json(done.__dict__)
    elif done.done:
        console.table(["结果", ""], outcome(platform, day), title=f"批次 {day}")
    for name in done.failed:
        console.progress(f"失败：{name}（zhenjie dev 中可查看原因）")
    for name in done.warnings:
        console.progress(f"检查未通过：{name}")
    if not done.done:
        raise typer.Exit(console.FAILED)
    if done.refused or desk.receipts(platform.home.aside, day):
        raise typer.Exit(console.SET_ASIDE)


def outcome(platform: Platform, day: date) -> list[tuple[str, str]]:
    """What a batch came to, in words and places."""
    with platform.engine.connect() as connection:
        connection.execute(f"ATTACH '{platform.home.warehouse}' AS published (READ_ONLY)")
        figures = connection.execute(
            "SELECT rows, findings, tickets_to_answer, tickets_closed FROM published.catalog.batch "
            "WHERE batch = ?",
            [day],
        ).fetchone()
    if figures is None:
        return []
    rows, findings, to_answer, closed = figures
    index = read_index(platform.home.returns(day)) or {"packages": []}
    return [
        ("校核行数", f"{rows:,}"),
        ("问题", f"{findings:,}"),
        ("待核实工单", f"{to_answer:,}"),
        ("本批次办结", f"{closed:,}"),
        ("返还包", f"{len(index['packages'])}  {platform.home.returns(day)}"),  # type: ignore[arg-type]
        ("治理库", str(platform.home.warehouse)),
    ]


def reply(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="镇街填好的工作簿", exists=True, dir_okay=False)],
    json_: JsonOption = False,
) -> None:
    """接收镇街填好的工作簿：逐条回执，下一批次生效。 Take in answered workbooks."""
    platform = platform_of(context)
    with Ledger.open(platform.ledger_url) as ledger, platform.engine.connect() as connection:
        intakes = [
            take_in(
                connection,
                platform.lake,
                platform.library,
                platform.codes,
                ledger,
                path,
                datetime.now(UTC),
            )
            for path in files
        ]
    if json_:
        console.as_json([_intake_facts(intake) for intake in intakes])
    else:
        console.table(
            ["文件", "镇街", "批次", "接收", "未接收", "未填", "说明"],
            [
                (i.file, i.unit_code, i.batch, i.accepted.height, i.refused.height, i.unanswered, i.message)
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
    if any(i.refused.height or (i.message and not i.repeated) for i in intakes):
        raise typer.Exit(console.SET_ASIDE)


def _intake_facts(intake: Intake) -> dict[str, object]:
    kept = ["line", "ticket_id", "verdict", "reason"]
    return {
        "file": intake.file,
        "unit_code": intake.unit_code,
        "batch": intake.batch,
        "accepted": intake.accepted.height,
        "refused": intake.refused.select(kept).to_dicts() if intake.refused.height else [],
        "unanswered": intake.unanswered,
        "repeated": intake.repeated,
        "message": intake.message,
    }


def status(context: typer.Context, json_: JsonOption = False) -> None:
    """批次、数据集、工单与迟交情况。 Batches, datasets, tickets, lateness."""
    platform = platform_of(context)
    current = published(platform.home.warehouse)
    facts = {
        "home": str(platform.home.root),
        "published_batch": current[0] if current else None,
        "datasets": _dataset_facts(platform, today()),
        "tickets": _ticket_facts(platform),
        "alerts": [
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(platform.home.alerts.glob("*.json"))
        ],
    }
    if json_:
        console.as_json(facts)
        return
    console.result(f"安装目录 {facts['home']}，已发布批次 {facts['published_batch'] or '无'}")
    console.table(
        ["数据集", "名称", "部门", "最近批次", "行数", "已过天数", "迟交"],
        [
            (d["dataset"], d["title"], d["department"], d["batch"], d["rows"], d["days"], "是" if d["late"] else "")
            for d in _dataset_facts(platform, today())
        ],
    )
    console.table(["工单状态", "", "数量"], [(t["state"], t["title"], t["tickets"]) for t in _ticket_facts(platform)])
    for alarm in sorted(platform.home.alerts.glob("*.json")):
        said = json.loads(alarm.read_text(encoding="utf-8"))
        console.result(f"警报 {said['at']} 批次 {said['batch']} 失败：{'、'.join(said['failed'])}（{alarm}）")


def _dataset_facts(platform: Platform, day: date) -> list[dict[str, object]]:
    facts = []
    for contract in platform.library:
        partition = platform.lake.as_of("extract", contract.id, day)
        days = (day - partition.batch).days if partition else None
        allowed = (contract.frequency_days or 0) + (contract.latency_days or 0)
        facts.append(
            {
                "dataset": contract.id,
                "title": contract.title,
                "department": contract.department_title,
                "batch": partition.batch if partition else None,
                "rows": partition.rows if partition else None,
                "days": days,
                "late": contract.frequency_days is not None and (days is None or days > allowed),
            }
        )
    return facts


def _ticket_facts(platform: Platform) -> list[dict[str, object]]:
    days = platform.lake.batches(*TICKETS)
    partition = platform.lake.partition(*TICKETS, days[-1]) if days else None
    counts: dict[str, int] = {}
    if partition is not None:
        with platform.engine.connect() as connection:
            counts = dict(
                connection.execute(f"SELECT state, count(*) FROM {partition.scan} GROUP BY state").fetchall()
            )
    return [
        {"state": state, "title": title, "tickets": counts.get(state, 0)}
        for state, (title, _) in STATES.items()
    ]
