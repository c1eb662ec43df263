"""Derived tables: an SQL model makes them from the tables of entities, see `schemas.contract.derived`.

`warehouse.governance.history` keeps the start of each row's version, and the versions that ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.contract.derived import DerivedTable
from schemas.contract.library import Library
from schemas.emit.sql import quote
from schemas.tables import TableStandard, load_tables
from warehouse.engine.functions import library_digest
from warehouse.governance.fuse import PLACE, placed
from warehouse.governance.history import VersionedStage
from warehouse.home.files import digest_of
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs, Predecessor
from warehouse.incremental.machine import bring_up_to_date
from warehouse.incremental.scratch import Scratch
from warehouse.incremental.stage import Work
from warehouse.lake.layers import Input, Layer
from warehouse.lake.partition import Partition

_VILLAGE = "village_code"


def derived(library: Library) -> Mapping[str, DerivedTable]:
    """The derived tables whose sources the library has, by name."""
    fed = {entity.name: library.sources(entity.name).keys() for entity in library.fed_entities}
    return {
        table.name: table
        for table in library.derived
        if all(fed.get(entity, set()) >= set(attributes) for entity, attributes in table.inputs.items())
    }


def standard_of_derived(table: DerivedTable) -> TableStandard:
    """The columns of a derived table: the model's columns, place, validity."""
    common = {field.name: field for field in load_tables()[f"{Layer.GOVERNANCE}._common"].fields}
    extra = (*(PLACE if _lies_somewhere(table) else ()), "valid_from")
    fields = (*table.fields, *(common[name] for name in extra))
    return TableStandard(f"{Layer.GOVERNANCE}.{table.name}", table.title, table.description, fields)


def derive(context: BatchContext, name: str) -> Partition | None:
    """Write a table that an SQL model makes from governance tables, with its history.

    Returns:
        The partition in force, or None when a source table does not exist yet.
    """
    table = derived(context.library)[name]
    found = {entity: context.lake.as_of(Layer.GOVERNANCE, entity, context.batch) for entity in table.inputs}
    sources = {entity: source for entity, source in found.items() if source is not None}
    if len(sources) < len(found):
        return None
    return bring_up_to_date(context, DerivedStage(table, sources))


def model_query(table: DerivedTable, sources: Mapping[str, str]) -> str:
    """The SQL of the model's rows.

    Args:
        table: the derived table.
        sources: entity → its table as a relation in SQL.
    """
    rows = table.model.format(**sources)
    return placed(rows) if _lies_somewhere(table) else rows


def _lies_somewhere(table: DerivedTable) -> bool:
    return any(field.name == _VILLAGE for field in table.fields)


@dataclass(frozen=True)
class DerivedStage(VersionedStage):
    """A table that an SQL model makes: for affected keys, or as a whole if it is declared so."""

    declared: DerivedTable
    sources: Mapping[str, Partition]

    @property
    def table(self) -> str:
        """The derived table."""
        return self.declared.name

    @property
    def identity(self) -> str:
        """The key of the derived table."""
        return self.declared.key

    @property
    def inputs(self) -> Inputs:
        """The model, the functions, and the source tables."""
        return Inputs(
            program={Input.QUERY: digest_of(self.declared.model), Input.FUNCTIONS: library_digest()},
            tables=tuple(self.sources.values()),
        )

    def affected(self, before: Predecessor, scratch: Scratch) -> str | None:
        """The keys of new, deleted or changed rows of the sources; None if a row depends on other keys too."""
        if self.declared.whole:
            return None
        queries = []
        for source in self.sources.values():
            changes = before.changes(source)
            if changes is None:
                return None
            key = quote(self.identity)
            queries += [f"SELECT {key} FROM {rows}" for rows in (changes.lost, changes.gained)]
        return " UNION ALL ".join(queries)

    def unversioned(self, work: Work) -> str:
        """The SQL of the model's rows."""
        among = f" WHERE {quote(self.identity)} IN ({work.of_affected})" if work.affected is not None else ""
        sources = {
            entity: f"(SELECT * FROM {source.scan}{among})" if among else source.scan
            for entity, source in self.sources.items()
        }
        return model_query(self.declared, sources)
