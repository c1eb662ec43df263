"""Extracts: the received files' rows as text with their row numbers, in the lake.

A batch uses its newest readable snapshot and every delta after that snapshot. A file that cannot be read or looks
wrong as a whole is refused: the reason is written beside its receipt, and the earlier data stay in force. For a file
that counts, the recognised columns and the rows set aside are written there too. A snapshot is written as a diff: only
the new rows are written, the other rows stay as they first arrived (`warehouse.collect.extracts.snapshot_diff`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from schemas.contract.model import Contract
from schemas.emit.sql import literal, quote
from warehouse.collect.extracts.assembly import carried_over, units_of
from warehouse.collect.extracts.holding import is_held_by_rules, withdraw
from warehouse.collect.extracts.line_diff import hashing_of
from warehouse.collect.extracts.read_delivery import ReadContext, Taken, refuse, take_unit
from warehouse.collect.extracts.row_positions import repeat_places, write_places
from warehouse.collect.extracts.snapshot_diff import (
    CELL_HASH,
    EARLIER,
    HASHED,
    base_of,
    cell_hash,
    compare,
    deliveries_of,
    deltas_before,
    first_number,
    repeated,
    sources_of,
    write_changes,
)
from warehouse.collect.intake.reception import (
    READING,
    REFUSAL,
    Receipt,
    confirmation_of,
    is_refused_as_damaged,
    receipts,
    refusal_of,
)
from warehouse.collect.readers.layout import Reading
from warehouse.collect.readers.text.line_hash import hashes_of, lay_hashes
from warehouse.home.files import replace_json, sha256_of
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake, Origin

NOTHING_NEW = "与上一次交付的文件完全相同，没有新的变化"
"""The remark on a delivery whose file is byte by byte that of the delivery before."""

# The manifest lists this many of the rows set aside; the file beside the receipt lists all of them.
_LISTED = 100


@dataclass(frozen=True)
class Extraction:
    """The result for one dataset and batch: the partition, and the refused files with the reasons."""

    partition: Partition | None
    refused: tuple[tuple[Receipt, str], ...] = ()


def extract(context: BatchContext, home: Home, contract: Contract) -> Extraction:
    """Read the deliveries of a dataset in a batch into `extract/<dataset>`.

    Columns of the extract: `_row` identifies the row permanently and follows the order of delivery. `_line` is the row
    number that a person sees in the file. `_sheet` is the worksheet, if several were read as one. `_extract_id` is the
    delivery that first brought the row in this form. `_hash` and `_check` identify its content (NULL: the row is always
    compared as new). The contract's delivered columns follow as text.

    Returns:
        The batch's partition; None if nothing readable was delivered in the batch.
    """
    connection, lake, batch = context.connection, context.lake, context.batch
    whole = newest_whole(lake, contract, batch)
    current = lake.partition(Layer.EXTRACT, contract.id, batch)
    own = [receipt for receipt in receipts(home.inbox, batch) if receipt.dataset == contract.id]
    if own:
        parts = {str(told["extract_id"]) for told in deliveries_of(current)} if current is not None else set()
        own = [*carried_over(home, contract, batch, None if whole is None else whole.batch, parts), *own]
    damaged = [receipt for receipt in own if _known_as_damaged(receipt)]
    flagged = [receipt for receipt in own if is_held_by_rules(receipt, contract)]
    newest = lake.before(Layer.EXTRACT, contract.id, batch)
    before = None if whole is None else _rows_of(whole)
    inputs = {
        "contract": contract.digest,
        **{f"delivery/{r.extract_id}": _standing(r, damaged, flagged) for r in own},
        **({} if whole is None else {"before": whole.fingerprint, "rows_in_force": str(before)}),
        **({} if newest is None or not contract.takes_deltas else {"newest": newest.fingerprint}),
    }
    if own and current is not None and dict(current.inputs) == inputs:
        known = ((receipt, refusal_of(receipt)) for receipt in own)
        return Extraction(current, tuple((r, message) for r, message in known if message is not None))
    damaged = [receipt for receipt in own if _is_damaged(receipt)]
    for receipt in own:
        if receipt not in damaged and is_refused_as_damaged(receipt):
            (receipt.path.parent / REFUSAL).unlink()  # the file has been restored
    inputs |= {f"delivery/{r.extract_id}": _standing(r, damaged, flagged) for r in damaged}
    refused = [refuse(receipt, _damage(receipt), damaged=True) for receipt in damaged]
    refused += [(receipt, str(refusal_of(receipt))) for receipt in flagged if receipt not in damaged]
    own = [receipt for receipt in own if receipt not in damaged and receipt not in flagged]
    comparable, deltas = base_of(whole, contract), deltas_before(newest, contract)
    if comparable is not None and own and (same := repeated(home, comparable, own[-1:], contract)):
        facts = {**_told_again(comparable, same, own[-1:]), EARLIER: sources_of(comparable)}
        repeat_places(lake, comparable, batch, inputs)
        return Extraction(lake.repeat(comparable, batch, Origin(inputs, facts)), tuple(refused))
    if deltas is not None and own and (same := repeated(home, deltas, own, contract)):
        # The rows of these deltas are in force already, and no later delivery has overwritten them.
        facts = _told_again(deltas, same, own)
        none = f"SELECT * FROM {deltas.scan} WHERE false"
        again = lake.write(connection, Layer.EXTRACT, contract.id, batch, none, Origin(inputs, facts))
        return Extraction(again, tuple(refused))
    taken: list[Taken] = []
    tables = {receipt.extract_id: f"delivered_{number}" for number, receipt in enumerate(own)}
    try:
        for number, unit in enumerate(reversed(units_of(contract, own))):
            rest_on = comparable if number == 0 and not unit.parted else None
            source = ReadContext(context, home, contract, whole, tables, rest_on)
            found, not_taken = take_unit(source, unit)
            taken = [*found, *taken]
            refused += not_taken
            if found and found[0].whole:
                break
        base = comparable if len(taken) == 1 and taken[0].whole else None
        partition = _write(context, contract, taken, inputs, base) if taken else None
        if partition is None and current is not None and flagged:
            withdraw(home, lake, current)
    finally:
        for name in [*tables.values(), *map(hashes_of, tables.values()), "same"]:
            connection.execute(f"DROP TABLE IF EXISTS {quote(name)}")
    return Extraction(partition, tuple(refused))


def newest_whole(lake: Lake, contract: Contract, batch: date) -> Partition | None:
    """The newest extract before the batch that holds every row of the dataset."""
    for day in reversed([day for day in lake.batches(Layer.EXTRACT, contract.id) if day < batch]):
        partition = lake.partition(Layer.EXTRACT, contract.id, day)
        if partition is not None and partition.facts.get("whole", True):
            return partition
    return None


def _rows_of(whole: Partition) -> int:
    rows = whole.facts.get("snapshot_rows", whole.rows)
    assert isinstance(rows, int)
    return rows


def _is_damaged(receipt: Receipt) -> bool:
    """Whether the kept file is gone, or is no longer what its receipt says."""
    return not receipt.path.is_file() or sha256_of(receipt.path) != receipt.sha256


def _known_as_damaged(receipt: Receipt) -> bool:
    """Whether an earlier run refused the file as damaged, and nobody has restored it since."""
    return is_refused_as_damaged(receipt) and _is_damaged(receipt)


def _damage(receipt: Receipt) -> str:
    problem = "与回执中的校验值不符" if receipt.path.is_file() else "已经不在收件箱中"
    return (
        f"文件“{receipt.file}”：保存的文件{problem}，未读取，沿用先前的数据。"
        f"请从备份恢复 {receipt.path}，或请部门重新交付同一个文件。"
    )


def _told_again(base: Partition, known: Sequence[Receipt], own: Sequence[Receipt]) -> dict[str, object]:
    """Build the facts of deliveries that equal an earlier extract's byte by byte, without reading the files again."""
    remarks: list[str] = []
    for earlier, receipt in zip(known, own, strict=True):
        (receipt.path.parent / REFUSAL).unlink(missing_ok=True)
        told = json.loads((earlier.path.parent / READING).read_text(encoding="utf-8"))
        # The problems found in the earlier file no longer hold: this file equals the file in force.
        said = (*_texts(base.facts.get("unusual")), NOTHING_NEW)
        told["remarks"] = [remark for remark in told["remarks"] if remark not in said]
        told["remarks"].append(NOTHING_NEW)
        replace_json(receipt.path.parent / READING, told)
        remarks += told["remarks"]
    deliveries = [
        {**delivery, "extract_id": receipt.extract_id, "file": receipt.file}
        for delivery, receipt in zip(deliveries_of(base), own, strict=True)
    ]
    return dict(base.facts) | {
        "extract_id": own[-1].extract_id,
        "file": own[-1].file,
        # Files of one archive repeat the same remark.
        "remarks": list(dict.fromkeys(remarks)),
        "unusual": [],
        "deliveries": deliveries,
    }


