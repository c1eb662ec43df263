"""Judging answers: which are accepted, which refused and why, and the value that each stands for.

The reasons and their order are the list in `_reasons`. A person reads them beside the row: each says what is
wrong and what to do. Where answers come from and what becomes of them is `returns.replies.take_in`.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import polars as pl

from quality.rules.rule import ROW, RuleCheck, checks
from quality.tickets.states import STATES, TO_ANSWER, VERDICTS
from returns.packages.labels import labelled
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import Column
from schemas.emit.spreadsheet import restore_text
from schemas.emit.sql import literal, quote
from schemas.kinds import Judgement, load_kinds
from warehouse.standard.values import delivered_name, shown, value_of

# What `judge` is given of each row of the sheet, beside its number `line`.
ANSWER_COLUMNS = ("ticket_id", "seen", "seen_suggestion", "verdict", "typed", "note")

ADOPT, CORRECT = "采纳建议", "更正为"

# The built-in rules that a typed value must pass by itself, whatever stands in the rest of its row; what becomes of one
# that its semantic kind judges wrong is said in the kind's declaration.
VALUE_RULES = ("type", "length", "pattern", "range", "code_table")

_OF_TICKET = ("dataset", "rule", "record_key", "field", "state", "observed", "suggestion", "delivered")

_NONE = pl.lit(None, pl.String)
_RESTORE = "请按下发的工作簿恢复；需要更正的，请选“更正为”并填写“更正值”"

# A text longer than this may have been cut on its way into a cell.
_COMPARED = 16_000


def judge(
    connection: duckdb.DuckDBPyConnection,
    library: Library,
    codes: CodeLibrary,
    answers: pl.DataFrame,
    tickets: pl.DataFrame,
    *,
    older: bool,
) -> pl.DataFrame:
    """Every answer with its ticket, the value it stands for, and the reason if it is refused.

    Args:
        connection: with the function library and the code tables.
        library: the contracts.
        codes: the code tables.
        answers: `line`, the columns of `ANSWER_COLUMNS`, `rounded`: whether a typed number lost digits, and
            `issued`: whether the ticket was issued in the workbook that came back.
        tickets: the tickets of the unit that answers, columns of `quality.tickets.states.SCHEMA`.
        older: whether the sheet was made for an earlier batch than the tickets are of.

    Returns:
        The answers in their order with what is known of their tickets, `corrected` (the typed value in
        standard form), `value` (what an accepted correction puts in place, else what was typed) and `reason`
        (Chinese; null for an accepted answer and for a row without one).
    """
    # What contracts no longer have cannot be corrected, and is not found again.
    known = _still_declared(tickets, library).select("ticket_id", *_OF_TICKET)
    rows = answers.join(known, on="ticket_id", how="left")
    typed = pl.col("verdict").eq_missing(CORRECT) & pl.col("typed").is_not_null()
    values = _values(connection, library, codes, rows.filter(typed & pl.col("dataset").is_not_null()))
    rows = rows.join(values, on="line", how="left").sort("line")
    rows = _beside_the_ticket(rows, library, codes).with_columns(
        meaning=pl.col("verdict").replace_strict(dict(VERDICTS), default=None),
        value=pl.when(verdict=ADOPT).then("suggestion").when(verdict=CORRECT).then("corrected"),
        state_title=pl.col("state").replace_strict(
            {s: names[0] for s, names in STATES.items()}, default=None
        ),
    )
    rows = rows.with_columns(reason=_reason(older=older))
    rows = rows.with_columns(reason=pl.coalesce("reason", _contradiction()))
    return rows.with_columns(value=pl.when(pl.col("reason").is_null()).then("value").otherwise("typed"))


def _reason(*, older: bool) -> pl.Expr:
    """Why an answer is refused: the first reason of the list that holds, null where nothing is wrong."""
    verdict, typed, meaning = pl.col("verdict"), pl.col("typed"), pl.col("meaning")
    correction = verdict == CORRECT
    stale = (
        "该工单的现值或建议值在下发后有变化，请下载最新批次的工作簿，重新核实后填写"
        if older
        else f"“现值”或“建议值”与下发的不一致，{_RESTORE}"
    )
    # In an older workbook the ticket itself may have changed since.
    waits = pl.col("issued") & pl.col("state").is_in(TO_ANSWER)
    alone = pl.len().over("ticket_id") == 1
    edited = pl.lit(not older) & waits & pl.col("changed") & alone
    same_ticket = verdict.is_not_null().sum().over("ticket_id") > 1
    reasons: list[tuple[pl.Expr, pl.Expr | str]] = [
        (verdict.is_null() & pl.col("ticket_id").is_null(), _NONE),
        (verdict.is_null() & typed.is_not_null(), "填了“更正值”但没有选择“处理结果”，请选择“更正为”"),
        (
            verdict.is_null() & pl.col("note").is_not_null(),
            "填了“说明”但没有选择“处理结果”，请从下拉列表中选择",
        ),
        (verdict.is_null() & edited, f"“现值”或“建议值”被改动，没有读取。{_RESTORE}"),
        (verdict.is_null(), _NONE),
        (meaning.is_null(), pl.format("“处理结果”不能填“{}”，请从下拉列表中选择", verdict)),
        (pl.col("ticket_id").is_null(), "缺少工单号，请按下发的工作簿恢复"),
        (pl.col("state").is_null(), "工单号不存在或不属于本镇街，请按下发的工作簿核对"),
        (~pl.col("issued"), "该工单不是这份工作簿下发的，请在下发该工单的工作簿中填写"),
        (
            ~pl.col("state").is_in(TO_ANSWER),
            pl.format("该工单目前的状态是“{}”，不需再答复", "state_title"),
        ),
        (same_ticket, "同一工单号有多行答复，请只保留一行"),
        ((meaning != "elsewhere") & pl.col("changed"), stale),
        (
            (verdict == ADOPT) & pl.col("suggestion").is_null(),
            "该工单没有建议值，请改选“更正为”并填写更正值，或选其他处理结果",
        ),
        (
            ~correction & typed.is_not_null(),
            pl.format("处理结果为“{}”时不应填写“更正值”；要更正请选“更正为”", verdict),
        ),
        (correction & typed.is_null(), "处理结果为“更正为”时必须填写“更正值”"),
        (
            correction & pl.col("rounded"),
            "更正值超过 15 位且是数字格式，后几位已经丢失；请把单元格设为文本格式后重新填写",
        ),
        (correction & pl.col("fault").is_not_null(), pl.format("更正值未通过校核：{}", "fault")),
        (
            correction & pl.col("doubt").is_not_null() & pl.col("note").is_null(),
            pl.format("更正值存疑：{}；确与证照一致的，请在“说明”里写明依据", "doubt"),
        ),
        (
            correction & (pl.col("corrected") == pl.col("observed")),
            "更正值与现值相同；如现值正确，请选“数据无误”",
        ),
    ]
    chosen = _NONE
    for condition, reason in reversed(reasons):
        chosen = (
            pl.when(condition).then(pl.lit(reason) if isinstance(reason, str) else reason).otherwise(chosen)
        )
    return chosen


def _contradiction() -> pl.Expr:
    """Two tickets of one field, answered at once in ways that cannot both hold."""
    counts = pl.col("reason").is_null() & pl.col("meaning").is_not_null()
    effect = pl.when(pl.col("meaning") == "correction").then("value").otherwise(pl.lit(""))
    effects = pl.when(counts).then(effect).drop_nulls().n_unique().over("dataset", "record_key", "field")
    return pl.when(counts & (effects > 1)).then(
        pl.lit("同一条记录的同一字段有几张工单，答复互相矛盾，请统一后重新提交")
    )


def _still_declared(tickets: pl.DataFrame, library: Library) -> pl.DataFrame:
    fields = pl.DataFrame(
        [(contract.id, column.name) for contract in library for column in contract.delivered_columns],
        schema={"dataset": pl.String, "field": pl.String},
        orient="row",
    )
    return tickets.join(fields, on=["dataset", "field"], how="semi")


def _beside_the_ticket(rows: pl.DataFrame, library: Library, codes: CodeLibrary) -> pl.DataFrame:
    """Whether what the sheet shows of a ticket (`changed`) is still what the ticket says."""
    now = labelled(
        rows.select("line", "dataset", "field", "observed", "suggestion"),
        ("observed", "suggestion"),
        library,
        codes,
    ).select("line", now="observed", now_suggestion="suggestion")
    return (
        rows.join(now, on="line", how="left", maintain_order="left")
        .with_columns(
            changed=_differs("seen", "now") | _differs("seen_suggestion", "now_suggestion"),
        )
        .drop("now", "now_suggestion")
    )


def _differs(seen: str, now: str) -> pl.Expr:
    """Whether what a row shows is not what the ticket says, also if the row was copied from the CSV file."""
    copied = restore_text(pl.col(seen))
    return comparable(seen).ne_missing(comparable(now)) & _comparable(copied).ne_missing(comparable(now))


def comparable(name: str) -> pl.Expr:
    """A text as it compares after its way through a workbook and other people's programs.

    Blanks, line ends and invisible characters do not count, nor a midnight behind a date, nor what stands
    behind the place where a cell's text is cut; an empty text counts as no value.
    """
    return _comparable(pl.col(name))


def _comparable(text: pl.Expr) -> pl.Expr:
    return (
        text.str.head(_COMPARED)
        .str.replace_all(r"[\s\p{C}\x{FFFD}]", "")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})00:00:00$", "$1")
        .replace("", None)
    )


def _values(
    connection: duckdb.DuckDBPyConnection, library: Library, codes: CodeLibrary, typed: pl.DataFrame
) -> pl.DataFrame:
    """For each typed value: its standard form (`corrected`), the first rule it breaks (`fault`), and a doubt (`doubt`).

    A value with a doubt may still be right: it needs a note.

    A set at a time: all values of one column of one dataset go through the column's own SQL together.
    """
    parts = [
        pl.DataFrame(
            schema={"line": pl.Int64, "corrected": pl.String, "fault": pl.String, "doubt": pl.String}
        )
    ]
    for (dataset, field), group in typed.group_by("dataset", "field", maintain_order=True):
        contract = library[str(dataset)]
        column = contract.column(str(field))
        own = [check for check in checks(contract, library, codes) if _judges_alone(check, column)]
        connection.register("typed_values", group.select("line", "typed"))
        parts.append(connection.execute(_values_query(column, own, codes)).pl())
        connection.unregister("typed_values")
    return pl.concat(parts)


def _judges_alone(check: RuleCheck, column: Column) -> bool:
    return check.rule.field == column.name and check.rule.name in {*VALUE_RULES, *_judgements(column)}


def _judgements(column: Column) -> dict[str, Judgement]:
    """What judges the column's kind, by the name of the rule."""
    kind = load_kinds()[column.kind] if column.kind is not None else None
    return {judgement.rule: judgement for judgement in kind.judgements} if kind else {}


