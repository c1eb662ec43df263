"""Date triggers: rows for which a condition changes its result only because days have passed.

For `inspected_until < batch_date` these are the rows with a date between the two days. `registered_on > batch_date`
becomes true for no row. `age_at(birth_date, batch_date) < 16` becomes true for no row: nobody grows younger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from sqlglot import exp

from quality.rules.rule import ROW
from schemas.emit.sql import quote
from schemas.expressions.parse import BATCH_DATE, parse


@dataclass(frozen=True)
class DateTrigger:
    """A condition comes true on the day that is so many days after the one in a column, or on the next.

    `alias` is that of the row at hand, or of a lookup beside it.
    """

    alias: str
    column: str
    after: int

    def between(self, since: date, until: date) -> str:
        """The SQL, over the table of the column, that holds for all rows for which it came true between two days."""
        first, last = (day - timedelta(days=self.after) for day in (since, until))
        return f"{quote(self.column)} BETWEEN DATE '{first.isoformat()}' AND DATE '{last.isoformat()}'"


@cache
def coming_true(condition: str) -> frozenset[DateTrigger] | None:
    """Where a condition that looks at the day may come true for a row that has not changed, merely as days pass.

    Returns:
        None when the dates cannot be known: the condition may become true for any row.
    """
    return _coming(parse(condition).unnest())


def _coming(tree: exp.Expr) -> frozenset[DateTrigger] | None:
    if not _asks_the_day(tree):
        return frozenset()
    if isinstance(tree, exp.And):
        # Of what must hold together something has to come true.
        parts = [_coming(part) for part in tree.flatten()]
        known = [part for part in parts if part is not None]
        return frozenset().union(*known) if len(known) == len(parts) else None
    if isinstance(tree, exp.LT | exp.LTE):
        return _below(tree.left.unnest(), tree.right.unnest())
    if isinstance(tree, exp.GT | exp.GTE):
        return _below(tree.right.unnest(), tree.left.unnest())
    return None


def _below(low: exp.Expr, high: exp.Expr) -> frozenset[DateTrigger] | None:
    """Of `low < high` or `low <= high`."""
    if not _asks_the_day(high):
        return frozenset() if _grows(low) else None
    shift = _shift(high)
    if shift is None or not isinstance(low, exp.Column) or _asks_the_day(low):
        return None
    return frozenset([DateTrigger(low.table, low.name, -shift)])


def _grows(value: exp.Expr) -> bool:
    """Whether a value only ever becomes greater as days pass."""
    if isinstance(value, exp.Anonymous) and value.name.lower() == "age_at":
        birth, day = value.expressions
        return not _asks_the_day(birth) and _shift(day.unnest()) is not None
    return _shift(value) is not None


def _shift(value: exp.Expr) -> int | None:
    """How many days a value is after the batch's day; None if it is not the day and a number."""
    if _is_the_day(value):
        return 0
    if isinstance(value, exp.Add | exp.Sub) and _is_the_day(value.left) and value.right.is_int:
        days = int(value.right.to_py())
        return -days if isinstance(value, exp.Sub) else days
    return None


def _is_the_day(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and (node.table, node.name) == (ROW, BATCH_DATE)


def _asks_the_day(tree: exp.Expr) -> bool:
    return any(_is_the_day(column) for column in tree.find_all(exp.Column))
