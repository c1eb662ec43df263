"""Snapshot diff: rows that a snapshot shares with the snapshot before are not written again.

Two rows are the same if all their cells are equal as delivered; for text files, if the bytes of their lines are equal.
An unchanged row keeps its number, its position and the delivery that first brought it, so later stages reuse its
results. Example: of 1,000 rows 990 are unchanged; the partition holds 10 new rows and the numbers of 10 removed ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb

from schemas.contract.model import Contract
from schemas.emit.sql import quote
from warehouse.collect.intake.reception import READING, Receipt, receipts
from warehouse.home.folders import Home
from warehouse.lake.partition import GONE, Partition
from warehouse.lake.store import Lake, Origin

HASHED = "hashed"
"""The fact that records how the rows were hashed; hashes made in another way cannot be compared."""

# DuckDB's hash of a cell may change with its version.
CELL_HASH: Mapping[str, object] = {"by": f"duckdb {duckdb.__version__}"}

EARLIER = "earlier"
"""The fact that lists the deliveries of earlier batches that rows of the extract may come from."""


# Each day numbers its rows from its own multiple of 2^32, so that a number never names two rows.
_A_DAY = 1 << 32


def first_number(batch: date) -> int:
    """The offset that is added to the row numbers of a day's first file."""
    return batch.toordinal() * _A_DAY


def cell_hash(contract: Contract) -> str:
    """SQL of the columns `_hash` and `_check`: two 64-bit hashes of the cells, in forward and in reverse order."""
    cells = [quote(column.name) for column in contract.delivered_columns]
    return f"hash({', '.join(cells)}) AS _hash, hash({', '.join(reversed(cells))}, 1) AS _check"


def base_of(before: Partition | None, contract: Contract) -> Partition | None:
    """The snapshot before, if a later one can be compared with it: the same contract, no other delivery in it."""
    if before is None or before.inputs["contract"] != contract.digest or len(deliveries_of(before)) != 1:
        return None
    return before if before.facts.get(HASHED) is not None else None


def deltas_before(before: Partition | None, contract: Contract) -> Partition | None:
    """The newest extract, if it holds only deltas under the current contract: these may be delivered again."""
    if before is None or before.inputs["contract"] != contract.digest:
        return None
    return before if all(told["delivery"] == "delta" for told in deliveries_of(before)) else None


def deliveries_of(extract: Partition) -> list[Mapping[str, object]]:
    """The deliveries of an extract's own batch, as `warehouse.collect.extracts.extract` records them."""
    return _listed(extract, "deliveries")


def sources_of(extract: Partition) -> list[Mapping[str, object]]:
    """All deliveries that rows of an extract come from, those of its own batch last."""
    own = deliveries_of(extract) if extract.parts[-1].batch == extract.batch.isoformat() else []
    return [*earlier_of(extract), *own]


def earlier_of(extract: Partition) -> list[Mapping[str, object]]:
    """The deliveries of earlier batches that first brought rows of an extract."""
    return _listed(extract, EARLIER)


def repeated(home: Home, base: Partition, own: Sequence[Receipt], contract: Contract) -> list[Receipt] | None:
    """The receipts of an extract's deliveries, if `own` are the same files in the same order, read in the same way."""
    receipt_of = {receipt.extract_id: receipt for receipt in receipts(home.inbox, base.batch)}
    told = [str(delivery["extract_id"]) for delivery in deliveries_of(base)]
    if not receipt_of.keys() >= set(told):
        return None
    known = [receipt_of[extract_id] for extract_id in told]
    before, now = ([_bytes_and_way(receipt, contract) for receipt in each] for each in (known, own))
    if before != now:
        return None
    return known if all((receipt.path.parent / READING).exists() for receipt in known) else None


def _bytes_and_way(receipt: Receipt, contract: Contract) -> tuple[object, ...]:
    name = receipt.file if contract.reads_file_names else None
    return receipt.sha256, receipt.server, receipt.form, name


def compare(connection: duckdb.DuckDBPyConnection, base: Partition, arrived: str) -> int:
    """Fill the table `same` with the unchanged rows, and count them.

    Identical rows cannot be distinguished, so that a row matches only if its form is unique in both snapshots.

    Args:
        connection: `arrived` is visible to it.
        base: the snapshot before.
        arrived: a relation with `_row`, `_hash` and `_check`, hashed as the base is.
    """
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE same AS
        SELECT min(base_row) AS base_row, min(arrived_row) AS arrived_row
        FROM (
          SELECT _hash, _check, _row AS base_row, NULL::BIGINT AS arrived_row FROM {base.scan}
          UNION ALL SELECT _hash, _check, NULL, _row FROM {arrived}
        )
        WHERE _hash IS NOT NULL
        GROUP BY _hash, _check HAVING count(*) = 2 AND count(base_row) = 1"""
    )
    return int(connection.execute("SELECT count(*) FROM same").fetchall()[0][0])


def write_changes(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    base: Partition,
    batch: date,
    rows: str,
    origin: Origin,
) -> Partition:
    """Write a snapshot as its difference from the snapshot before.

    Args:
        connection: `rows` and the table `same` are visible to it.
        lake: the lake that holds `base`.
        base: the snapshot before, as `base_of` returns it.
        batch: the day of the turn.
        rows: the query of the snapshot's rows in the columns of an extract; rows listed in `same` may be missing.
        origin: the inputs of the rows, and facts about the deliveries.
    """
    gone = f"SELECT _row FROM {base.scan} WHERE _row NOT IN (SELECT base_row FROM same)"
    query = (
        f"SELECT *, false AS {GONE} FROM ({rows}) WHERE _row NOT IN (SELECT arrived_row FROM same) "
        f"UNION ALL BY NAME SELECT _row, true AS {GONE} FROM ({gone}) ORDER BY _row"
    )
    facts = {**origin.facts, EARLIER: sources_of(base)}
    return lake.patch(connection, base, batch, query, "_row", Origin(origin.inputs, facts))


def _listed(extract: Partition, fact: str) -> list[Mapping[str, object]]:
    told = extract.facts.get(fact, [])
    assert isinstance(told, list)
    return told
