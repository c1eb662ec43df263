"""Asset checks: facts about a stage's data that a person should notice, declared here and run by their assets.

No Dagster here: `assets.common` makes Dagster's asset checks of them. A check runs in its asset's own step, for a step
of its own would cost more than most of them. It never stops the loop (only the acceptance gate of `assets.tasks` does):
it shows red in the UI and in the run's result. Single bad values are findings, not checks.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from assets.platform import Platform
from quality.published import TICKETS as TICKET_TABLE
from schemas.contract.model import Contract
from warehouse.collect.intake.reception import REFUSAL, hold_of, receipts, refusal_of
from warehouse.lake.layers import Layer
from warehouse.standard.standardise import extracts_in_force

# The result of a check: whether it passed, and facts for its metadata under their Chinese names.
Outcome = tuple[bool, Mapping[str, int | str]]
Question = Callable[[Platform, date], Outcome]


@dataclass(frozen=True)
class AssetCheck:
    """A question about an asset's data on the batch's day.

    Attributes:
        name: Dagster's name of the check.
        description: what should hold, in Chinese.
        problem: what is wrong if it does not hold, in Chinese.
        ask: finds out whether it holds.
    """

    name: str
    description: str
    problem: str
    ask: Question


def warnings_of(platform: Platform, batch: date) -> tuple[str, ...]:
    """Matters for a person: held deliveries, failed checks, files that could not be received.

    Deliveries that are held come first, each with what it looks like and what to do.
    """
    texts = [
        f"{contract.department_title}《{contract.title}》：{message}"
        for contract in platform.library
        for message in held_messages(platform, contract, batch)
    ]
    texts += [
        f"{contract.department_title}《{contract.title}》：{check.problem}"
        for contract in platform.library
        for check in (*extract_checks(contract), *standard_checks(contract))
        if not check.ask(platform, batch)[0]
    ]
    texts += [check.problem for check in ticket_checks() if not check.ask(platform, batch)[0]]
    unplaced = len(receipts(platform.home.aside, batch))
    return (*texts, *([f"{unplaced} 个文件未能接收，已搁置，原因见回执"] if unplaced else []))


def held_messages(platform: Platform, contract: Contract, batch: date) -> list[str]:
    """The messages of the deliveries of a dataset that are held as a whole in a batch."""
    return [
        str(refusal_of(receipt))
        for receipt in receipts(platform.home.inbox, batch)
        if receipt.dataset == contract.id and hold_of(receipt) is not None
    ]


def extract_checks(contract: Contract) -> list[AssetCheck]:
    """The checks of an extract."""
    return [
        AssetCheck("readable", "本批次收到的文件都已采用", "本批次有文件未采用", _readable(contract)),
        AssetCheck(
            "whole_file",
            "本次交付的整份文件没有异常",
            "整份文件有异常，已经人工确认或只作提示",
            _whole_file(contract),
        ),
    ]


def standard_checks(contract: Contract) -> list[AssetCheck]:
    """The checks of a standard table."""
    return [
        AssetCheck(
            "structure", "字段与类型符合合同（pandera）", "字段或类型与合同不符", _structure(contract)
        ),
        AssetCheck(
            "complete",
            "没有丢行：行数与交付相同（增量则不多于各次交付之和）",
            "行数与交付的不符",
            _complete(contract),
        ),
    ]


def ticket_checks() -> list[AssetCheck]:
    """The checks of the tickets."""
    return [AssetCheck("identity", "每个工单号只有一行", "有重复的工单号", _identity)]


def _readable(contract: Contract) -> Question:
    def ask(platform: Platform, batch: date) -> Outcome:
        own = [r for r in receipts(platform.home.inbox, batch) if r.dataset == contract.id]
        refused = [r.file for r in own if (r.path.parent / REFUSAL).exists()]
        return not refused, {"文件数": len(own), "未采用的文件": ", ".join(refused)}

    return ask


def _whole_file(contract: Contract) -> Question:
    def ask(platform: Platform, batch: date) -> Outcome:
        now = platform.lake.partition(Layer.EXTRACT, contract.id, batch)
        unusual = now.facts.get("unusual") if now is not None else None
        texts = [str(text) for text in unusual] if isinstance(unusual, list) else []
        return not texts, {"异常": "；".join(texts)}

    return ask


def _structure(contract: Contract) -> Question:
    def ask(platform: Platform, batch: date) -> Outcome:
        # pandera brings pandas with it, seconds of import that only this check needs.
        from pandera.errors import SchemaErrors

        from schemas.emit.pandera import pandera_schema

        partition = platform.lake.as_of(Layer.STANDARD, contract.id, batch)
        if partition is None:
            return True, {}
        with platform.engine.connect() as connection:
            empty = connection.execute(f"FROM {partition.scan} LIMIT 0").pl()
        try:
            pandera_schema(contract).validate(empty, lazy=True)
        except SchemaErrors as error:
            return False, {"不符之处": json.dumps(error.message, ensure_ascii=False, indent=1)}
        return True, {"字段数": len(contract.columns)}

    return ask


def _complete(contract: Contract) -> Question:
    def ask(platform: Platform, batch: date) -> Outcome:
        extracts = extracts_in_force(platform.lake, contract.id, batch)
        standard = platform.lake.as_of(Layer.STANDARD, contract.id, batch)
        rows = (sum(extract.rows for extract in extracts), standard.rows if standard else 0)
        # If several deliveries hold a record, only the newest counts.
        whole = rows[1] <= rows[0] if contract.takes_deltas else rows[1] == rows[0]
        return whole, {"交付行数": rows[0], "标准表行数": rows[1]}

    return ask


def _identity(platform: Platform, batch: date) -> Outcome:
    partition = platform.lake.partition(*TICKET_TABLE, batch)
    if partition is None:
        return True, {}
    with platform.engine.connect() as connection:
        row = connection.execute(
            f"SELECT count(*), count(DISTINCT ticket_id) FROM {partition.scan}"
        ).fetchone()
    assert row is not None, "an aggregate has a row"
    return row[0] == row[1], {"工单数": row[0], "不同的工单号": row[1]}
