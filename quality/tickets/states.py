"""Tickets (工单): a finding's life across batches, a pure function of what was, is found and was answered.

States and who moves them are the tables below and nowhere else. A ticket is closed only by re-verification: its record
is there, and it is not found any more. A record that is gone closes nothing. The identity of a ticket is (rule,
dataset, record key, field).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Literal

import polars as pl

State = Literal["open", "returned", "reopened", "referred", "excepted", "gone", "closed"]
Answer = Literal["none", "correction", "right", "elsewhere"]

# State → its name for those who read it, and the dispute state of DB3208/T 219-2024 it stands for.
STATES: Mapping[State, tuple[str, str]] = {
    "open": ("待核实", "提出"),
    "returned": ("已返还", "受理"),
    "reopened": ("重新核实", "受理"),
    "referred": ("转交部门", "核实处理"),
    "excepted": ("数据无误", "标注"),
    "gone": ("记录已不在", "标注"),
    "closed": ("已办结", "归档"),
}

# What a township may answer → what the answer means for the ticket.
VERDICTS: Mapping[str, Answer] = {
    "采纳建议": "correction",
    "更正为": "correction",
    "数据无误": "right",
    "非本辖区": "elsewhere",
    "无法核实": "elsewhere",
}

# In these states a ticket is put into the township's package.
TO_ANSWER: tuple[State, ...] = ("open", "returned", "reopened")

_ANSWERED: Mapping[Answer, State] = {
    "correction": "reopened",  # it was corrected and is still found: the answer did not cure it
    "right": "excepted",
    "elsewhere": "referred",
}

# Whether the record of a ticket that is not found any more is there → the ticket's state, whatever was answered.
NOT_FOUND: Mapping[bool, State] = {True: "closed", False: "gone"}

# (state before, answer since then) → state when the finding is found again. For a record that comes back its last
# answer counts, whenever it was given.
FOUND: Mapping[tuple[State | None, Answer], State] = {
    (None, "none"): "open",
    ("open", "none"): "returned",
    ("returned", "none"): "returned",
    ("reopened", "none"): "reopened",
    ("referred", "none"): "referred",
    ("excepted", "none"): "excepted",
    ("gone", "none"): "open",
    ("closed", "none"): "reopened",
    **{
        (state, answer): after
        for state in ("open", "returned", "reopened", "referred", "excepted", "gone", "closed")
        for answer, after in _ANSWERED.items()
    },
}

# "The data is right" was said of what could be seen then: a ticket that is found with another observed value,
# suggestion or evidence is no exception any more.
EXCEPTION_OVER: State = "reopened"

SCHEMA = {
    "ticket_id": pl.String,
    "dataset": pl.String,
    "rule": pl.String,
    "record_key": pl.String,
    "field": pl.String,
    "state": pl.String,
    "first_batch": pl.Date,
    "last_batch": pl.Date,
    "observed": pl.String,
    "suggestion": pl.String,
    "evidence": pl.String,
    "unit_code": pl.String,
    "department": pl.String,
    "due_date": pl.Date,
    "reply": pl.String,
    "reply_value": pl.String,
    "reply_note": pl.String,
    "reply_no": pl.Int64,
    "delivered": pl.String,
    "dimension": pl.String,
    "severity": pl.String,
    "label": pl.String,
    "village_code": pl.String,
    "state_since": pl.Date,
    "times_reopened": pl.Int64,
}

REPLIES = {
    "ticket_id": pl.String,
    "reply_no": pl.Int64,
    "verdict": pl.String,
    "value": pl.String,
    "note": pl.String,
}

# Working days in which a township checks a ticket: the source's usual term in the bureau's rules.
TERM = 5

# What a ticket takes from its finding each time it is found.
FROM_FINDING = (
    "dataset", "rule", "record_key", "field", "observed", "suggestion", "evidence", "unit_code",
    "department", "dimension", "severity", "label", "village_code", "delivered",
)  # fmt: skip
_SEEN = ("observed", "suggestion", "evidence")


def no_tickets() -> pl.DataFrame:
    """The tickets before the first batch: none."""
    return pl.DataFrame(schema=SCHEMA)


def no_replies() -> pl.DataFrame:
    """An empty table of replies."""
    return pl.DataFrame(schema=REPLIES)


def tickets(
    previous: pl.DataFrame,
    findings: pl.DataFrame,
    replies: pl.DataFrame,
    batch: date,
    gone: Collection[str] = (),
) -> pl.DataFrame:
    """The tickets after a batch.

    Args:
        previous: the tickets after the batch before, columns of `SCHEMA`.
        findings: the batch's findings, each with the `ticket_id` of its identity, in row order.
        replies: every accepted reply known to the batch, columns of `REPLIES`; only those newer than what
            a ticket has already taken in (`reply_no`) move it.
        batch: the day of the turn.
        gone: the previous tickets, by their ids, whose record is not in the source any more.

    Returns:
        All tickets, closed ones included, columns of `SCHEMA`, ordered by `ticket_id`.
    """
    found = findings.unique("ticket_id", keep="first", maintain_order=True).select(
        "ticket_id", *FROM_FINDING, found=pl.lit(True)
    )
    newest = (
        replies.sort("reply_no")
        .unique("ticket_id", keep="last")
        .select("ticket_id", "reply_no", "verdict", "value", "note")
    )
    joined = (
        previous.join(found, on="ticket_id", how="full", coalesce=True, suffix="_now")
        .join(newest, on="ticket_id", how="left", suffix="_new")
        .with_columns(
            before=pl.col("state"),
            found=pl.col("found").fill_null(False),
            is_there=~pl.col("ticket_id").is_in(list(gone)),
            answered=(pl.col("reply_no_new") > pl.col("reply_no").fill_null(-1)).fill_null(False)
            & pl.col("state").is_not_null(),
        )
    )
    moved = _moved(_taken_in(joined), batch)
    return moved.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()).sort("ticket_id")


def _taken_in(joined: pl.DataFrame) -> pl.DataFrame:
    """Lay the newest reply and what was found now over what the ticket said before."""
    is_back = pl.col("found") & (pl.col("before") == "gone")
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_now")) for name in _SEEN)
    return joined.with_columns(
        reply=pl.when("answered").then("verdict").otherwise("reply"),
        reply_value=pl.when("answered").then("value").otherwise("reply_value"),
        reply_note=pl.when("answered").then("note").otherwise("reply_note"),
        reply_no=pl.when("answered").then("reply_no_new").otherwise("reply_no"),
        answer=pl.when("answered")
        .then(pl.col("verdict").replace_strict(dict(VERDICTS), default="none"))
        .when(is_back & pl.col("reply").is_not_null())
        .then(pl.col("reply").replace_strict(dict(VERDICTS), default="none"))
        .otherwise(pl.lit("none")),
        seen_anew=other & pl.col("found") & pl.col("before").is_not_null(),
    ).with_columns(pl.when("found").then(f"{name}_now").otherwise(name).alias(name) for name in FROM_FINDING)


def _moved(tickets: pl.DataFrame, batch: date) -> pl.DataFrame:
    """Move every ticket to its state after the batch, by the table."""
    table = pl.DataFrame(
        [(before, answer, after) for (before, answer), after in FOUND.items()],
        schema={"before": pl.String, "answer": pl.String, "after": pl.String},
        orient="row",
    )
    moved = tickets.join(table, on=["before", "answer"], how="left", nulls_equal=True).with_columns(
        state=pl.when(~pl.col("found") & (pl.col("is_there") | (pl.col("before") == "closed")))
        .then(pl.lit(NOT_FOUND[True]))
        .when(~pl.col("found"))
        .then(pl.lit(NOT_FOUND[False]))
        .when((pl.col("after") == "excepted") & pl.col("seen_anew"))
        .then(pl.lit(EXCEPTION_OVER))
        .otherwise("after")
    )
    entered = pl.col("state").ne_missing(pl.col("before"))
    # An answer that did not cure puts the question again, even where the ticket was reopened already.
    raised = pl.col("state").is_in(["open", "reopened"]) & (entered | (pl.col("answer") != "none"))
    today = pl.lit(batch)
    # The day of the batch does not count, whether it is a working day or not (Civil Code, article 201).
    term = today.dt.add_business_days(TERM, roll="backward")
    return moved.with_columns(
        first_batch=pl.col("first_batch").fill_null(today),
        last_batch=pl.when("found").then(today).otherwise("last_batch"),
        state_since=pl.when(entered | raised).then(today).otherwise("state_since"),
        due_date=pl.when(raised).then(term).otherwise("due_date"),
        times_reopened=pl.col("times_reopened").fill_null(0)
        + (raised & (pl.col("state") == "reopened")).cast(pl.Int64),
    )
