"""The unified governance database: one row per entity, each attribute from its authoritative source.

What an entity's attributes are follows from the contracts that feed them. A source whose key has authority 1
establishes the entity; the others only speak of it. Faults come in as tables: a value found faulty gives way
to the next source. Tables that follow from others (household from person) are SQL models in
`warehouse/models/`. Since when a row is as it is, and what it was before, is `warehouse.history`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb

from schemas.contract import Entity
from schemas.emit.sql import SQL_TYPES, literal, quote
from schemas.library import Library, Source
from schemas.tables import Field, TableStandard, load_tables
from warehouse.claims import Claimant, claimants, claims_query, unquestioned
from warehouse.files import digest_of
from warehouse.functions import library_digest
from warehouse.history import HISTORY, LAYER, Chain
from warehouse.lake import Lake
from warehouse.partition import Partition
from warehouse.templates import template
from warehouse.touched import are_few, same_but, touched_keys

__all__ = ["HISTORY", "LAYER", "derive", "derived", "fuse", "standard_of", "standard_of_derived"]

MODELS = Path(__file__).parent / "models"

# Models by name, with the governance tables they are made from and the attributes they read there. A model's row
# follows from those rows alone that carry its key, in a column of the same name.
DERIVED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "household": {
        "person": ("resident_id", "name", "birth_date", "household_no", "relation", "address", "village_code")
    }
}

PLACE = ("county_code", "township_code")

_PLACE_COLUMNS = "county_of(village_code) AS county_code, township_of(village_code) AS township_code"


def standard_of(library: Library, entity: Entity) -> TableStandard:
    """What the table of an entity holds: its key, every fed attribute, place, provenance, validity."""
    fields = [
        Field(attribute, sources[0].column.type, sources[0].column.title, _named(sources))
        for attribute, sources in library.sources(entity.name).items()
    ]
    common = {field.name: field for field in load_tables()[f"{LAYER}._common"].fields}
    names = [field.name for field in fields]
    extra = [*(PLACE if "village_code" in names else ()), "provenance", "valid_from"]
    return TableStandard(
        f"{LAYER}.{entity.name}",
        entity.title,
        entity.description,
        (*fields, *(common[name] for name in extra)),
    )


def derived(library: Library) -> dict[str, tuple[str, ...]]:
    """The derived tables that the library's datasets suffice for, each with the tables it is made from."""
    fed = {entity.name: library.sources(entity.name).keys() for entity in library.fed_entities}
    return {
        name: tuple(sources)
        for name, sources in DERIVED.items()
        if all(fed.get(table, set()) >= set(attributes) for table, attributes in sources.items())
    }


def standard_of_derived(name: str) -> TableStandard:
    """What a derived table holds: its model's columns, where it lies, validity."""
    tables = load_tables()
    own = tables[f"{LAYER}.{name}"]
    common = {field.name: field for field in tables[f"{LAYER}._common"].fields}
    fields = (*own.fields, *(common[extra] for extra in (*PLACE, "valid_from")))
    return TableStandard(own.id, own.title, own.description, fields)


def _named(sources: Sequence[Source]) -> str:
    source = sources[0]
    return f"数源为{source.contract.department_title}《{source.contract.title}》"


