"""Replies: an answered workbook comes back; each answer is accepted or refused, each refusal has its reason.

An accepted answer goes into the ledger and works from the next batch on. Nothing is changed here but the
ledger: what a reply does to a ticket is `quality.tickets`, to the data `warehouse.standard`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl

from quality.published import TICKETS
from quality.rules import ROW, checks
from quality.tickets import REPLIES, TO_ANSWER, VERDICTS
from returns.declared import sheet_standard
from returns.ledger.chain import Entry
from returns.ledger.store import Ledger
from returns.workbook.errors import WorkbookError
from returns.workbook.reader import open_workbook
from schemas.codes import CodeLibrary
from schemas.contract import Column
from schemas.emit.sql import literal, quote
from schemas.library import Library
from warehouse.lake import Lake, sha256_of
from warehouse.standard import CORRECTIONS
from warehouse.values import delivered_name, shown, value_of

# The built-in rules that a typed value must pass by itself, whatever stands in the rest of its row.
VALUE_RULES = ("type", "length", "pattern", "range", "semantic_kind", "code_table")

_ANSWERS = {
    "工单号": "ticket_id",
    "现值": "seen",
    "建议值": "seen_suggestion",
    "处理结果": "verdict",
    "更正值": "typed",
    "说明": "note",
}


@dataclass(frozen=True)
class Intake:
    """What became of one answered workbook.

    `accepted` and `refused` have a row per answer with the sheet's `line`; a refused one has its `reason`.
    `unanswered` counts the tickets without an answer. A file refused whole has only a `message`.
    """

    file: str
    unit_code: str
    batch: str
    accepted: pl.DataFrame
    refused: pl.DataFrame
    unanswered: int
    message: str = ""
    repeated: bool = False


def take_in(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    library: Library,
    codes: CodeLibrary,
    ledger: Ledger,
    path: Path,
    received_at: datetime,
) -> Intake:
    """Take in one answered workbook.

    Args:
        connection: with the function library and the code tables.
        lake: where the tickets of the newest batch are read.
        library: the contracts.
        codes: the code tables.
        ledger: where accepted and refused answers are entered.
        path: the workbook.
        received_at: the time of the entry.

    Returns:
        What was accepted and refused; a workbook that cannot be read or is not ours is refused whole.
    """
    try:
        workbook = open_workbook(path)
        identity = workbook.read_identity()
        answers = workbook.read_sheet(sheet_standard("tickets").title, _ANSWERS)
    except WorkbookError as error:
        return _refused_whole(path, str(error))
    unit_code, batch = identity.get("unit_code", ""), identity.get("batch", "")
    newest = lake.batches(*TICKETS)
    if not newest or not unit_code or date.fromisoformat(batch) not in newest:
        return _refused_whole(
            path,
            f"文件“{path.name}”所属的批次 {batch or '不详'} 不在本系统中，请重新下载最新的工作簿",
        )
    partition = lake.partition(*TICKETS, newest[-1])
    assert partition is not None
    tickets = connection.execute(f"FROM {partition.scan} WHERE unit_code = ?", [unit_code]).pl()
    judged = _judge(connection, library, codes, answers, tickets)
    accepted = judged.filter(pl.col("reason").is_null() & pl.col("verdict").is_not_null())
    refused = judged.filter(pl.col("reason").is_not_null())
    entry = ledger.append_replies(
        actor=unit_code,
        unit_code=unit_code,
        batch=batch,
        after_batch=newest[-1].isoformat(),
        file_name=path.name,
        file_sha256=sha256_of(path),
        accepted=accepted,
        refused=refused,
        at=received_at,
    )
    unanswered = judged.filter(pl.col("verdict").is_null() & pl.col("reason").is_null()).height
    return Intake(
        path.name, unit_code, batch, accepted, refused, unanswered, _message(entry), entry.repeated
    )


def _refused_whole(path: Path, message: str) -> Intake:
    empty = pl.DataFrame()
    return Intake(path.name, "", "", empty, empty, 0, message)


def _message(entry: Entry) -> str:
    return "这个文件以前交过，没有重复登记" if entry.repeated else ""


def _judge(
    connection: duckdb.DuckDBPyConnection,
    library: Library,
    codes: CodeLibrary,
    answers: pl.DataFrame,
    tickets: pl.DataFrame,
) -> pl.DataFrame:
    """Every answer with its ticket, the value it stands for, and the reason if it is refused."""
    known = tickets.select(
        "ticket_id", "dataset", "rule", "record_key", "field", "state", "observed", "suggestion",
        "delivered",
    )  # fmt: skip
    rows = answers.rename({"_row": "line"}).join(known, on="ticket_id", how="left")
    typed = pl.col("verdict").eq_missing("更正为") & pl.col("typed").is_not_null()
    values = _values(
        connection, library, codes, rows.filter(typed & pl.col("dataset").is_not_null())
    )
    rows = rows.join(values, on="line", how="left").sort("line")
    meaning = pl.col("verdict").replace_strict(dict(VERDICTS), default=None)
    twice = pl.col("ticket_id").is_duplicated() & pl.col("verdict").is_not_null()
    reason = (
        pl.when(pl.col("verdict").is_null() & pl.col("typed").is_null())
        .then(None)
        .when(pl.col("verdict").is_null())
        .then(pl.lit("填了“更正值”但没有选择“处理结果”，请选择“更正为”"))
        .when(meaning.is_null())
        .then(pl.format("“处理结果”不能填“{}”，请从下拉列表中选择", "verdict"))
        .when(pl.col("ticket_id").is_null())
        .then(pl.lit("缺少工单号，请按下发的工作簿恢复"))
        .when(pl.col("dataset").is_null())
        .then(pl.lit("工单号不存在或不属于本镇街，请核对"))
        .when(~pl.col("state").is_in(TO_ANSWER))
        .then(pl.lit("该工单已办结或已转交部门，不需再答复"))
        .when(twice)
        .then(pl.lit("同一工单号出现多行，请只保留一行"))
        .when((pl.col("verdict") == "采纳建议") & pl.col("suggestion").is_null())
        .then(pl.lit("该工单没有建议值，请改选“更正为”并填写更正值，或选其他处理结果"))
        .when((pl.col("verdict") != "更正为") & pl.col("typed").is_not_null())
        .then(pl.format("处理结果为“{}”时不应填写“更正值”；要更正请选“更正为”", "verdict"))
        .when((pl.col("verdict") == "更正为") & pl.col("typed").is_null())
        .then(pl.lit("处理结果为“更正为”时必须填写“更正值”"))
        .when((pl.col("verdict") == "更正为") & pl.col("fault").is_not_null())
        .then(pl.format("更正值未通过校核：{}", "fault"))
        .when((pl.col("verdict") == "更正为") & (pl.col("corrected") == pl.col("observed")))
        .then(pl.lit("更正值与现值相同；如现值正确，请选“数据无误”"))
        .otherwise(None)
    )
    value = (
        pl.when(pl.col("verdict") == "采纳建议")
        .then("suggestion")
        .when(pl.col("verdict") == "更正为")
        .then("corrected")
        .otherwise(None)
    )
    return rows.with_columns(reason=reason).with_columns(
        value=pl.when(pl.col("reason").is_null()).then(value).otherwise("typed")
    )


def _values(
    connection: duckdb.DuckDBPyConnection, library: Library, codes: CodeLibrary, typed: pl.DataFrame
) -> pl.DataFrame:
    """For each typed value: what it is in standard form (`corrected`), and the first rule it breaks (`fault`).

    A set at a time: all values of one column of one dataset go through the column's own SQL together.
    """
    parts = [pl.DataFrame(schema={"line": pl.Int64, "corrected": pl.String, "fault": pl.String})]
    for (dataset, field), group in typed.group_by("dataset", "field", maintain_order=True):
        contract = library[str(dataset)]
        column = contract.column(str(field))
        own = [
            check
            for check in checks(contract, library, codes)
            if check.rule.field == column.name and check.rule.name in VALUE_RULES
        ]
        lookups = {lookup.alias: lookup for check in own for lookup in check.lookups}
        joins = " ".join(
            f"LEFT JOIN ({lookup.relation.replace('{codes:', 'codes.').replace('}', '')}) "
            f"AS {quote(lookup.alias)} ON {lookup.on}"
            for lookup in lookups.values()
        )
        faults = " ".join(
            f"WHEN {check.violates} THEN {literal(check.rule.description)}" for check in own
        )
        fault = f"CASE {faults} END" if faults else "CAST(NULL AS VARCHAR)"
        connection.register("typed_values", group.select("line", "typed"))
        parts.append(
            connection.execute(
                f"SELECT line, {shown(f'{ROW}.{quote(column.name)}', column.type)} AS corrected, "
                f"CASE WHEN {_empty(column)} THEN '更正值不能为空' ELSE {fault} END AS fault "
                f"FROM (SELECT line, {_converted(column, codes)} FROM typed_values) AS {ROW} {joins}"
            ).pl()
        )
        connection.unregister("typed_values")
    return pl.concat(parts)


def _converted(column: Column, codes: CodeLibrary) -> str:
    value = value_of(column, "typed", codes)
    text = f"{value} AS {quote(column.name)}"
    if column.type == "string":
        return text
    kept = (
        f"CASE WHEN {value} IS NULL THEN clean_text(typed) END AS {quote(delivered_name(column))}"
    )
    return f"{text}, {kept}"


def _empty(column: Column) -> str:
    value = f"{ROW}.{quote(column.name)} IS NULL"
    if column.type == "string":
        return value
    return f"{value} AND {ROW}.{quote(delivered_name(column))} IS NULL"


def ticket_replies(replies: pl.DataFrame) -> pl.DataFrame:
    """The ledger's replies as `quality.tickets` reads them, numbered in the order they came."""
    return (
        replies.sort("entry_seq", "line")
        .with_columns(reply_no=pl.col("entry_seq") * 2_000_000 + pl.col("line"))
        .select(pl.col(name).cast(dtype) for name, dtype in REPLIES.items())
    )


def corrections(replies: pl.DataFrame) -> pl.DataFrame:
    """The corrections that replies ask for: of each record's field the newest answer, if it is a correction."""
    return (
        replies.sort("entry_seq", "line")
        .unique(["dataset", "record_key", "field"], keep="last", maintain_order=True)
        .filter(pl.col("verdict").replace_strict(dict(VERDICTS), default=None) == "correction")
        .select(pl.col(name).cast(dtype) for name, dtype in CORRECTIONS.items())
        .sort("dataset", "record_key", "field")
    )
