"""The unified governance database: one row per entity, each attribute from its authoritative source.

The contracts that feed an entity define its attributes. A source establishes the entity if the authority order of
the key names it; other sources only add attributes. Example: the police establish a person, the hospital adds a
phone number. Faults are tables: a faulty value is replaced by the value of the next source.
`warehouse.governance.derive` makes tables from other governance tables (household from person).
`warehouse.governance.history` keeps versions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from schemas.contract.library import ContractSource, Library
from schemas.contract.model import SOMEBODY_ELSES, Entity
from schemas.emit.sql import SQL_TYPES, literal, quote
from schemas.tables import TableField, TableStandard, load_tables
from warehouse.engine.functions import library_digest
from warehouse.engine.templates import template
from warehouse.governance.claims import Claimant, claimants, claims_query, disowned, unquestioned
from warehouse.governance.history import VersionedStage
from warehouse.home.files import digest_of
from warehouse.incremental.affected_keys import touched_keys
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs, Predecessor
from warehouse.incremental.machine import bring_up_to_date
from warehouse.incremental.scratch import Scratch
from warehouse.incremental.stage import Work
from warehouse.lake.layers import Input, Layer
from warehouse.lake.partition import Partition

PLACE = ("county_code", "township_code")

_PLACE_COLUMNS = "county_of(village_code) AS county_code, township_of(village_code) AS township_code"


def standard_of(library: Library, entity: Entity) -> TableStandard:
    """The columns of an entity's table: its key, every fed attribute, place, provenance, validity."""
    fields = [
        TableField(attribute, sources[0].column.type, sources[0].column.title, _named(sources))
        for attribute, sources in library.sources(entity.name).items()
    ]
    common = {field.name: field for field in load_tables()[f"{Layer.GOVERNANCE}._common"].fields}
    names = [field.name for field in fields]
    extra = [*(PLACE if "village_code" in names else ()), "provenance", "valid_from"]
    return TableStandard(
        f"{Layer.GOVERNANCE}.{entity.name}",
        entity.title,
        entity.description,
        (*fields, *(common[name] for name in extra)),
    )


def _named(sources: Sequence[ContractSource]) -> str:
    source = sources[0]
    return f"数源为{source.contract.department_title}《{source.contract.title}》"


def fuse(
    context: BatchContext, entity: Entity, faults: Mapping[str, Sequence[Partition]]
) -> Partition | None:
    """Write one entity's table and the versions that it ends, if an input has changed.

    Args:
        context: the batch.
        entity: the entity.
        faults: dataset → tables of faulty values, with `dataset`, `_row`, `field` and `severity`.

    Returns:
        The partition in force, or None when no source that establishes the entity was ever delivered.
    """
    library, lake = context.library, context.lake
    datasets = {s.contract.id for sources in library.sources(entity.name).values() for s in sources}
    found = {d: lake.as_of(Layer.STANDARD, d, context.batch) for d in sorted(datasets)}
    tables = {dataset: table for dataset, table in found.items() if table is not None}
    if not _founding(library, entity, tables):
        return None
    known = {dataset: tuple(faults.get(dataset, ())) for dataset in tables}
    return bring_up_to_date(context, EntityStage(library, entity, tables, known))


@dataclass(frozen=True)
class EntityStage(VersionedStage):
    """The table of an entity, fused from the standard tables of its sources and the findings on them."""

    library: Library
    entity: Entity
    tables: Mapping[str, Partition]
    faults: Mapping[str, Sequence[Partition]]

    @property
    def table(self) -> str:
        """The entity."""
        return self.entity.name

    @property
    def identity(self) -> str:
        """The key of the entity."""
        return self.entity.key

    @property
    def inputs(self) -> Inputs:
        """The query, the functions, and all tables."""
        names = {dataset: dataset for dataset in self.tables}
        faults = {dataset: [fault.table for fault in every] for dataset, every in self.faults.items()}
        found = {fault.table: fault for every in self.faults.values() for fault in every}
        return Inputs(
            program={
                Input.QUERY: digest_of(fused_query(self.library, self.entity, names, faults)),
                Input.FUNCTIONS: library_digest(),
            },
            tables=(*self.tables.values(), *found.values()),
        )

    @property
    def rows_read(self) -> int:
        """The rows of the sources."""
        return sum(table.rows for table in self.tables.values())

    def affected(self, before: Predecessor, scratch: Scratch) -> str | None:
        """The keys whose claims changed, or whose rows have other findings."""
        speakers = claimants(self.library, self.entity, self.tables).values()
        return touched_keys(before, speakers, self.tables, self.faults, self.identity)

    def unversioned(self, work: Work) -> str:
        """The rows as `fused_query` makes them."""
        scans = {dataset: table.scan for dataset, table in self.tables.items()}
        faults = {dataset: [fault.scan for fault in every] for dataset, every in self.faults.items()}
        return fused_query(self.library, self.entity, scans, faults, work.affected)


def placed(rows: str) -> str:
    """Rows that have a `village_code`, with the county and the township of the village."""
    return f"SELECT *, {_PLACE_COLUMNS} FROM ({rows})"


def _founding(library: Library, entity: Entity, datasets: Collection[str]) -> list[ContractSource]:
    return [source for source in library.founders(entity) if source.contract.id in datasets]


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
        faults: dataset → relations of faulty values.
        among: a relation whose column `key` holds the wanted keys, which must be few.
    """
    speakers = claimants(library, entity, tables)
    claims = [
        f"{c.alias} AS ({claims_query(c, tables[c.contract.id], _faults(c, faults), among, few=among is not None)})"
        for c in speakers.values()
    ]
    founding = [speakers[s.contract.id, s.feed.subject].alias for s in _founding(library, entity, tables)]
    # If several sources establish the entity, their keys are united first.
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
    own = f"WHERE severity = 'error' AND dataset = {literal(dataset)}"
    queries = [f"SELECT _row AS row_number, field FROM {found} {own}" for found in faults.get(dataset, ())]
    if any(rule.name == SOMEBODY_ELSES for rule in claimant.contract.rules):
        queries += [
            f"SELECT _row AS row_number, {disowned('field')} AS field FROM {found} {own} "
            f"AND rule = {literal(SOMEBODY_ELSES)}"
            for found in faults.get(dataset, ())
        ]
    return " UNION ALL ".join(queries) or None


def _chosen(attribute: str, speakers: Sequence[str], source: ContractSource) -> str:
    """The first sound value, else the first value, else a NULL of the right type."""
    sound = [f"{alias}.{quote(attribute)}" for alias in speakers]
    any_value = [f"{alias}.{unquestioned(attribute)}" for alias in speakers]
    values = ", ".join([*sound, *any_value, f"CAST(NULL AS {SQL_TYPES[source.column.type]})"])
    return f"coalesce({values}) AS {quote(attribute)}"


def _provenance(
    said: Mapping[str, Sequence[Claimant]], aliases: Mapping[str, str], datasets: Sequence[str]
) -> str:
    """For each attribute the dataset of the chosen value.

    The type is an enumeration: a city has one entry for each value, and texts are slow to sort and write.
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
