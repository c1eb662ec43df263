"""`zhenjie status`: the state of the installation, and the things a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

import typer

from assets.platform import Platform
from pipelines.alerts import open_alerts
from pipelines.commands.options import JsonOption, platform_of, today
from pipelines.terminal import console
from quality.published import TICKETS
from quality.tickets.states import STATES
from schemas.contract.model import Contract
from warehouse.collect.intake import reception
from warehouse.lake.layers import Layer
from warehouse.publish.switch import published


class DatasetStatus(TypedDict):
    """The newest delivery of a dataset, its remarks, and whether the next one is overdue.

    `refused` lists the deliveries of the newest batch that are not in force, with the reasons. `held` lists those of
    them that look wrong as a whole and wait for a person.
    """

    dataset: str
    title: str
    department: str
    batch: date | None
    rows: int | None
    days: int | None
    late: bool
    remarks: list[str]
    refused: list[str]
    held: list[str]


class TicketStatus(TypedDict):
    """The number of tickets in a state after the newest batch."""

    state: str
    title: str
    tickets: int


class AlertStatus(TypedDict):
    """A run that failed, or succeeded with something to look at, as `pipelines.alerts` keeps it."""

    run: str
    job: str
    batch: str
    failed: list[str]
    warnings: list[str]
    at: str
    file: str


class StatusReport(TypedDict):
    """The whole report, as `--json` prints it."""

    home: str
    published_batch: date | None
    datasets: list[DatasetStatus]
    tickets: list[TicketStatus]
    alerts: list[AlertStatus]


def status(context: typer.Context, json_: JsonOption = False) -> None:
    """批次、数据集、工单与迟交情况。 Batches, datasets, tickets, lateness."""
    platform = platform_of(context)
    facts = status_of(platform, today())
    if json_:
        console.as_json(facts)
        return
    for path, alert in open_alerts(platform.home):
        console.result(f"警报 {alert}（处理后请移走 {path}）")
    for d in facts["datasets"]:
        for text in d["held"]:
            console.result(f"【暂不采用】{d['department']}《{d['title']}》：{text}")
    console.result(f"安装目录 {facts['home']}，已发布批次 {facts['published_batch'] or '无'}")
    console.table(
        ["数据集", "名称", "部门", "最近批次", "行数", "已过天数", "迟交"],
        [
            (
                d["dataset"],
                d["title"],
                d["department"],
                d["batch"],
                d["rows"],
                d["days"],
                "是" if d["late"] else "",
            )
            for d in facts["datasets"]
        ],
    )
    for d in facts["datasets"]:
        others = [text for text in d["refused"] if text not in d["held"]]
        for said, texts in (("", d["remarks"]), ("未采用：", others)):
            for text in texts:
                console.result(f"{d['title']}：{said}{text}")
    console.table(
        ["工单状态", "", "数量"], [(t["state"], t["title"], t["tickets"]) for t in facts["tickets"]]
    )


def status_of(platform: Platform, day: date) -> StatusReport:
    """The state of the installation on a day."""
    current = published(platform.home.warehouse, platform.keys)
    received = _newest_receipts(platform, day)
    return StatusReport(
        home=str(platform.home.root),
        published_batch=current[0] if current else None,
        datasets=[
            _dataset_status(platform, contract, day, received.get(contract.id, ()))
            for contract in platform.library
        ],
        tickets=_ticket_status(platform),
        alerts=[
            AlertStatus(
                run=alert.run,
                job=alert.job,
                batch=alert.batch,
                failed=list(alert.failed),
                warnings=list(alert.warnings),
                at=alert.at,
                file=str(path),
            )
            for path, alert in open_alerts(platform.home)
        ],
    )


def _newest_receipts(platform: Platform, day: date) -> dict[str, list[reception.Receipt]]:
    """Dataset → its deliveries in the newest batch that has deliveries of it."""
    newest: dict[str, list[reception.Receipt]] = {}
    for batch in reversed([batch for batch in reception.batches(platform.home) if batch <= day]):
        found: dict[str, list[reception.Receipt]] = {}
        for receipt in reception.receipts(platform.home.inbox, batch):
            found.setdefault(receipt.dataset or "", []).append(receipt)
        newest = {**found, **newest}
    return newest


def _dataset_status(
    platform: Platform, contract: Contract, day: date, received: Sequence[reception.Receipt]
) -> DatasetStatus:
    partition = platform.lake.as_of(Layer.EXTRACT, contract.id, day)
    days = (day - partition.batch).days if partition else None
    allowed = (contract.frequency_days or 0) + (contract.latency_days or 0)
    return DatasetStatus(
        dataset=contract.id,
        title=contract.title,
        department=contract.department_title,
        batch=partition.batch if partition else None,
        rows=partition.rows if partition else None,
        days=days,
        late=contract.frequency_days is not None and (days is None or days > allowed),
        remarks=_texts(partition.facts.get("remarks")) if partition else [],
        refused=[message for receipt in received if (message := reception.refusal_of(receipt)) is not None],
        held=[
            str(reception.refusal_of(receipt))
            for receipt in received
            if reception.hold_of(receipt) is not None
        ],
    )


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []


def _ticket_status(platform: Platform) -> list[TicketStatus]:
    days = platform.lake.batches(*TICKETS)
    partition = platform.lake.partition(*TICKETS, days[-1]) if days else None
    counts: dict[str, int] = {}
    if partition is not None:
        with platform.engine.connect() as connection:
            counts = dict(
                connection.execute(f"SELECT state, count(*) FROM {partition.scan} GROUP BY state").fetchall()
            )
    return [
        TicketStatus(state=state, title=title, tickets=counts.get(state, 0))
        for state, (title, _) in STATES.items()
    ]
