"""The catalogue: tables that describe the platform's own data, made from the contracts.

This module lists datasets, fields and deliveries. Verification lists rules and batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import polars as pl

from schemas.contract.library import Library
from schemas.emit.polars import POLARS_TYPES
from schemas.tables import TableStandard, load_tables
from warehouse.governance import derive, fuse, history
from warehouse.incremental.context import BatchContext
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
from warehouse.publish.candidate import Published, Since

LEDGER = "catalog.ledger"


def frame(standard: TableStandard, rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """Rows as the frame of a published table; columns in the order of the standard."""
    schema = {field.name: POLARS_TYPES[field.type] for field in standard.fields}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def contract_tables(library: Library) -> list[Published]:
    """`catalog.dataset` and `catalog.field`."""
    tables = load_tables()
    datasets = [
        {
            "dataset": contract.id,
            "title": contract.title,
            "department": contract.department,
            "department_title": contract.department_title,
            "description": contract.description,
            "version": contract.version,
            "owner": contract.owner,
            "entities": ",".join(sorted({subject.entity for subject in contract.subjects})),
            "form": ",".join(sorted({delivery.form for delivery in contract.deliveries})),
            "frequency_days": contract.frequency_days,
            "latency_days": contract.latency_days,
            "contract_sha256": contract.digest,
        }
        for contract in library
    ]
    fields = [
        {
            "dataset": contract.id,
            "field": column.name,
            "position": position,
            "title": column.title,
            "description": column.description,
            "type": column.type,
            "required": column.required,
            "is_key": column.key,
            "semantic_kind": column.kind,
            "code_table": column.codes,
            "classification": column.classification,
            "derived": not column.delivered,
            "feeds": ",".join(
                f"{target}:{source.authority}" if source.listed else target
                for target, source in library.feeds(contract, column)
            ),
        }
        for contract in library
        for position, column in enumerate(contract.columns, start=1)
    ]
    return [
        Published(tables["catalog.dataset"], frame(tables["catalog.dataset"], datasets)),
        Published(tables["catalog.field"], frame(tables["catalog.field"], fields)),
    ]


def ledger_table(batch: date, number: int, hash_: str) -> Published:
    """`catalog.ledger`: the last act of the ledger that a batch includes.

    Args:
        batch: the day of the turn.
        number: the act's number, 0 before the first act.
        hash_: its hash in the chain.
    """
    standard = load_tables()[LEDGER]
    return Published(standard, frame(standard, [{"batch": batch, "number": number, "hash": hash_}]))


def extract_table(context: BatchContext) -> Published:
    """`catalog.extract`: every extract in the lake up to the batch."""
    standard, lake, batch = load_tables()["catalog.extract"], context.lake, context.batch
    rows = []
    for contract in context.library:
        for day in lake.batches(Layer.EXTRACT, contract.id):
            partition = lake.partition(Layer.EXTRACT, contract.id, day) if day <= batch else None
            if partition is None:
                continue
            version = partition.facts["contract_version"]
            told = partition.facts["deliveries"]
            assert isinstance(told, list)
            rows += [
                {"batch": day, "dataset": contract.id, "contract_version": version, **delivery}
                for delivery in told
            ]
    return Published(standard, frame(standard, rows))


def governance_tables(context: BatchContext) -> list[Published]:
    """Each governance table that exists on the batch's day: present rows, ended versions, and a view of both."""
    lake, library, batch = context.lake, context.library, context.batch
    standards = [fuse.standard_of(library, entity) for entity in library.fed_entities]
    standards += [derive.standard_of_derived(table) for table in derive.derived(library).values()]
    published = []
    for standard in standards:
        name = standard.id.partition(".")[2]
        current = lake.as_of(Layer.GOVERNANCE, name, batch)
        if current is not None:
            published.append(Published(standard, current, since=_since(lake, current)))
            published += _versions(standard, current, history.ended(lake, name, batch))
    return published


def _since(lake: Lake, current: Partition) -> Since | None:
    """The changes of a governance table since the partition before."""
    before = lake.before(current.layer, current.table, current.batch)
    changes = current.changes(before) if before is not None else None
    if before is None or changes is None or current.row_id is None:
        return None
    return Since(before, changes, current.row_id)


def _versions(standard: TableStandard, current: Partition, ended: Sequence[Partition]) -> list[Published]:
    """The ended versions, and a view of all versions, so that present rows are stored once."""
    common = {field.name: field for field in load_tables()["governance._common"].fields}
    fields = (*standard.fields, common["valid_to"])
    gone = TableStandard(
        f"{standard.id}_ended", f"{standard.title}（已结束）", "不再是现状的版本，每次变化一个", fields
    )
    every = TableStandard(
        f"{standard.id}_history", f"{standard.title}（历史）", "每次变化一个版本，现状的结束批次为空", fields
    )
    # Older versions may lack a column that a contract got later: the present rows define the columns.
    versions = [f"SELECT *, CAST(NULL AS DATE) AS valid_to FROM {current.scan} WHERE false"]
    versions += [f"SELECT * FROM {partition.scan}" for partition in ended]
    return [
        Published(gone, " UNION ALL BY NAME ".join(versions)),
        Published(every, f"FROM {standard.id} UNION ALL BY NAME FROM {gone.id}", view=True),
    ]
