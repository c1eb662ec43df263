"""Effects of accepted replies: they move tickets, and correct the values that departments delivered.

This module turns replies into the input tables of `quality.tickets.states` and `warehouse.standard.standardise`, and
reads the results back. `returns.replies.reply_validation` decides whether an answer is accepted.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from quality.tickets.states import REPLIES, VERDICTS
from returns.workbook.model import MAX_ROWS
from schemas.contract.library import Library
from schemas.emit.sql import literal
from warehouse.lake.layers import Layer
from warehouse.lake.store import Lake
from warehouse.standard.standardise import CORRECTIONS


def ticket_replies(replies: pl.DataFrame) -> pl.DataFrame:
    """The ledger's replies as `quality.tickets.states` reads them, numbered in the order they came.

    `act` and not `entry_seq` gives the order: the number must not change with how many queries came between.
    """
    return (
        replies.sort("act", "line")
        .with_columns(reply_no=pl.col("act") * (MAX_ROWS + 1) + pl.col("line"))
        .select(pl.col(name).cast(dtype) for name, dtype in REPLIES.items())
    )


def corrections(replies: pl.DataFrame) -> pl.DataFrame:
    """What replies put in place of what is delivered: of each record's field the newest answer decides.

    A correction puts its value there. "The data is right" leaves what the township saw: the delivered value,
    which takes an earlier correction back, or what an earlier correction had put there, which confirms it.
    Any other answer takes an earlier correction back.

    Args:
        replies: columns of the ledger's replies; `delivered` is what the source delivered at the time.

    Returns:
        Columns of `warehouse.standard.standardise.CORRECTIONS`, one row per record and field.
    """
    meaning = pl.col("verdict").replace_strict(dict(VERDICTS), default=None)
    stands = pl.when(meaning == "correction").then("value").when(meaning == "right").then("observed")
    return (
        replies.sort("entry_seq", "line")
        .unique(["dataset", "record_key", "field"], keep="last", maintain_order=True)
        .with_columns(value=stands)
        .filter(pl.col("value").is_not_null() & pl.col("value").ne_missing(pl.col("delivered")))
        .select(pl.col(name).cast(dtype) for name, dtype in CORRECTIONS.items())
        .sort("dataset", "record_key", "field")
    )


def corrections_in_force(lake: Lake, library: Library, batch: date) -> str:
    """The corrections that hold on a batch's day, as a query: dataset, record_key, field, delivered."""
    parts = ["SELECT '' AS dataset, '' AS record_key, '' AS field, '' AS delivered WHERE false"]
    parts += [
        f"SELECT DISTINCT {literal(contract.id)} AS dataset, record_key, entry.key AS field, "
        f"entry.value AS delivered FROM (SELECT record_key, unnest(map_entries(_corrected)) AS entry "
        f"FROM {table.scan} WHERE _corrected IS NOT NULL)"
        for contract in library
        if (table := lake.as_of(Layer.STANDARD, contract.id, batch)) is not None
    ]
    return " UNION ALL ".join(parts)
