"""Extracts: the received files' rows as text with their row numbers, in the lake.

The newest readable snapshot of a batch counts, and every delta after it. A file that cannot be read, or is not
believed, is refused with the reason beside its receipt, and what was in force before stays. What was recognised
of a file that counts, and what was set aside, is told there too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import duckdb

from schemas.contract import Contract, Delivery
from schemas.emit.sql import literal, quote
from warehouse.collect.desk import CONFIRMATION, READING, REFUSAL, Receipt, receipts, refusal_of
from warehouse.collect.judgement import held, refuse_drift, remarks, unusual_volume
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers import Reading, Recognition, UnreadableFile, read
from warehouse.home import Home
from warehouse.lake import Lake, Partition, replace_json, sha256_of

LAYER = "extract"

# The manifest lists so many of the rows set aside; the file beside the receipt lists all.
_LISTED = 100


class DamagedDelivery(Exception):
    """A delivered file that is no longer what its receipt says; names it."""


@dataclass(frozen=True)
class Extraction:
    """What became of a dataset's deliveries in a batch: the partition, and the files refused with reasons."""

    partition: Partition | None
    refused: tuple[tuple[Receipt, str], ...] = ()


@dataclass(frozen=True)
class _Taken:
    """A delivery that counts: what was read of it, into which table, and what is remarkable about it."""

    receipt: Receipt
    delivery: Delivery
    reading: Reading
    table: str
    remarks: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether it holds every row of the dataset."""
        return self.delivery.mode == "snapshot"


def extract(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    lake: Lake,
    contract: Contract,
    batch: date,
) -> Extraction:
    """Read the deliveries of a dataset in a batch into `extract/<dataset>`.

    Its columns: `_row`, which tells the rows apart and follows the order of delivery; `_line`, the row as a person
    sees it in the file; `_sheet`, the worksheet if several were read as one; `_extract_id`; and the contract's
    delivered columns as text.

    Returns:
        The batch's partition, or none when nothing readable was delivered in it.
    """
    own = [receipt for receipt in receipts(home.inbox, batch) if receipt.dataset == contract.id]
    before = rows_in_force(lake, contract, batch)
    inputs = {
        "contract": contract.digest,
        **{f"delivery/{r.extract_id}": "confirmed" if _confirmed(r) else "" for r in own},
        **({} if before is None else {"rows_in_force": str(before)}),
    }
    current = lake.partition(LAYER, contract.id, batch)
    if own and current is not None and dict(current.inputs) == inputs:
        known = ((receipt, refusal_of(receipt)) for receipt in own)
        return Extraction(current, tuple((r, message) for r, message in known if message is not None))
    taken: list[_Taken] = []
    refused: list[tuple[Receipt, str]] = []
    try:
        for number, receipt in enumerate(reversed(own)):
            try:
                taken.insert(0, _take(connection, home, contract, receipt, before, f"delivered_{number}"))
            except UnreadableFile as error:
                replace_json(receipt.path.parent / REFUSAL, {"message": str(error)})
                refused.append((receipt, str(error)))
                continue
            if taken[0].whole:
                break
        partition = _write(connection, lake, contract, batch, taken, inputs) if taken else None
    finally:
        for number in range(len(own)):
            connection.execute(f"DROP TABLE IF EXISTS delivered_{number}")
    return Extraction(partition, tuple(refused))


def rows_in_force(lake: Lake, contract: Contract, batch: date) -> int | None:
    """The rows of the newest snapshot before the batch; None if there was none."""
    for day in reversed([day for day in lake.batches(LAYER, contract.id) if day < batch]):
        partition = lake.partition(LAYER, contract.id, day)
        if partition is not None and partition.facts.get("whole", True):
            rows = partition.facts.get("snapshot_rows", partition.rows)
            assert isinstance(rows, int)
            return rows
    return None


def _take(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    receipt: Receipt,
    before: int | None,
    table: str,
) -> _Taken:
    """Read one delivery into a table and judge it.

    Raises:
        UnreadableFile: it cannot be read, or the contract has it refused or held.
        DamagedDelivery: it is no longer what was delivered.
    """
    delivery = delivery_of(contract, receipt)
    if sha256_of(receipt.path) != receipt.sha256:
        raise DamagedDelivery(
            f"{receipt.path}：与回执中的校验值不符，未读取。请从备份恢复这个文件，或请部门重新交付同一个文件"
        )
    reading = read(receipt.path, layout_of(contract, delivery), connection, table, spool=home.spill)
    refuse_drift(receipt.path, contract, reading.recognition)
    told = remarks(contract, reading)
    problem = unusual_volume(contract, reading.rows, before) if delivery.mode == "snapshot" else None
    if problem is not None:
        if contract.volume.holds(empty=reading.rows == 0) and not _confirmed(receipt):
            raise held(receipt.path, problem)
        told.append(problem)
    (receipt.path.parent / REFUSAL).unlink(missing_ok=True)
    taken = _Taken(receipt, delivery, reading, table, tuple(told))
    replace_json(receipt.path.parent / READING, _told(taken))
    return taken


def delivery_of(contract: Contract, receipt: Receipt) -> Delivery:
    """The way by which a file came; if the contract no longer has it, the first way of its form.

    Raises:
        UnreadableFile: the contract no longer takes files of that form.
    """
    named = [delivery for delivery in contract.deliveries if delivery.name == receipt.server]
    of_form = [d for d in named or contract.deliveries if d.form == receipt.form]
    if not of_form:
        raise UnreadableFile(
            f"文件“{receipt.file}”：数据标准已不再接受这种格式的文件。请按现行的数据标准重新交付。"
        )
    return of_form[0]


def _confirmed(receipt: Receipt) -> bool:
    return (receipt.path.parent / CONFIRMATION).exists()


def _write(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: Contract,
    batch: date,
    taken: Sequence[_Taken],
    inputs: dict[str, str],
) -> Partition:
    parts, offset = [], 0
    for one in taken:
        for query, last in _numbered(connection, contract, one, offset):
            parts.append(query)
            offset = last
    rows = " UNION ALL ".join(parts)
    # One file's rows keep the order in which they were read; several have to be put in order.
    query = rows if len(parts) == 1 else f"SELECT * FROM ({rows}) ORDER BY _row"
    facts = {**_facts(contract, taken), "last_row": offset}
    return lake.write(connection, LAYER, contract.id, batch, query, inputs=inputs, facts=facts)


def _numbered(
    connection: duckdb.DuckDBPyConnection, contract: Contract, taken: _Taken, offset: int
) -> Iterator[tuple[str, int]]:
    """For each sheet of a delivery a query of its rows, numbered on from `offset`, and the last number."""
    columns = ", ".join(quote(column.name) for column in contract.delivered_columns)
    table = quote(taken.table)
    for sheet in [seen.sheet for seen in taken.reading.sheets] or [None]:
        where = "" if sheet is None else f" WHERE _sheet = {literal(sheet)}"
        name = "CAST(NULL AS VARCHAR)" if sheet is None else literal(sheet)
        (last,) = connection.execute(f"SELECT max(_row) FROM {table}{where}").fetchall()[0]
        query = (
            f"SELECT _row + {offset} AS _row, _row AS _line, {name} AS _sheet, "
            f"{literal(taken.receipt.extract_id)} AS _extract_id, {columns} FROM {table}{where}"
        )
        offset += last or 0
        yield query, offset


def _facts(contract: Contract, taken: Sequence[_Taken]) -> dict[str, object]:
    """What the manifest keeps of the deliveries; the newest one's name stands for them all."""
    newest, first = taken[-1].receipt, taken[0]
    aside = [line for one in taken for line in _aside_lines(one.reading)]
    return {
        "extract_id": newest.extract_id,
        "file": newest.file,
        "sha256": newest.sha256,
        "contract_version": contract.version,
        "set_aside": len(aside),
        "notes": aside[:_LISTED] + [f"……共 {len(aside):,} 行"] * (len(aside) > _LISTED),
        "remarks": [remark for one in taken for remark in one.remarks],
        "whole": first.whole,
        "snapshot_rows": first.reading.rows if first.whole else None,
        "deliveries": [
            {
                "extract_id": one.receipt.extract_id,
                "file": one.receipt.file,
                "sha256": one.receipt.sha256,
                "delivery": one.delivery.mode,
                "rows": one.reading.rows,
                "set_aside": len(one.reading.set_aside),
            }
            for one in taken
        ],
    }


def _aside_lines(reading: Reading) -> list[str]:
    return [
        f"{f'工作表“{aside.sheet}”' if aside.sheet else ''}第 {aside.row} 行：{aside.reason}"
        for aside in reading.set_aside
    ]


def _told(taken: _Taken) -> dict[str, object]:
    """What lies beside the receipt once the file is read: what it was found to be, and what was set aside."""
    reading = taken.reading
    return {
        "rows": reading.rows,
        "delivery": taken.delivery.mode,
        "remarks": list(taken.remarks),
        "set_aside": [asdict(aside) for aside in reading.set_aside],
        "parts": [_recognised(seen) for seen in reading.sheets or (reading.recognition,)],
    }


def _recognised(seen: Recognition) -> dict[str, object]:
    facts = asdict(seen)
    facts["columns"] = {column.name: column.title for column in seen.columns}
    return {name: value for name, value in facts.items() if value not in (None, ())}
