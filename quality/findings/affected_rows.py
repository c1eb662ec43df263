"""Affected rows: rows of a dataset whose findings may differ from the findings of the batch before.

A rule looks at a row, at rows of tables that share a key with it, or at the day; a finding goes to the township that
the row, or a row with the same key, names. The findings of an unchanged row stay as long as no row that shares a key
with it has changed, and no date of a rule has been reached (`quality.rules.date_triggers`).
If a rule's dates cannot be known, the rule runs on every row again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from quality.rules.date_triggers import DateTrigger, coming_true
from quality.rules.plan import VerificationPlan
from quality.rules.rule import ROW, RuleCheck
from schemas.emit.sql import literal, quote
from warehouse.incremental.inputs import Predecessor
from warehouse.lake.layers import Input
from warehouse.lake.partition import Changes, Partition

# A dataset, the columns that rows are found by there, and those of the row at hand that they equal.
_Way = tuple[str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Reach:
    """How far what changed reaches.

    Attributes:
        before: the findings before.
        changes: dataset → its changes since the findings before, of those whose changes are known.
        again: the checks that are asked of affected rows only.
        whole: the checks that are asked of every row.
        days: the days of the batch before and of this one.
    """

    before: Partition
    changes: Mapping[str, Changes]
    again: Sequence[RuleCheck]
    whole: Sequence[RuleCheck]
    days: tuple[date, date]


def reach_of(
    before: Predecessor, plan: VerificationPlan, tables: Mapping[str, Partition], batch: date
) -> Reach | None:
    """How far what changed since the findings before reaches.

    Args:
        before: the findings of the batch before, found by the same plan.
        plan: how the dataset is verified.
        tables: dataset → its standard table now, of all that were ever delivered.
        batch: the day of the batch.

    Returns:
        None when any row may be affected: the changes of the dataset, or of one that leads to townships, are not known.
    """
    leading = {dataset for dataset, _, _ in plan.ways}
    changes = {
        dataset: change
        for dataset in plan.datasets & tables.keys()
        if (change := before.changes(tables[dataset])) is not None
    }
    if not {plan.contract.id, *leading} <= changes.keys():
        return None
    again = [
        check for check in plan.checks if check.datasets <= changes.keys() and _coming(check) is not None
    ]
    since = before.value(Input.BATCH)
    return Reach(
        before.partition,
        changes,
        again,
        [check for check in plan.checks if check not in again],
        (date.fromisoformat(since) if since else batch, batch),
    )


def affected_rows(reach: Reach, plan: VerificationPlan, tables: Mapping[str, Partition]) -> str:
    """The SQL of the numbers of affected rows, in the column `_row`; those of rows that are gone are among them."""
    table = tables[plan.contract.id]
    dated = [check for check in reach.again if check.uses_batch_date]
    numbers = [
        *_changed(reach, plan, tables),
        *_reached(dated, table, reach.days),
        *_judged_by_day(dated, reach.before),
    ]
    return " UNION ".join(numbers)


def _coming(check: RuleCheck) -> frozenset[DateTrigger] | None:
    return coming_true(check.violates) if check.uses_batch_date else frozenset()


def _changed(reach: Reach, plan: VerificationPlan, tables: Mapping[str, Partition]) -> Iterator[str]:
    """The rows that have changed, and those beside which rows have, or a date has been reached."""
    own = reach.changes[plan.contract.id]
    yield f"SELECT _row FROM {own.lost} UNION SELECT _row FROM {own.gained}"
    reached: dict[_Way, set[str]] = {(d, (key,), (by,)): set() for d, key, by in plan.ways}
    for check in reach.again:
        for lookup in check.lookups:
            if lookup.dataset is not None:
                comes = [c.between(*reach.days) for c in _coming(check) or () if c.alias == lookup.alias]
                reached.setdefault((lookup.dataset, lookup.keys, lookup.by), set()).update(comes)
    for (dataset, keys, by), dates in sorted(reached.items()):
        named, here = ", ".join(map(quote, keys)), ", ".join(map(quote, by))
        change, parts = reach.changes[dataset], []
        if change.any:
            parts += [f"SELECT ({named}) FROM {rows}" for rows in (change.lost, change.gained)]
        if dates:
            parts.append(f"SELECT ({named}) FROM {tables[dataset].scan} WHERE {_either(dates)}")
        if parts:
            found = " UNION ALL ".join(parts)
            yield f"SELECT _row FROM {tables[plan.contract.id].scan} WHERE ({here}) IN ({found})"


def _reached(dated: Sequence[RuleCheck], table: Partition, days: tuple[date, date]) -> Iterator[str]:
    """The rows with a date that has been reached."""
    dates = {c.between(*days) for check in dated for c in _coming(check) or () if c.alias == ROW}
    if dates:
        yield f"SELECT _row FROM {table.scan} WHERE {_either(dates)}"


def _judged_by_day(dated: Sequence[RuleCheck], before: Partition) -> Iterator[str]:
    """The rows in which something was found that may have passed, or may read otherwise today."""
    if dated:
        rules = ", ".join(f"({literal(c.rule.name)}, {literal(c.rule.field)})" for c in dated)
        yield f"SELECT _row FROM {before.scan} WHERE (rule, field) IN ({rules})"


def _either(conditions: Collection[str]) -> str:
    return " OR ".join(sorted(conditions))
