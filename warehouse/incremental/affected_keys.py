"""Affected keys: the entities whose claims may have changed since a table was last made.

A row that depends only on the claims on one entity (`warehouse.governance.claims`) need not be made again for other
entities. A key is affected by a new, changed or deleted row of any source, and by a finding on a row that appeared
or disappeared. Example: the police change the address of one person; only the key of this person is affected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from schemas.emit.sql import literal, quote
from warehouse.governance.claims import Claimant
from warehouse.incremental.inputs import Predecessor
from warehouse.lake.partition import Changes, Partition

# The columns of a finding that may change the claims of its row.
_FAULT = "_row, field, severity, finding_id, suggestion"


def touched_keys(
    before: Predecessor,
    claimants: Collection[Claimant],
    tables: Mapping[str, Partition],
    faults: Mapping[str, Sequence[Partition]],
    name: str,
) -> str | None:
    """The SQL of the affected keys, each at least once.

    Args:
        before: the table as it was last made.
        claimants: the sources of the entity.
        tables: dataset → its standard table now.
        faults: dataset → findings on its rows.
        name: the name of the column of keys.

    Returns:
        None when all keys may be affected: a table does not rest on its earlier partition.
    """
    keys: dict[str, list[str]] = {}
    for claimant in claimants:
        keys.setdefault(claimant.contract.id, []).append(claimant.subject.key)
    queries: list[str] = []
    for dataset, named in keys.items():
        changes = before.changes(tables[dataset])
        found = [(before.then(now), now) for now in faults.get(dataset, ())]
        known = [(then, now) for then, now in found if then is not None]
        if changes is None or len(known) < len(found):
            return None
        queries += _touched(dataset, list(dict.fromkeys(named)), tables[dataset], changes, known)
    every = " UNION ALL ".join(queries) or "SELECT CAST(NULL AS VARCHAR) AS key WHERE false"
    return f"SELECT key AS {quote(name)} FROM ({every})"


def _touched(
    dataset: str,
    keys: Sequence[str],
    table: Partition,
    changes: Changes,
    findings: Sequence[tuple[Partition, Partition]],
) -> Iterator[str]:
    """The keys of a dataset's changed rows, and of the rows whose findings changed."""
    key = f"unnest([{', '.join(map(quote, keys))}])" if len(keys) > 1 else quote(keys[0])
    if changes.any:
        yield f"SELECT {key} AS key FROM {changes.lost} UNION ALL SELECT {key} FROM {changes.gained}"
    differing = []
    for before, now in findings:
        if before.fingerprint != now.fingerprint:
            old, new = (
                f"SELECT {_FAULT} FROM {p.scan} WHERE dataset = {literal(dataset)}" for p in (before, now)
            )
            differing += [f"({old} EXCEPT {new})", f"({new} EXCEPT {old})"]
    if differing:
        rows = f"SELECT _row FROM ({' UNION ALL '.join(differing)})"
        yield f"SELECT {key} AS key FROM {table.scan} WHERE _row IN ({rows})"
