"""Touched: the entities of which something is said otherwise than when a table was made before.

What follows from the claims on one entity alone (`warehouse.claims`) need not be made again for the others. A key is
touched by a row of any source that is new, otherwise or gone, and by a finding on a row that came or went.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from schemas.emit.sql import literal, quote
from warehouse.claims import Claimant
from warehouse.lake import Lake
from warehouse.partition import Changes, Partition

# So few rows are gone through again in the time that it takes to plan a statement which spares most of them.
FEW = 20_000

# What of a finding may bear on the claims of its row.
_FAULT = "_row, field, severity, finding_id, suggestion"


def are_few(tables: Iterable[Partition]) -> bool:
    """Whether what follows from these tables is better made anew than only where something changed."""
    return sum(table.rows for table in tables) <= FEW


def touched_keys(
    lake: Lake,
    before: Partition | None,
    inputs: Mapping[str, str],
    claimants: Collection[Claimant],
    tables: Mapping[str, Partition],
    faults: Mapping[str, Mapping[str, Partition]],
) -> str | None:
    """The SQL of the touched keys, each at least once, as `key`.

    Args:
        lake: where the tables lie, and those that `before` was made of.
        before: the table as it was made before.
        inputs: what it is to be made from now; of standard tables by `standard/<dataset>`.
        claimants: who speaks of the entity.
        tables: dataset → its standard table now.
        faults: dataset → findings on its rows, each by its name among the inputs.

    Returns:
        None when all keys may be touched: nothing was made before, something else than rows is otherwise, or a
        table does not rest on the one before; and when there are few rows in all.
    """
    rows = {f"standard/{c.contract.id}" for c in claimants}
    found = {name for every in faults.values() for name in every}
    if before is None or not same_but(before.inputs, inputs, rows | found):
        return None
    if are_few(tables[dataset] for dataset in {c.contract.id for c in claimants}):
        return None
    earlier = {
        dataset: lake.with_fingerprint(
            "standard", dataset, before.batch, before.inputs[f"standard/{dataset}"]
        )
        for dataset in {c.contract.id for c in claimants}
    }
    changes = {d: tables[d].changes(table) for d, table in earlier.items() if table is not None}
    findings = {
        name: lake.with_fingerprint(now.layer, now.table, before.batch, before.inputs[name])
        for every in faults.values()
        for name, now in every.items()
    }
    known_changes = {dataset: change for dataset, change in changes.items() if change is not None}
    known_findings = {name: table for name, table in findings.items() if table is not None}
    if len(known_changes) < len(earlier) or len(known_findings) < len(findings):
        return None
    keys: dict[str, list[str]] = {}
    for claimant in claimants:
        keys.setdefault(claimant.contract.id, []).append(claimant.subject.key)
    queries = [
        query
        for dataset, named in keys.items()
        for query in _touched(
            dataset,
            list(dict.fromkeys(named)),
            tables[dataset],
            known_changes[dataset],
            {name: (known_findings[name], now) for name, now in faults.get(dataset, {}).items()},
        )
    ]
    return " UNION ALL ".join(queries) or "SELECT NULL AS key WHERE false"


def same_but(before: Mapping[str, str], now: Mapping[str, str], but: Collection[str]) -> bool:
    """Whether both were made from the same, but for the content of some inputs."""
    return before.keys() == now.keys() and all(before[name] == now[name] for name in now if name not in but)


def _touched(
    dataset: str,
    keys: Sequence[str],
    table: Partition,
    changes: Changes,
    findings: Mapping[str, tuple[Partition, Partition]],
) -> Iterator[str]:
    """The keys in the changed rows of a dataset, and in those on which something else is found."""
    key = f"unnest([{', '.join(map(quote, keys))}])" if len(keys) > 1 else quote(keys[0])
    if changes.any:
        yield f"SELECT {key} AS key FROM {changes.lost} UNION ALL SELECT {key} FROM {changes.gained}"
    differing = []
    for before, now in findings.values():
        if before.fingerprint != now.fingerprint:
            old, new = (
                f"SELECT {_FAULT} FROM {p.scan} WHERE dataset = {literal(dataset)}" for p in (before, now)
            )
            differing += [f"({old} EXCEPT {new})", f"({new} EXCEPT {old})"]
    if differing:
        rows = f"SELECT _row FROM ({' UNION ALL '.join(differing)})"
        yield f"SELECT {key} AS key FROM {table.scan} WHERE _row IN ({rows})"