def fuse(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    library: Library,
    entity: Entity,
    batch: date,
    faults: Mapping[str, Sequence[Partition]],
) -> Partition | None:
    """Write one entity's table and what it closes of the history, unless nothing it follows from has changed.

    Args:
        connection: with the function library.
        lake: where `standard/*` is read, `governance/<entity>` and `history/<entity>` are written.
        library: the contracts.
        entity: the entity.
        batch: the day of the turn.
        faults: dataset → tables with `dataset`, `_row`, `field` and `severity` of what was found
            faulty there.

    Returns:
        The partition in force, or None when no source that establishes the entity was ever delivered.
    """
    datasets = {s.contract.id for sources in library.sources(entity.name).values() for s in sources}
    found = {dataset: lake.as_of("standard", dataset, batch) for dataset in sorted(datasets)}
    tables = {dataset: table for dataset, table in found.items() if table is not None}
    if not _founding(library, entity, tables):
        return None
    known = {dataset: list(faults.get(dataset, ())) for dataset in tables}
    inputs = {
        "query": digest_of(
            fused_query(
                library,
                entity,
                {dataset: dataset for dataset in tables},
                {dataset: [fault.table for fault in every] for dataset, every in known.items()},
            )
        ),
        "functions": library_digest(),
        **{f"standard/{dataset}": table.fingerprint for dataset, table in tables.items()},
        **{
            f"fault/{dataset}/{fault.table}": fault.fingerprint
            for dataset, every in known.items()
            for fault in every
        },
    }
    chain = Chain(connection, lake, entity.name, (entity.key,))
    current = chain.fresh(batch, inputs)
    if current is not None:
        return current
    scans = {dataset: table.scan for dataset, table in tables.items()}
    found_faulty = {dataset: [fault.scan for fault in every] for dataset, every in known.items()}
    touched = touched_keys(
        lake,
        lake.before(LAYER, entity.name, batch),
        inputs,
        claimants(library, entity, tables).values(),
        tables,
        {d: {f"fault/{d}/{fault.table}": fault for fault in every} for d, every in known.items()},
    )
    if touched is not None:
        query = fused_query(library, entity, scans, found_faulty, "touched_key")
        amended = _amend(chain, batch, query, touched, inputs)
        if amended is not None:
            return amended
    return chain.append(batch, fused_query(library, entity, scans, found_faulty), inputs)


def _amend(
    chain: Chain, batch: date, query: str, touched: str, inputs: Mapping[str, str]
) -> Partition | None:
    """The table with the rows of the touched keys as `query` makes them of the relation `touched_key`."""
    chain.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_key AS SELECT DISTINCT key FROM ({touched}) WHERE key IS NOT NULL"
    )
    try:
        return chain.amend(batch, query, "touched_key", inputs)
    finally:
        chain.connection.execute("DROP TABLE touched_key")


def derive(connection: duckdb.DuckDBPyConnection, lake: Lake, name: str, batch: date) -> Partition | None:
    """Write a table that an SQL model makes from governance tables, with its history.

    Returns:
        The partition in force, or None when a table it is made from does not exist yet.
    """
    sources = {table: lake.as_of(LAYER, table, batch) for table in DERIVED[name]}
    present = {table: source for table, source in sources.items() if source is not None}
    if len(present) < len(sources):
        return None
    model = (MODELS / f"{name}.sql").read_text(encoding="utf-8")
    inputs = {
        "model": digest_of(model),
        "functions": library_digest(),
        **{f"{LAYER}/{table}": source.fingerprint for table, source in present.items()},
    }
    key = load_tables()[f"{LAYER}.{name}"].fields[0].name
    chain = Chain(connection, lake, name, (key,))
    current = chain.fresh(batch, inputs)
    if current is not None:
        return current
    before = lake.before(LAYER, name, batch)
    touched = _touched_by(lake, before, inputs, present, key)
    if touched is not None:
        of_touched = {
            table: f"(SELECT * FROM {source.scan} WHERE {quote(key)} IN (FROM touched_key))"
            for table, source in present.items()
        }
        amended = _amend(chain, batch, _placed(model.format(**of_touched)), touched, inputs)
        if amended is not None:
            return amended
    rows = model.format(**{table: source.scan for table, source in present.items()})
    return chain.append(batch, _placed(rows), inputs)


def _placed(rows: str) -> str:
    return f"SELECT *, {_PLACE_COLUMNS} FROM ({rows})"


def _touched_by(
    lake: Lake,
    before: Partition | None,
    inputs: Mapping[str, str],
    sources: Mapping[str, Partition],
    key: str,
) -> str | None:
    """The keys of a derived table that changes of its sources touch, as of `warehouse.touched.touched_keys`."""
    named = {f"{LAYER}/{table}" for table in sources}
    if before is None or not same_but(before.inputs, inputs, named) or are_few(sources.values()):
        return None
    parts = []
    for table, now in sources.items():
        earlier = lake.with_fingerprint(LAYER, table, before.batch, before.inputs[f"{LAYER}/{table}"])
        changes = now.changes(earlier) if earlier is not None else None
        if changes is None:
            return None
        parts += [f"SELECT {quote(key)} AS key FROM {rows}" for rows in (changes.lost, changes.gained)]
    return " UNION ALL ".join(parts)


