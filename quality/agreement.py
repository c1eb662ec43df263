"""Agreement: two datasets that feed the same attribute of the same entity must say the same (多源校核).

The value of the source with the highest authority is the suggestion, unless it stands alone and at least two
other datasets agree on another one: then the authority is the side more likely wrong. A value that a row rule
already found faulty has no vote and is not found a second time; but where nothing else suggested what it should
be, the value that the other sources are believed for is its suggestion. How the values are weighed is
`quality.disputes`; what a source says at all is `warehouse.claims`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from quality.disputes import Attributes, dispute_name, find_disputes, weighing_digest
from quality.findings import LAYER, MEASURES, standard_tables
from quality.routing import finding_rows, no_findings, placing_digest, row_facts
from quality.rules import ROW
from schemas.codes import CodeLibrary
from schemas.contract import Contract, Entity, Rule
from schemas.emit.sql import literal
from schemas.library import Library, Source
from warehouse.functions import library_digest
from warehouse.lake import Lake
from warehouse.partition import Partition

RULE = "agreement"


def table_name(entity: Entity) -> str:
    """The name of an entity's agreement findings in the lake."""
    return f"{RULE}.{entity.name}"


def compared(library: Library, entity: Entity) -> dict[str, tuple[Source, ...]]:
    """The attributes that at least two datasets feed, with their sources; the key is what joins them."""
    return _between_datasets(library.sources(entity.name), entity)


def _between_datasets(attributes: Attributes, entity: Entity) -> dict[str, tuple[Source, ...]]:
    return {
        attribute: sources
        for attribute, sources in attributes.items()
        if attribute != entity.key and len({source.contract.id for source in sources}) > 1
    }


def rule_name(library: Library, entity: Entity, dataset: str, field: str) -> str:
    """The rule by which a column is found to disagree.

    A column may feed two entities, as the legal representative's name does: each has its own rule then,
    since a finding is known by dataset, rule, record and field.
    """
    for other in library.fed_entities:
        columns = {
            (source.contract.id, source.column.name)
            for sources in compared(library, other).values()
            for source in sources
        }
        if (dataset, field) in columns:
            return RULE if other.name == entity.name else f"{RULE}_{entity.name}"
    raise KeyError(f"{dataset}.{field} is compared with nothing")


def agreement_rules(library: Library) -> list[tuple[Contract, Rule]]:
    """One rule for each column and entity that may be found to disagree, for the catalogue."""
    rules = {}
    for entity in library.fed_entities:
        for attribute, sources in compared(library, entity).items():
            titles = "、".join(dict.fromkeys(s.contract.department_title for s in sources))
            for source in sources:
                if source.column.delivered:
                    name = rule_name(library, entity, source.contract.id, source.column.name)
                    rules[source.contract.id, name, source.column.name] = (
                        source.contract,
                        Rule(
                            name=name,
                            field=source.column.name,
                            dimension="consistency",
                            severity="error",
                            description=f"{source.column.title}与其他来源不一致（{titles}）",
                            violates=f"{entity.name}.{attribute}",
                            line=source.column.line,
                        ),
                    )
    return list(rules.values())


def agree(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    entity: Entity,
    library: Library,
    codes: CodeLibrary,
    batch: date,
) -> Partition | None:
    """Write an entity's disputes and the findings they are, unless nothing they follow from has changed.

    Returns:
        The partition in force (columns of `quality.routing`), or None when never two of the sources were
        delivered.
    """
    tables = standard_tables(lake, library, batch)
    delivered = {
        attribute: tuple(source for source in sources if source.contract.id in tables)
        for attribute, sources in compared(library, entity).items()
    }
    attributes = _between_datasets(delivered, entity)
    name = table_name(entity)
    if not attributes and lake.as_of(LAYER, name, batch) is None:
        return None
    datasets = sorted({s.contract.id for sources in attributes.values() for s in sources})
    read = {*datasets, *(route.dataset for d in datasets for route in library[d].routes if route.dataset)}
    faults = {d: found for d in datasets if (found := lake.as_of(LAYER, d, batch)) is not None}
    inputs = {
        "codes": codes.digest,
        "functions": library_digest(),
        "query": weighing_digest(),
        "placing": placing_digest(),
        **{f"contract/{d}": library[d].digest for d in sorted(read)},
        **{f"standard/{d}": tables[d].fingerprint for d in sorted(read & tables.keys())},
        **{f"finding/{d}": found.fingerprint for d, found in faults.items()},
    }
    current = lake.fresh(LAYER, name, batch, inputs)
    disputes = lake.fresh(LAYER, dispute_name(entity), batch, inputs)
    if current is not None and disputes is not None:
        return current
    disputes = find_disputes(
        connection,
        lake,
        library,
        codes,
        entity,
        attributes,
        {d: tables[d] for d in datasets},
        faults,
        batch,
        inputs,
    )
    scans = {dataset: table.scan for dataset, table in tables.items()}
    hits = {d: _hits(library, entity, d, disputes, scans) for d in datasets}
    query = finding_rows(hits, library, scans) if hits else no_findings()
    return lake.write(connection, LAYER, name, batch, query, inputs=inputs, measures=MEASURES)


def _hits(
    library: Library, entity: Entity, dataset: str, disputes: Partition, scans: Mapping[str, str]
) -> str:
    """The disputes of one dataset with the facts of their rows; one a row and field, whatever it feeds."""
    fields = sorted(
        {
            source.column.name
            for sources in compared(library, entity).values()
            for source in sources
            if source.contract.id == dataset
        }
    )
    rules = " ".join(
        f"WHEN {literal(field)} THEN {literal(rule_name(library, entity, dataset, field))}"
        for field in fields
    )
    return (
        f"SELECT {row_facts(library[dataset])}, CASE dispute.field {rules} END AS rule, "
        f"'consistency' AS dimension, 'error' AS severity, dispute.field, dispute.observed, "
        f"dispute.suggestion, dispute.evidence "
        f"FROM {disputes.scan} AS dispute JOIN {scans[dataset]} AS {ROW} ON {ROW}._row = dispute.row_number "
        f"WHERE dispute.finding_id IS NULL AND dispute.dataset = {literal(dataset)} "
        f"QUALIFY row_number() OVER ("
        f"PARTITION BY {ROW}._row, dispute.field ORDER BY dispute.suggestion, dispute.evidence) = 1"
    )
