"""The unified governance database: one row per entity, each attribute from its authoritative source, with history.

What an entity's attributes are follows from the contracts that feed them. A source whose key has authority 1
establishes the entity; the others only speak of it. Faults come in as tables: a value found faulty gives way to
the next source. Tables that follow from others (household from person) are SQL models in `warehouse/models/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from schemas.contract import Contract, Entity, Subject
from schemas.emit.sql import SQL_TYPES, literal, quote
from schemas.library import Library, Source
from schemas.tables import Field, TableStandard, load_tables
from warehouse.functions import library_digest
from warehouse.lake import Lake, Partition, sha256_of

LAYER = "governance"
HISTORY = "history"
MODELS = Path(__file__).parent / "models"

# Models by name, with the governance tables they are made from.
DERIVED: Mapping[str, tuple[str, ...]] = {"household": ("person",)}

PLACE = ("county_code", "township_code")


@dataclass(frozen=True)
class _Claimant:
    """One subject of one dataset as a source of an entity's attributes: attribute → column."""

    alias: str
    contract: Contract
    subject: Subject
    columns: Mapping[str, str]


def standard_of(library: Library, entity: Entity) -> TableStandard:
    """What the table of an entity holds: the key, every fed attribute, where it lies, provenance, validity."""
    fields = [
        Field(attribute, sources[0].column.type, sources[0].column.title, _named(sources))
        for attribute, sources in library.sources(entity.name).items()
    ]
    common = {field.name: field for field in load_tables()["governance._common"].fields}
    names = [field.name for field in fields]
    extra = [*(PLACE if "village_code" in names else ()), "provenance", "valid_from"]
    return TableStandard(
        f"{LAYER}.{entity.name}",
        entity.title,
        entity.description,
        (*fields, *(common[name] for name in extra)),
    )


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
        faults: dataset → tables with `row_number`, `field` and `severity` of what was found faulty there.

    Returns:
        The partition in force, or None when no source that establishes the entity was ever delivered.
    """
    claimants = _claimants(lake, library, entity, batch)
    tables = {c.contract.id: lake.as_of("standard", c.contract.id, batch) for c in claimants}
    present = {dataset: table for dataset, table in tables.items() if table is not None}
    founding = _founding(library, entity, present)
    if not founding:
        return None
    inputs = {
        "functions": library_digest(),
        **{f"contract/{c.contract.id}": c.contract.digest for c in claimants},
        **{f"standard/{dataset}": table.fingerprint for dataset, table in present.items()},
        **{
            f"fault/{dataset}/{found.table}": found.fingerprint
            for dataset in sorted(present)
            for found in faults.get(dataset, ())
        },
    }
    current = lake.fresh(LAYER, entity.name, batch, inputs)
    if current is not None:
        return current
    attributes = {
        name: SQL_TYPES[sources[0].column.type]
        for name, sources in library.sources(entity.name).items()
    }
    query = _fused_query(entity, attributes, claimants, founding, present, faults)
    return _with_history(connection, lake, entity.name, (entity.key,), query, batch, inputs)


def derive(
    connection: duckdb.DuckDBPyConnection, lake: Lake, name: str, batch: date
) -> Partition | None:
    """Write a table that an SQL model makes from governance tables, with its history.

    Returns:
        The partition in force, or None when a table it is made from does not exist yet.
    """
    sources = {table: lake.as_of(LAYER, table, batch) for table in DERIVED[name]}
    present = {table: source for table, source in sources.items() if source is not None}
    if len(present) < len(sources):
        return None
    model = MODELS / f"{name}.sql"
    inputs = {
        "model": sha256_of(model),
        **{f"{LAYER}/{table}": source.fingerprint for table, source in present.items()},
    }
    current = lake.fresh(LAYER, name, batch, inputs)
    if current is not None:
        return current
    sql = model.read_text(encoding="utf-8").format(
        **{table: source.scan for table, source in present.items()}
    )
    key = load_tables()[f"{LAYER}.{name}"].fields[0].name
    query = f"SELECT *, {_place_columns()} FROM ({sql})"
    return _with_history(connection, lake, name, (key,), query, batch, inputs)


def _claimants(lake: Lake, library: Library, entity: Entity, batch: date) -> list[_Claimant]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    order: dict[tuple[str, str], tuple[Contract, Subject]] = {}
    for attribute, sources in library.sources(entity.name).items():
        for source in sources:
            if lake.as_of("standard", source.contract.id, batch) is None:
                continue
            place = (source.contract.id, source.feed.subject)
            order[place] = (source.contract, source.contract.subject(source.feed.subject))
            found.setdefault(place, {})[attribute] = source.column.name
    return [
        _Claimant(f"source_{number}", *order[place], found[place])
        for number, place in enumerate(order)
    ]


def _founding(library: Library, entity: Entity, present: Mapping[str, Partition]) -> list[Source]:
    return [
        source
        for source in library.sources(entity.name)[entity.key]
        if source.feed.authority == 1 and source.contract.id in present
    ]


def _fused_query(
    entity: Entity,
    attributes: Mapping[str, str],
    claimants: Sequence[_Claimant],
    founding: Sequence[Source],
    tables: Mapping[str, Partition],
    faults: Mapping[str, Sequence[Partition]],
) -> str:
    keys = " UNION ".join(
        f"SELECT DISTINCT {quote(s.column.name)} AS key FROM {tables[s.contract.id].scan} "
        f"WHERE {quote(s.column.name)} IS NOT NULL"
        for s in founding
    )
    claims = ",\n".join(
        f"{c.alias} AS ({_claim(c, tables[c.contract.id], faults.get(c.contract.id, ()))})"
        for c in claimants
    )
    joins = "\n".join(f"LEFT JOIN {c.alias} ON {c.alias}.key = entity.key" for c in claimants)
    others = [attribute for attribute in attributes if attribute != entity.key]
    values = "".join(
        f",\n  {_chosen(name, _speakers(name, claimants), attributes[name])}" for name in others
    )
    provenance = ", ".join(
        f"{quote(name)} := {_origin(name, _speakers(name, claimants))}" for name in others
    )
    place = f", {_place_columns()}" if "village_code" in attributes else ""
    return f"""
