"""Affected rows: those of a dataset that may be judged otherwise than when it was verified before.

A rule looks at a row, at rows of tables that share a key with it, or at the day. What was found before stays for a row
that has not changed, as long as no row that a rule finds by its keys has changed either; rules that look at the day are
asked of every row again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from quality.rules import Check
from schemas.contract import Contract
from schemas.emit.sql import quote
from warehouse.lake import Lake
from warehouse.partition import Changes, Partition
from warehouse.touched import are_few


@dataclass(frozen=True)
class Affected:
    """What has to be judged again, beside the findings `before`.

    `numbers` is a query of the affected rows' numbers, of which the checks in `again` have to be asked if there can be
    `any`; those in `whole` have to be asked of all rows.
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
    todo: Sequence[Check],
    tables: Mapping[str, Partition],
    program: Mapping[str, str],
) -> Affected | None:
    """What has to be judged again of a dataset.

    Args:
        lake: where the tables lie that the findings before were found in.
        before: the findings of the batch before.
        contract: the dataset's contract.
        todo: its checks.
        tables: dataset → its standard table now, of all that the checks read.
        program: what must be the same for findings to be the same, by their names among the inputs of findings.

    Returns:
        None when everything has to: nothing was found before, or by other rules, or in rows of which nothing is known,
        or in few.
    """
    if before is None or any(before.inputs.get(name) != value for name, value in program.items()):
        return None
    if are_few([tables[contract.id]]):
        return None
    read = {contract.id}.union(*(check.datasets for check in todo))
    changes = {dataset: _since(lake, before, dataset, tables[dataset]) for dataset in read}
    own = changes[contract.id]
    if own is None:
        return None
    again = [c for c in todo if not c.uses_batch_date and all(changes[d] is not None for d in c.datasets)]
    known = {dataset: change for dataset, change in changes.items() if change is not None}
    table = tables[contract.id].scan
    numbers = " UNION ".join(_numbers(again, known, own, table))
    some = any(change.any for change in known.values())
    return Affected(before, numbers, some, again, [check for check in todo if check not in again])


def _since(lake: Lake, before: Partition, dataset: str, now: Partition) -> Changes | None:
    """What a standard table holds otherwise than when the findings before were made."""
    then = lake.with_fingerprint("standard", dataset, before.batch, before.inputs.get(f"standard/{dataset}"))
    return now.changes(then) if then is not None else None


def _numbers(
    again: Sequence[Check], changes: Mapping[str, Changes], own: Changes, table: str
) -> Iterator[str]:
    """The numbers of changed rows, and of those that a check finds changed rows beside."""
    yield f"SELECT _row FROM {own.gained}"
    ways = {
        (lookup.dataset, lookup.keys, lookup.by)
        for check in again
        for lookup in check.lookups
        if lookup.dataset is not None
    }
    for dataset, keys, by in sorted(ways):
        change = changes[dataset]
        if change.any:
            named, here = ", ".join(map(quote, keys)), ", ".join(map(quote, by))
            yield (
                f"SELECT _row FROM {table} WHERE ({here}) IN "
                f"(SELECT ({named}) FROM {change.lost} UNION ALL SELECT ({named}) FROM {change.gained})"
            )
