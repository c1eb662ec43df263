"""What a snapshot has in common with the one before: rows that came already are not written again.

Rows are compared by all of their cells as delivered, those of text by the bytes of their lines. One that came before
in the same form stays as it is, with its number, its place and the delivery that brought it first; so does all that
follows from it in later stages.
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
"""The fact that tells how the rows were hashed; other hashes cannot be compared."""

# Hashes of cells hold for one version of the engine.
CELL_HASH: Mapping[str, object] = {"by": f"duckdb {duckdb.__version__}"}

EARLIER = "earlier"
"""The fact that lists the deliveries before this batch's which rows may still come from."""


# A day's rows are numbered from its own multiple on, so that a number never comes again for another row.
_A_DAY = 1 << 32


def first_number(batch: date) -> int:
    """What is added to the rows of a day's first file to number them."""
    return batch.toordinal() * _A_DAY


def cell_hash(contract: Contract) -> str:
    """The columns `_hash` and `_check`: two hashes of 64 bits of the cells, in both directions."""
    cells = [quote(column.name) for column in contract.delivered_columns]
    return f"hash({', '.join(cells)}) AS _hash, hash({', '.join(reversed(cells))}, 1) AS _check"


def base_of(before: Partition | None, contract: Contract) -> Partition | None:
    """The snapshot before, if a later one can be compared with it: the same columns, no delta beside it."""
    if before is None or before.inputs["contract"] != contract.digest or len(deliveries_of(before)) != 1:
        return None
    return before if before.facts.get(HASHED) is not None else None


def deltas_before(before: Partition | None, contract: Contract) -> Partition | None:
    """The newest extract, if nothing but deltas came with it, by the contract as it is: they may come again."""
    if before is None or before.inputs["contract"] != contract.digest:
        return None
    return before if all(told["delivery"] == "delta" for told in deliveries_of(before)) else None


def deliveries_of(extract: Partition) -> list[Mapping[str, object]]:
    """The deliveries of an extract's own batch, as `warehouse.collect.extracts.extract` tells of them."""
    return _listed(extract, "deliveries")


def sources_of(extract: Partition) -> list[Mapping[str, object]]:
    """Every delivery that rows of an extract come from, the own batch's last."""
    own = deliveries_of(extract) if extract.parts[-1].batch == extract.batch.isoformat() else []
    return [*earlier_of(extract), *own]


def earlier_of(extract: Partition) -> list[Mapping[str, object]]:
    """The deliveries before the own batch's with which rows of an extract came first."""
    return _listed(extract, EARLIER)


def repeated(home: Home, base: Partition, own: Sequence[Receipt], contract: Contract) -> list[Receipt] | None:
    """The receipts of an extract's deliveries, if these are the same files one by one, and read as those were."""
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
    """Fill the table `same` with the rows that came before, and count them.

    Of several rows alike none can be told from the others, so that only those alone in their form count.

    Args:
        connection: `arrived` must be visible to it.
        base: the snapshot before.
        arrived: a relation with `_row`, `_hash` and `_check`, made as the base's are.
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
    """Write a snapshot as what is otherwise than in the one before.

    Args:
        connection: what `rows` reads must be visible to it, and the table `same` with rows of both that are alike.
        lake: where `base` lies.
        base: the snapshot before, as `base_of` gives it.
        batch: the day of the turn.
        rows: the query of the snapshot's rows in the columns of an extract; those of `same` may be missing.
        origin: what the rows follow from, and facts of the deliveries.
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