WITH entity AS ({keys}),
{claims},
fused AS (
SELECT entity.key AS {quote(entity.key)}{values},
  struct_pack({provenance}) AS provenance
FROM entity
{joins}
)
SELECT * EXCLUDE (provenance){place}, provenance FROM fused
"""


def _speakers(attribute: str, claimants: Sequence[_Claimant]) -> list[_Claimant]:
    """Who says something of an attribute, the most authoritative first."""
    speakers = [c for c in claimants if attribute in c.columns]

    def rank(claimant: _Claimant) -> tuple[int, str]:
        column = claimant.contract.column(claimant.columns[attribute])
        feed = next(f for f in column.feeds if f.subject == claimant.subject.alias)
        return feed.authority, claimant.alias

    return sorted(speakers, key=rank)


def _chosen(attribute: str, speakers: Sequence[_Claimant], sql_type: str) -> str:
    """The first sound value, else the first value at all, else nothing of the right type."""
    sound = [f"{c.alias}.{quote(attribute)}" for c in speakers]
    any_value = [f"{c.alias}.{quote(attribute + '__any')}" for c in speakers]
    values = ", ".join([*sound, *any_value, f"CAST(NULL AS {sql_type})"])
    return f"coalesce({values}) AS {quote(attribute)}"


def _origin(attribute: str, speakers: Sequence[_Claimant]) -> str:
    """The dataset that the chosen value comes from."""
    if not speakers:
        return "CAST(NULL AS VARCHAR)"
    branches = [
        f"WHEN {c.alias}.{quote(attribute + suffix)} IS NOT NULL THEN {literal(c.contract.id)}"
        for suffix in ("", "__any")
        for c in speakers
    ]
    return f"CASE {' '.join(branches)} END"


def _claim(claimant: _Claimant, table: Partition, faults: Sequence[Partition]) -> str:
    """One row per key: its newest; each attribute once as found sound, once as it stands (`__any`)."""
    key = quote(claimant.subject.key)
    latest = claimant.contract.latest
    order = f"{quote(latest)} DESC NULLS LAST, _row" if latest else "_row"
    found = " UNION ALL ".join(
        f"SELECT row_number, field FROM {fault.scan} WHERE severity = 'error' "
        f"AND dataset = {literal(claimant.contract.id)}"
        for fault in faults
    )
    faulty = (
        f"LEFT JOIN (SELECT row_number, list(DISTINCT field) AS fields FROM ({found}) "
        f"GROUP BY row_number) AS fault ON fault.row_number = _row"
        if faults
        else ""
    )
    values = []
    for attribute, column in claimant.columns.items():
        sound = (
            f"CASE WHEN list_contains(fault.fields, {literal(column)}) THEN NULL ELSE {quote(column)} END"
            if faults
            else quote(column)
        )
        values.append(
            f"{sound} AS {quote(attribute)}, {quote(column)} AS {quote(attribute + '__any')}"
        )
    return (
        f"SELECT {key} AS key, {', '.join(values)} FROM {table.scan} {faulty} WHERE {key} IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1"
    )


def _place_columns() -> str:
    return "county_of(village_code) AS county_code, township_of(village_code) AS township_code"


def _with_history(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    name: str,
    key: Sequence[str],
    query: str,
    batch: date,
    inputs: Mapping[str, str],
) -> Partition:
    """Write the table with `valid_from`, and the versions that end with this batch."""
    today = f"DATE '{batch.isoformat()}'"
    before = lake.before(LAYER, name, batch)
    identity = ", ".join(quote(column) for column in key)
    order = f"ORDER BY {identity}"
    if before is None:
        whole = f"SELECT *, {today} AS valid_from FROM ({query}) {order}"
        return lake.write(connection, LAYER, name, batch, whole, inputs=inputs)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE now_{name} AS {query}")
    names = [row[0] for row in connection.execute(f"DESCRIBE now_{name}").fetchall()]
    known = {row[0] for row in connection.execute(f"DESCRIBE FROM {before.scan}").fetchall()}
    same = " AND ".join(
        f"n.{quote(column)} IS NOT DISTINCT FROM p.{quote(column)}"
        for column in names
        if column in known and column != "provenance"
    )
    whole = (
        f"SELECT n.*, CASE WHEN {same} THEN p.valid_from ELSE {today} END AS valid_from "
        f"FROM now_{name} AS n LEFT JOIN {before.scan} AS p USING ({identity}) {order}"
    )
    ended = (
        f"SELECT p.*, {today} AS valid_to FROM {before.scan} AS p "
        f"LEFT JOIN now_{name} AS n USING ({identity}) "
        f"WHERE n.{quote(key[0])} IS NULL OR NOT ({same}) {order}"
    )
    lake.write(connection, HISTORY, name, batch, ended, inputs=inputs)
    partition = lake.write(connection, LAYER, name, batch, whole, inputs=inputs)
    connection.execute(f"DROP TABLE now_{name}")
    return partition