def _texts(fact: object) -> list[str]:
    return [str(text) for text in fact] if isinstance(fact, list) else []


def _standing(receipt: Receipt, damaged: Sequence[Receipt], flagged: Sequence[Receipt]) -> str:
    """The state of a delivery, besides its bytes, that an extract depends on: damaged, held by rules, confirmed."""
    if receipt in damaged:
        return "damaged"
    if receipt in flagged:
        return "held"
    return "" if confirmation_of(receipt) is None else "confirmed"


def _write(
    context: BatchContext,
    contract: Contract,
    taken: Sequence[Taken],
    inputs: dict[str, str],
    base: Partition | None,
) -> Partition:
    connection, lake, batch = context.connection, context.lake, context.batch
    parts, offset = [], first_number(batch)
    hashed = hashing_of(taken[0].reading) if len(taken) == 1 else CELL_HASH
    if hashed is not CELL_HASH:
        lay_hashes(connection, taken[0].table)
    for one in taken:
        for query, last in _numbered(connection, contract, one, offset, by_line=hashed is not CELL_HASH):
            parts.append(query)
            offset = last
    rows = " UNION ALL ".join(parts)
    facts = {**_facts(contract, taken), HASHED: hashed}
    comparable = base is not None and base.facts[HASHED] == hashed
    if base is not None and comparable and (taken[0].reread or _much_is_same(connection, lake, base, rows)):
        arrived = _lines(taken[0], first_number(batch)) if taken[0].reread else f"({rows})"
        write_places(connection, lake, contract.id, batch, arrived, inputs)
        return write_changes(connection, lake, base, batch, rows, Origin(inputs, facts))
    # The rows of one file are in order already; the rows of several files must be sorted.
    query = rows if len(parts) == 1 else f"SELECT * FROM ({rows}) ORDER BY _row"
    return lake.write(connection, Layer.EXTRACT, contract.id, batch, query, Origin(inputs, facts))


