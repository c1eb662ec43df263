"""The catalogue: what the platform says of its own data, as tables to publish, straight from the contracts.

Rules and batches belong to verification and come from there; datasets, fields and deliveries are told here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from schemas.emit.polars import POLARS_TYPES
from schemas.library import Library
from schemas.tables import TableStandard, load_tables
from warehouse import governance
from warehouse.lake import Lake
from warehouse.publish import Published


def frame(standard: TableStandard, rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """Rows as the frame of a published table, columns in the standard's order."""
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
                f"{contract.subject(feed.subject).entity}.{feed.attribute}:{feed.authority}"
                for feed in column.feeds
            ),
        }
        for contract in library
        for position, column in enumerate(contract.columns, start=1)
    ]
    return [
        Published(tables["catalog.dataset"], frame(tables["catalog.dataset"], datasets)),
        Published(tables["catalog.field"], frame(tables["catalog.field"], fields)),
    ]


def extract_table(lake: Lake, library: Library, batch: date) -> Published:
    """`catalog.extract`: every extract up to the batch that was taken into the lake."""
    standard = load_tables()["catalog.extract"]
    rows = []
    for contract in library:
        for day in lake.batches("extract", contract.id):
            partition = lake.partition("extract", contract.id, day)
            if partition is None or day > batch:
                continue
            facts = partition.facts
            rows.append(
                {
                    "extract_id": facts["extract_id"],
                    "batch": day,
                    "dataset": contract.id,
                    "file": facts["file"],
                    "sha256": facts["sha256"],
                    "rows": partition.rows,
                    "set_aside": facts["set_aside"],
                    "contract_version": facts["contract_version"],
                }
            )
    return Published(standard, frame(standard, rows))


def governance_tables(lake: Lake, library: Library, batch: date) -> list[Published]:
    """Each governance table that exists on the batch's day, with its history beside it."""
    standards = [governance.standard_of(library, entity) for entity in library.fed_entities]
    standards += [governance.standard_of_derived(name) for name in governance.DERIVED]
    published = []
    for standard in standards:
        name = standard.id.partition(".")[2]
        current = lake.as_of(governance.LAYER, name, batch)
        if current is None:
            continue
        published.append(Published(standard, f"SELECT * FROM {current.scan}"))
        published.append(_history(lake, standard, name, batch, current.scan))
    return published


def _history(lake: Lake, standard: TableStandard, name: str, batch: date, current: str) -> Published:
    """Every version of every row: the ended ones with `valid_to`, the present ones without."""
    valid_to = next(field for field in load_tables()["governance._common"].fields if field.name == "valid_to")
    ended = [
        partition.scan
        for day in lake.batches(governance.HISTORY, name)
        if day <= batch and (partition := lake.partition(governance.HISTORY, name, day))
    ]
    versions = [f"SELECT *, CAST(NULL AS DATE) AS valid_to FROM {current}"]
    versions += [f"SELECT * FROM {scan}" for scan in ended]
    return Published(
        TableStandard(
            f"{standard.id}_history",
            f"{standard.title}（历史）",
            "每次变化一个版本，现状的结束批次为空",
            (*standard.fields, valid_to),
        ),
        " UNION ALL BY NAME ".join(versions),
    )
