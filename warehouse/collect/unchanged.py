"""What a snapshot has in common with the one before: rows that came already are not written again.

Rows are compared by all of their cells as delivered. One that came before in the same form stays as it is, with its
number, its place and the delivery that brought it first; so does all that follows from it in later stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from schemas.contract import Contract
from schemas.emit.sql import quote
from warehouse.collect.desk import READING, Receipt, receipts
from warehouse.home import Home
from warehouse.lake import Lake, can_be_patched
from warehouse.partition import GONE, Partition

# How rows were hashed: hashes of another version of the engine cannot be compared.
ROW_HASH: Mapping[str, object] = {"row_hash": f"duckdb {duckdb.__version__}"}

EARLIER = "earlier"
"""The fact that lists the deliveries before this batch's which rows may still come from."""


def row_hash(contract: Contract) -> str:
    """The columns `_hash` and `_check`: two hashes of 64 bits of the cells, in both directions."""
    cells = [quote(column.name) for column in contract.delivered_columns]
    return f"hash({', '.join(cells)}) AS _hash, hash({', '.join(reversed(cells))}, 1) AS _check"


def base_of(before: Partition | None, contract: Contract) -> Partition | None:
    """The snapshot before, if a later one can be compared with it: the same columns, no delta beside it."""
    if before is None or before.inputs["contract"] != contract.digest or len(deliveries_of(before)) != 1:
        return None
    return before if before.facts.get("row_hash") == ROW_HASH["row_hash"] else None


def deliveries_of(extract: Partition) -> list[Mapping[str, object]]:
    """The deliveries of an extract's own batch, as `warehouse.collect.extracts` tells of them."""
    return _listed(extract, "deliveries")


def sources_of(extract: Partition) -> list[Mapping[str, object]]:
    """Every delivery that rows of an extract come from, the own batch's last."""
    own = deliveries_of(extract) if extract.parts[-1].batch == extract.batch.isoformat() else []
    return [*_listed(extract, EARLIER), *own]


def repeated(home: Home, base: Partition, receipt: Receipt) -> Receipt | None:
    """The receipt of the snapshot before, if this delivery is the same byte by byte and read as that was."""
    [told] = deliveries_of(base)
    for known in receipts(home.inbox, base.batch):
        if known.extract_id == told["extract_id"]:
            same = (known.sha256, known.server, known.form) == (receipt.sha256, receipt.server, receipt.form)
            return known if same and (known.path.parent / READING).exists() else None
    return None


def write_changes(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: Contract,
    base: Partition,
    batch: date,
    rows: str,
    *,
    inputs: Mapping[str, str],
    facts: Mapping[str, object],
) -> Partition | None:
    """Write a snapshot as what is otherwise than in the one before.

    Args:
        connection: what `rows` reads must be visible to it.
        lake: where `base` lies.
        contract: the dataset's contract.
        base: the snapshot before, as `base_of` gives it.
        batch: the day of the turn.
        rows: the query of the snapshot's rows in the columns of an extract.
        inputs: what the rows follow from.
        facts: facts of the deliveries.

    Returns:
        None when so much is otherwise that it is better written as a whole.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS SELECT _row, _hash, _check FROM ({rows})")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE same AS "
        f"SELECT base._row AS base_row, arrived._row AS arrived_row "
        f"FROM ({_once(base.scan)}) AS base JOIN ({_once('arrived')}) AS arrived USING (_hash, _check)"
    )
    try:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM arrived), (SELECT count(*) FROM same)"
        ).fetchone()
        assert found is not None
        arrived, same = found
        if not can_be_patched(base, arrived + base.rows - 2 * same):
            return None
        gone = f"SELECT _row FROM {base.scan} WHERE _row NOT IN (SELECT base_row FROM same)"
        query = (
            f"SELECT *, false AS {GONE} FROM ({rows}) WHERE _row NOT IN (SELECT arrived_row FROM same) "
            f"UNION ALL BY NAME SELECT _row, true AS {GONE} FROM ({gone}) ORDER BY _row"
        )
        return lake.patch(
            connection, base, batch, query, "_row", inputs=inputs, facts={**facts, EARLIER: sources_of(base)}
        )
    finally:
        connection.execute("DROP TABLE arrived")
        connection.execute("DROP TABLE same")


def _once(relation: str) -> str:
    """The rows that are alone in their form; of several alike none can be told from the others."""
    return f"SELECT _hash, _check, min(_row) AS _row FROM {relation} GROUP BY ALL HAVING count(*) = 1"


def _listed(extract: Partition, fact: str) -> list[Mapping[str, object]]:
    told = extract.facts.get(fact, [])
    assert isinstance(told, list)
    return told