def _lines(taken: Taken, offset: int) -> str:
    """Build the relation of all lines of a file, read or not, in the columns that `write_places` needs."""
    hashes = quote(hashes_of(taken.table))
    return f"(SELECT _row + {offset} AS _row, _row AS _line, CAST(NULL AS VARCHAR) AS _sheet FROM {hashes})"


def _much_is_same(connection: duckdb.DuckDBPyConnection, lake: Lake, base: Partition, rows: str) -> bool:
    """Whether a diff is worth writing; fills `same` with the unchanged rows."""
    arrived = connection.execute(f"SELECT count(*) FROM ({rows})").fetchall()[0][0]
    same = compare(connection, base, f"({rows})")
    return lake.thresholds.allow_patch(base.rows, arrived + base.rows - 2 * same)


def _numbered(
    connection: duckdb.DuckDBPyConnection, contract: Contract, taken: Taken, offset: int, *, by_line: bool
) -> Iterator[tuple[str, int]]:
    """For each sheet of a delivery: a query of its rows, numbered from `offset` on, and the last number."""
    columns = ", ".join(quote(column.name) for column in contract.delivered_columns)
    table, hashes = quote(taken.table), "_hash, _check" if by_line else cell_hash(contract)
    for sheet in [seen.sheet for seen in taken.reading.sheets] or [None]:
        where = "" if sheet is None else f" WHERE _sheet = {literal(sheet)}"
        name = "CAST(NULL AS VARCHAR)" if sheet is None else literal(sheet)
        (last,) = connection.execute(f"SELECT max(_row) FROM {table}{where}").fetchall()[0]
        query = (
            f"SELECT _row + {offset} AS _row, _row AS _line, {name} AS _sheet, "
            f"{literal(taken.receipt.extract_id)} AS _extract_id, {hashes}, {columns} "
            f"FROM {table}{where}"
        )
        offset += last or 0
        yield query, offset


def _facts(contract: Contract, taken: Sequence[Taken]) -> dict[str, object]:
    """Build the manifest's facts about the deliveries; the newest delivery gives the extract its name."""
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
        "unusual": [problem.text for one in taken for problem in one.comparison.problems],
        **{name: fact for one in taken for name, fact in one.comparison.facts.items()},
        "whole": first.whole,
        "snapshot_rows": sum(one.reading.rows for one in taken if one.whole) if first.whole else None,
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