def _founding(library: Library, entity: Entity, datasets: Collection[str]) -> list[Source]:
    return [
        source
        for source in library.sources(entity.name)[entity.key]
        if source.feed.authority == 1 and source.contract.id in datasets
    ]


def fused_query(
    library: Library,
    entity: Entity,
    tables: Mapping[str, str],
    faults: Mapping[str, Sequence[str]],
    among: str | None = None,
) -> str:
    """The SQL of an entity's table, without its validity.

    Args:
        library: the contracts.
        entity: the entity.
        tables: dataset → its standard table as a relation in SQL, for those that were delivered.
        faults: dataset → relations with what was found faulty there.
        among: a relation whose column `key` holds the only keys that are asked for, few of all.
    """
    speakers = claimants(library, entity, tables)
    claims = [
        f"{c.alias} AS ({claims_query(c, tables[c.contract.id], _faults(c, faults), among, few=among is not None)})"
        for c in speakers.values()
    ]
    founding = [speakers[s.contract.id, s.feed.subject].alias for s in _founding(library, entity, tables)]
    # Only where several establish the entity their keys have to be brought together first.
    base = founding[0] if len(founding) == 1 else "founded"
    if len(founding) > 1:
        keys = " UNION ".join(f"SELECT key FROM {alias}" for alias in founding)
        claims.append(f"founded AS ({keys})")
    others = {a: every for a, every in library.sources(entity.name).items() if a != entity.key}
    said = {
        attribute: [speakers[s.contract.id, s.feed.subject] for s in sources if s.contract.id in tables]
        for attribute, sources in others.items()
    }
    aliases = {c.alias: "entity" if c.alias == base else c.alias for c in speakers.values()}
    return template("warehouse", "fused").format(
        claims=",\n".join(claims),
        key=quote(entity.key),
        values="".join(
            f",\n    {_chosen(attribute, [aliases[c.alias] for c in said[attribute]], sources[0])}"
            for attribute, sources in others.items()
        ),
        provenance=_provenance(said, aliases, sorted(tables)),
        entity=base,
        joins="\n  ".join(
            f"LEFT JOIN {alias} ON {alias}.key = entity.key"
            for alias in aliases.values()
            if alias != "entity"
        ),
        place=f", {_PLACE_COLUMNS}" if "village_code" in others else "",
    )


def _faults(claimant: Claimant, faults: Mapping[str, Sequence[str]]) -> str | None:
    dataset = claimant.contract.id
    return " UNION ALL ".join(
        f"SELECT _row AS row_number, field FROM {relation} "
        f"WHERE severity = 'error' AND dataset = {literal(dataset)}"
        for relation in faults.get(dataset, ())
    ) or None  # fmt: skip


def _chosen(attribute: str, speakers: Sequence[str], source: Source) -> str:
    """The first sound value, else the first value at all, else nothing of the right type."""
    sound = [f"{alias}.{quote(attribute)}" for alias in speakers]
    any_value = [f"{alias}.{unquestioned(attribute)}" for alias in speakers]
    values = ", ".join([*sound, *any_value, f"CAST(NULL AS {SQL_TYPES[source.column.type]})"])
    return f"coalesce({values}) AS {quote(attribute)}"


def _provenance(
    said: Mapping[str, Sequence[Claimant]], aliases: Mapping[str, str], datasets: Sequence[str]
) -> str:
    """For each attribute the dataset that the chosen value comes from.

    As an enumeration: a city has as many of these as it has values, and a text each is slow to sort and write.
    """
    named = f"ENUM({', '.join(literal(dataset) for dataset in datasets)})"
    origins = []
    for attribute, speakers in said.items():
        branches = " ".join(
            f"WHEN {aliases[c.alias]}.{column} IS NOT NULL THEN {literal(c.contract.id)}"
            for column in (quote(attribute), unquestioned(attribute))
            for c in speakers
        )
        origin = f"CASE {branches} END" if speakers else "NULL"
        origins.append(f"{quote(attribute)} := CAST({origin} AS {named})")
    return f"struct_pack({', '.join(origins)})" if origins else f"CAST(NULL AS {named})"
