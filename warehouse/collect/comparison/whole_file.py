"""The whole-file comparison: compare a delivery with the extract in force, in one pass over rows and one over keys.

If only the changed rows of a snapshot were read, only the changed and the removed rows are measured. The unchanged
rows are the same in both files; the manifest of the extract in force keeps their measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import polars as pl

from schemas.contract.model import Contract
from schemas.emit.sql import quote
from warehouse.collect.comparison.checks import FEW
from warehouse.collect.comparison.history import NO_HISTORY, read_history
from warehouse.collect.comparison.judgement import Compared, Problem, judge, shares_of
from warehouse.collect.comparison.measures import Measures, measure, read_measures
from warehouse.collect.comparison.pairs import Sides, compare_pairs
from warehouse.incremental.context import BatchContext
from warehouse.lake.partition import Partition

MEASURES, HISTORY = "measures", "history"
"""The facts of an extract that hold the measures of the dataset, and by how much its deliveries differed."""

# A column that is empty in at most this share of the rows is filled in every row of the source.
_RARELY_EMPTY = 0.001

_UNREAD_GONE = "gone_from_file"


@dataclass(frozen=True)
class Delivery:
    """The rows of a delivery.

    Attributes:
        rows: a relation with `_row` and the delivered columns as text; only the changed rows if `reread`.
        spared: the number of rows that were not read because they equal rows in force.
        sheets: worksheet → rows, if several sheets are read as one.
        last: a relation of the last row, if the file ends without a line break; None for any other file.
        is_last_short: whether that row has fewer cells than the headings.
        reread: whether only changed rows were read; the table `same` lists the others.
    """

    rows: str
    spared: int
    sheets: Mapping[str, int]
    last: str | None = None
    is_last_short: bool = False
    reread: bool = False


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison: the failed checks, and the facts for the manifest."""

    problems: tuple[Problem, ...]
    facts: Mapping[str, object]

    @property
    def holding(self) -> tuple[Problem, ...]:
        """The problems for which the delivery is held."""
        return tuple(problem for problem in self.problems if not problem.warns_only)


NOTHING_COMPARED = Comparison((), {})

# A delta is not checked for frequent values or repeated keys.
_CHECKS_OF_CHANGES = ("masked", "scientific", "form", "cut_off")


def compare_file(
    context: BatchContext,
    contract: Contract,
    delivery: Delivery,
    in_force: Partition | None,
    *,
    is_whole: bool = True,
) -> Comparison:
    """Compare a delivery as a whole with the rows in force.

    Args:
        context: the batch; the delivery's rows are visible to its connection.
        contract: the dataset's contract.
        delivery: the rows.
        in_force: the newest earlier extract that holds every row; None if there is no such extract.
        is_whole: True for a snapshot, False for a delta.
    """
    connection = context.connection
    read = measure(connection, contract, delivery.rows, delivery.sheets)
    then = None if in_force is None else _measures_of(context, contract, in_force)
    history = NO_HISTORY if in_force is None else read_history(in_force.facts.get(HISTORY))
    now, pairs = read, None
    try:
        if in_force is not None and then is not None:
            gone = in_force.scan
            if delivery.reread:
                gone = quote(_UNREAD_GONE)
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {gone} AS {_gone(contract, in_force)}")
                now = then.amended(measure(connection, contract, gone, {}), read)
            sides = Sides(delivery.rows, gone, delivery.spared)
            pairs = compare_pairs(context, contract, sides)
    finally:
        connection.execute(f"DROP TABLE IF EXISTS {quote(_UNREAD_GONE)}")
    compared = Compared(
        contract,
        now,
        then,
        pairs,
        history,
        _is_cut_off(context, contract, delivery, now),
        partial(_place_name, context),
        context.library.is_register(contract),
    )
    problems = judge(compared)
    if not is_whole:
        return Comparison(tuple(p for p in problems if p.check in _CHECKS_OF_CHANGES), {})
    extended = history.extended(shares_of(compared)) if then is not None else history
    return Comparison(tuple(problems), {MEASURES: now.as_facts(), HISTORY: extended.as_facts()})


def _place_name(context: BatchContext, code: str) -> str:
    """The name of a county or township; its code if the table of divisions lacks it."""
    divisions = context.codes.load("division").rows
    labels = divisions.filter(pl.col("code") == code).get_column("label")
    return str(labels[-1]) if labels.len() else code


def _is_cut_off(context: BatchContext, contract: Contract, delivery: Delivery, now: Measures) -> bool:
    """Whether the last line has no line break and lacks cells that all other rows have.

    Example: the file ends with `37060219900101123X,王`, while 2,989 rows have ten cells.
    """
    if delivery.last is None or now.rows < 2 * FEW:
        return False
    if delivery.is_last_short:
        return True
    always = [
        column
        for column in contract.delivered_columns
        if now.counts.get(f"empty.{column.name}", 0) <= max(1, _RARELY_EMPTY * now.rows)
    ]
    lacking = " OR ".join(f"{quote(column.name)} IS NULL" for column in always) or "false"
    return bool(context.connection.execute(f"SELECT {lacking} FROM {delivery.last}").fetchall()[0][0])


def _measures_of(context: BatchContext, contract: Contract, in_force: Partition) -> Measures:
    """The measures of the rows in force: from the manifest, or measured again if the contract has changed."""
    kept = read_measures(in_force.facts.get(MEASURES))
    if kept is not None and in_force.inputs["contract"] == contract.digest:
        return kept
    return measure(context.connection, contract, in_force.scan, {})


def _gone(contract: Contract, in_force: Partition) -> str:
    """SQL of the rows in force that the delivery no longer has."""
    columns = ", ".join(quote(column.name) for column in contract.delivered_columns)
    return (
        f"SELECT _row, {columns} FROM {in_force.scan} "
        "WHERE _row NOT IN (SELECT base_row FROM same WHERE base_row IS NOT NULL)"
    )
