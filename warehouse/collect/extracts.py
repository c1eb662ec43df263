"""Extracts: the received file's rows as text with their row numbers, in the lake.

The newest readable delivery of a batch counts; one that cannot be read is refused with the reason, beside its
receipt, and the extract before it stays in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from schemas.contract import Contract
from schemas.emit.sql import quote
from warehouse.collect.desk import REFUSAL, Receipt, receipts
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers import Reading, UnreadableFile, read
from warehouse.home import Home
from warehouse.lake import Lake, Partition, replace_json

LAYER = "extract"


@dataclass(frozen=True)
class Extraction:
    """What became of a dataset's deliveries in a batch: the partition, and the files refused with reasons."""

    partition: Partition | None
    refused: tuple[tuple[Receipt, str], ...] = ()


def extract(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    lake: Lake,
    contract: Contract,
    batch: date,
) -> Extraction:
    """Read the newest delivery of a dataset in a batch into `extract/<dataset>`.

    Returns:
        The batch's partition, or none when nothing readable was delivered in it.
    """
    own = [receipt for receipt in receipts(home.inbox, batch) if receipt.dataset == contract.id]
    refused: list[tuple[Receipt, str]] = []
    for receipt in reversed(own):
        inputs = {"extract_id": receipt.extract_id, "contract": contract.digest}
        current = lake.partition(LAYER, contract.id, batch)
        if current is not None and dict(current.inputs) == inputs:
            return Extraction(current, tuple(refused))
        try:
            return Extraction(_read(connection, home, lake, contract, receipt, inputs), tuple(refused))
        except UnreadableFile as error:
            replace_json(receipt.path.parent / REFUSAL, {"message": str(error)})
            refused.append((receipt, str(error)))
    return Extraction(None, tuple(refused))


def _read(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    lake: Lake,
    contract: Contract,
    receipt: Receipt,
    inputs: dict[str, str],
) -> Partition:
    delivery = next(d for d in contract.deliveries if d.form == receipt.form)
    table = "delivered_rows"
    try:
        reading = read(receipt.path, layout_of(contract, delivery), connection, table, spool=home.spill)
        columns = ", ".join(quote(column.name) for column in contract.delivered_columns)
        query = f"SELECT _row, '{receipt.extract_id}' AS _extract_id, {columns} FROM {table}"
        return lake.write(
            connection,
            LAYER,
            contract.id,
            receipt.batch,
            query,
            inputs=inputs,
            facts=_facts(contract, receipt, reading),
        )
    finally:
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def _facts(contract: Contract, receipt: Receipt, reading: Reading) -> dict[str, object]:
    return {
        "extract_id": receipt.extract_id,
        "file": receipt.file,
        "sha256": receipt.sha256,
        "contract_version": contract.version,
        "set_aside": len(reading.set_aside),
        "notes": [f"第 {aside.row} 行：{aside.reason}" for aside in reading.set_aside],
    }