def _first_broken(checks: Iterable[RuleCheck]) -> str:
    """The SQL of the first message that holds, NULL where none does."""
    cases = " ".join(f"WHEN {check.violates} THEN {literal(check.rule.description)}" for check in checks)
    return f"CASE {cases} END" if cases else "CAST(NULL AS VARCHAR)"


def _values_query(column: Column, own: list[RuleCheck], codes: CodeLibrary) -> str:
    lookups = {lookup.alias: lookup for check in own for lookup in check.lookups}
    joins = " ".join(
        f"LEFT JOIN ({lookup.filled(_no_table)}) AS {quote(lookup.alias)} ON {lookup.on}"
        for lookup in lookups.values()
    )
    explained = {rule for rule, judgement in _judgements(column).items() if judgement.typed == "explain"}
    fault = _first_broken(check for check in own if check.rule.name not in explained)
    doubt = _first_broken(check for check in own if check.rule.name in explained)
    return f"""
SELECT line, {shown(f"{ROW}.{quote(column.name)}", column.type)} AS corrected,
  CASE WHEN {_empty(column)} THEN '更正值不能为空' ELSE {fault} END AS fault, {doubt} AS doubt
FROM (SELECT line, {_converted(column, codes)} FROM typed_values) AS {ROW} {joins}
"""


def _no_table(dataset: str) -> str:
    """Rules that judge a value alone look at code tables only.

    Raises:
        LookupError: one looks at a dataset.
    """
    raise LookupError(f"a rule of a value alone looks at {dataset}")


def _converted(column: Column, codes: CodeLibrary) -> str:
    value = value_of(column, "typed", codes)
    text = f"{value} AS {quote(column.name)}"
    if column.type == "string":
        return text
    kept = f"CASE WHEN {value} IS NULL THEN clean_text(typed) END AS {quote(delivered_name(column))}"
    return f"{text}, {kept}"


def _empty(column: Column) -> str:
    value = f"{ROW}.{quote(column.name)} IS NULL"
    if column.type == "string":
        return value
    return f"{value} AND {ROW}.{quote(delivered_name(column))} IS NULL"
