"""Affected rows: those of a dataset whose findings may be others than when it was verified before.

A rule looks at a row, at rows of tables that share a key with it, or at the day; a finding goes to the township that
the row, or one sharing a key with it, names. What was found before stays for a row that has not changed, as long as no
row found by its keys has changed either, and no date of a rule has been reached (`quality.days`). A rule of which that
cannot be told is asked of every row again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from quality.days import Coming, coming_true
from quality.routing import ways_through
from quality.rules import ROW, Check
from schemas.contract import Contract
from schemas.emit.sql import literal, quote
from schemas.library import Library
from warehouse.lake import Lake
from warehouse.partition import Changes, Partition
from warehouse.touched import are_few

# A dataset, the columns that rows are found by there, and those of the row at hand that they equal.
_Way = tuple[str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Affected:
    """What has to be judged again, beside the findings `before`.

    `numbers` is a query of the affected rows' numbers, also of those that are gone, of which the checks in `again` have
    to be asked if there can be `any`; those in `whole` have to be asked of all rows.
    """

    before: Partition
    numbers: str
    any: bool
    again: Sequence[Check]
    whole: Sequence[Check]


def affected_rows(
    lake: Lake,
    before: Partition | None,
    contract: Contract,
    library: Library,
    todo: Sequence[Check],
    tables: Mapping[str, Partition],
    program: Mapping[str, str],
    batch: date,
) -> Affected | None:
    """What has to be judged again of a dataset.

    Args:
        lake: where the tables lie that the findings before were found in.
        before: the findings of the batch before.
        contract: the dataset's contract.
        library: all contracts.
        todo: its checks.
        tables: dataset → its standard table now, of all that were ever delivered.
        program: what must be the same for findings to be the same, by their names among the inputs of findings.
        batch: the day of the turn.

    Returns:
        None when everything has to: nothing was found before, or by other rules, or in rows of which nothing is known,
        or in few; or what leads to the townships has been made anew.
    """
    if before is None or any(before.inputs.get(name) != value for name, value in program.items()):
        return None
    if are_few([tables[contract.id]]):
        return None
    leading: list[_Way] = [(d, (key,), (by,)) for d, key, by in ways_through(contract, library, tables)]
    read = {contract.id}.union(*(check.datasets for check in todo), (dataset for dataset, _, _ in leading))
    changes = {
        dataset: change
        for dataset in read
        if (change := _since(lake, before, dataset, tables[dataset])) is not None
    }
    if any(dataset not in changes for dataset in (contract.id, *(way[0] for way in leading))):
        return None
    again = [check for check in todo if check.datasets <= changes.keys() and _coming(check) is not None]
    dated = [check for check in again if check.uses_batch_date]
    since = date.fromisoformat(before.inputs["day"]) if dated else batch
    numbers = [
        *_changed(contract, again, leading, changes, tables, (since, batch)),
        *_reached(dated, tables[contract.id], (since, batch)),
        *_judged_by_day(dated, before),
    ]
    some = bool(dated) or any(change.any for change in changes.values())
    return Affected(before, " UNION ".join(numbers), some, again, [c for c in todo if c not in again])


def _since(lake: Lake, before: Partition, dataset: str, now: Partition) -> Changes | None:
    """What a standard table holds otherwise than when the findings before were made."""
    then = lake.with_fingerprint("standard", dataset, before.batch, before.inputs.get(f"standard/{dataset}"))
    return now.changes(then) if then is not None else None


def _coming(check: Check) -> frozenset[Coming] | None:
    return coming_true(check.violates) if check.uses_batch_date else frozenset()


def _changed(
    contract: Contract,
    again: Sequence[Check],
    leading: Sequence[_Way],
    changes: Mapping[str, Changes],
    tables: Mapping[str, Partition],
    days: tuple[date, date],
) -> Iterator[str]:
    """The rows that have changed, and those beside which rows have, or a date has been reached."""
    own = changes[contract.id]
    yield f"SELECT _row FROM {own.lost} UNION SELECT _row FROM {own.gained}"
    reached: dict[_Way, set[str]] = {way: set() for way in leading}
    for check in again:
        for lookup in check.lookups:
            if lookup.dataset is not None:
                comes = [c.between(*days) for c in _coming(check) or () if c.alias == lookup.alias]
                reached.setdefault((lookup.dataset, lookup.keys, lookup.by), set()).update(comes)
    for (dataset, keys, by), dates in sorted(reached.items()):
        named, here = ", ".join(map(quote, keys)), ", ".join(map(quote, by))
        change, parts = changes[dataset], []
        if change.any:
            parts += [f"SELECT ({named}) FROM {rows}" for rows in (change.lost, change.gained)]
        if dates:
            parts.append(f"SELECT ({named}) FROM {tables[dataset].scan} WHERE {_either(dates)}")
        if parts:
            found = " UNION ALL ".join(parts)
            yield f"SELECT _row FROM {tables[contract.id].scan} WHERE ({here}) IN ({found})"


def _reached(dated: Sequence[Check], table: Partition, days: tuple[date, date]) -> Iterator[str]:
    """The rows of which a date has been reached."""
    dates = {c.between(*days) for check in dated for c in _coming(check) or () if c.alias == ROW}
    if dates:
        yield f"SELECT _row FROM {table.scan} WHERE {_either(dates)}"


def _judged_by_day(dated: Sequence[Check], before: Partition) -> Iterator[str]:
    """The rows in which something was found that may have passed, or may read otherwise today."""
    if dated:
        rules = ", ".join(f"({literal(c.rule.name)}, {literal(c.rule.field)})" for c in dated)
        yield f"SELECT _row FROM {before.scan} WHERE (rule, field) IN ({rules})"


def _either(conditions: Collection[str]) -> str:
    return " OR ".join(sorted(conditions))
