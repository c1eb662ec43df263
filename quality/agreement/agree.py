"""Agreement: datasets that feed the same attribute of the same entity must give the same value (多源校核).

The value of the source with the highest authority is the suggestion. Exception: the authority stands alone and at
least two other datasets agree on another value. Then the authority is more likely wrong, and their value is the
suggestion. A value that a row rule already found faulty has no vote and gets no second finding. If its rule suggests
nothing, the winning value of the other sources is its suggestion. `quality.agreement.conflicts` weighs the values;
`warehouse.governance.claims` reads them from the sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quality.agreement.conflicts import Attributes, find_disputes
from quality.findings.verify import MEASURES, standard_tables
from quality.rules.routing import ORDER, finding_rows, no_findings, row_facts
from quality.rules.rule import ROW
from schemas.contract.library import ContractSource, Library
from schemas.contract.model import Contract, Entity, Rule
from schemas.emit.sql import literal
from warehouse.engine.functions import library_digest
from warehouse.home.files import digest_of
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs
from warehouse.incremental.machine import bring_up_to_date
from warehouse.incremental.stage import Stage, Work
from warehouse.lake.layers import Input, Layer
from warehouse.lake.partition import Partition

RULE = "agreement"


def table_name(entity: Entity) -> str:
    """The name of an entity's agreement findings in the lake."""
    return f"{RULE}.{entity.name}"


def compared(library: Library, entity: Entity) -> dict[str, tuple[ContractSource, ...]]:
    """The attributes that at least two datasets feed, with their sources; the key is what joins them."""
    return _between_datasets(library.sources(entity.name), entity)


def _between_datasets(attributes: Attributes, entity: Entity) -> dict[str, tuple[ContractSource, ...]]:
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


def agree(context: BatchContext, entity: Entity) -> Partition | None:
    """Write an entity's disputes and the findings they are, unless nothing they follow from has changed.

    Returns:
        The partition in force (columns of `quality.rules.routing`), or None when never two of the sources were
        delivered.
    """
    lake, library = context.lake, context.library
    tables = standard_tables(lake, library, context.batch)
    delivered = {
        attribute: tuple(source for source in sources if source.contract.id in tables)
        for attribute, sources in compared(library, entity).items()
    }
    attributes = _between_datasets(delivered, entity)
    if not attributes and lake.as_of(Layer.FINDING, table_name(entity), context.batch) is None:
        return None
    datasets = sorted({s.contract.id for sources in attributes.values() for s in sources})
    found = {dataset: lake.as_of(Layer.FINDING, dataset, context.batch) for dataset in datasets}
    faults = {dataset: partition for dataset, partition in found.items() if partition is not None}
    disputes = find_disputes(context, entity, attributes, {d: tables[d] for d in datasets}, faults)
    stage = AgreementStage(library, context.codes.digest, entity, tuple(datasets), tables, disputes)
    return bring_up_to_date(context, stage)


@dataclass(frozen=True)
class AgreementStage(Stage):
    """The findings that an entity's disputes are. Disputes are few: all their findings are made anew."""

    library: Library
    codes_digest: str
    entity: Entity
    datasets: tuple[str, ...]
    tables: Mapping[str, Partition]
    disputes: Partition

    layer = Layer.FINDING
    patched = False
    identity = "_row"
    order = ORDER
    measures = MEASURES

    @property
    def table(self) -> str:
        """The entity, as `table_name` calls it."""
        return table_name(self.entity)

    @property
    def inputs(self) -> Inputs:
        """How disputes become findings, the disputes, and the tables that say where their rows belong."""
        routed = (route.dataset for d in self.datasets for route in self.library[d].routes if route.dataset)
        read = sorted({*self.datasets, *routed})
        names = {dataset: dataset for dataset in self.tables}
        return Inputs(
            program={
                Input.QUERY: digest_of(self._query("disputes", names)),
                Input.CODES: self.codes_digest,
                Input.FUNCTIONS: library_digest(),
                **{Input.CONTRACT.of(d): self.library[d].digest for d in read},
            },
            tables=(self.disputes, *(self.tables[d] for d in read if d in self.tables)),
        )

    def rows(self, work: Work) -> str:
        """The findings of all disputes."""
        scans = {dataset: table.scan for dataset, table in self.tables.items()}
        return self._query(self.disputes.scan, scans)

    def _query(self, disputes: str, tables: Mapping[str, str]) -> str:
        hits = {d: _hits(self.library, self.entity, d, disputes, tables) for d in self.datasets}
        return finding_rows(hits, self.library, tables) if hits else no_findings()


def _hits(library: Library, entity: Entity, dataset: str, disputes: str, scans: Mapping[str, str]) -> str:
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
        f"FROM {disputes} AS dispute JOIN {scans[dataset]} AS {ROW} ON {ROW}._row = dispute.row_number "
        f"WHERE dispute.finding_id IS NULL AND dispute.dataset = {literal(dataset)} "
        f"QUALIFY row_number() OVER ("
        f"PARTITION BY {ROW}._row, dispute.field ORDER BY dispute.suggestion, dispute.evidence) = 1"
    )
