"""Disputes: conflicting claims of an entity's sources, and the winning value.

`quality/sql/disputes.sql` weighs the values; `warehouse.governance.claims` reads them from the sources.
`quality.agreement.agree` makes findings from disputes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from schemas.codes import CodeLibrary
from schemas.contract.library import ContractSource, Library
from schemas.contract.model import Column, Entity
from schemas.emit.sql import literal, quote
from warehouse.engine.functions import library_digest
from warehouse.engine.templates import template
from warehouse.governance.claims import Claimant, claimants, claims_query
from warehouse.home.files import digest_of
from warehouse.incremental.affected_keys import touched_keys
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs, Predecessor
from warehouse.incremental.machine import bring_up_to_date
from warehouse.incremental.scratch import Scratch
from warehouse.incremental.stage import Stage, Work
from warehouse.lake.layers import Input, Layer
from warehouse.lake.partition import Partition
from warehouse.standard.values import shown

DISPUTE = "dispute"

Attributes = Mapping[str, tuple[ContractSource, ...]]

_NO_DISPUTES = (
    "SELECT '' AS key, '' AS finding_id, '' AS dataset, 0::BIGINT AS row_number, '' AS field, '' AS observed, "
    "'' AS suggestion, '' AS evidence WHERE false"
)
# The relation of faulty values that `quality/sql/disputes.sql` reads.
_QUESTION = "question"
_NO_QUESTIONS = "SELECT '' AS attribute, '' AS key, '' AS finding_id WHERE false"


# Only persons have numbers that say something of them, and names that they share with nobody in their family.
_PERSON, _BIRTH = "person", "birth_date"
_IN_THE_NUMBER = (_BIRTH, "sex")
_NO_BIRTHS = "SELECT '' AS dataset, '' AS key, 0::BIGINT AS row_number WHERE false"


def dispute_name(entity: Entity) -> str:
    """The name of an entity's disputes in the lake."""
    return f"{DISPUTE}.{entity.name}"


def find_disputes(
    context: BatchContext,
    entity: Entity,
    attributes: Attributes,
    tables: Mapping[str, Partition],
    faults: Mapping[str, Partition],
) -> Partition:
    """Write an entity's disputes: key, finding_id, dataset, row_number, field, observed, suggestion, evidence.

    A row with a `finding_id` is no dispute but the suggestion for that finding. What was found before about keys of
    which nothing new is said stays as it is.

    Args:
        context: the batch.
        entity: the entity.
        attributes: those that at least two of the datasets feed, with their sources.
        tables: dataset → its standard table, of those that feed the attributes.
        faults: dataset → what row rules found there.
    """
    return bring_up_to_date(
        context, DisputeStage(context.library, context.codes, entity, attributes, tables, faults)
    )


@dataclass(frozen=True)
class DisputeStage(Stage):
    """The disputes of an entity; those about a key stay while no source says anything else of it."""

    library: Library
    codes: CodeLibrary
    entity: Entity
    attributes: Attributes
    tables: Mapping[str, Partition]
    faults: Mapping[str, Partition]

    layer = Layer.FINDING
    patched = False
    identity = "key"
    order = "ALL"

    @property
    def table(self) -> str:
        """The entity, as `dispute_name` calls it."""
        return dispute_name(self.entity)

    @cached_property
    def inputs(self) -> Inputs:
        """How values are weighed and by whose authority, the code tables, and all tables."""
        return Inputs(
            program={
                Input.QUERY: digest_of(
                    [self._queries, template("warehouse", "claims"), self._earned("disputes")]
                ),
                Input.CODES: self.codes.digest,
                Input.FUNCTIONS: library_digest(),
                **{Input.CONTRACT.of(d): self.library[d].digest for d in sorted(self.tables)},
            },
            tables=(*self.tables.values(), *self.faults.values()),
        )

    @property
    def _queries(self) -> list[str]:
        return [disputes_query(attribute, voices, self.codes) for attribute, voices in self._voices]

    @property
    def _voices(self) -> list[tuple[str, list[tuple[str, ContractSource]]]]:
        """Attribute → the relations of the claims of its sources."""
        speakers = self._speakers
        return [
            (attribute, [(speakers[s.contract.id, s.feed.subject].alias, s) for s in sources])
            for attribute, sources in self.attributes.items()
        ]

    @cached_property
    def _speakers(self) -> dict[tuple[str, str], Claimant]:
        return claimants(self.library, self.entity, self.tables)

    @property
    def rows_read(self) -> int:
        """The rows of the sources."""
        return sum(table.rows for table in self.tables.values())

    def size(self, before: Partition) -> int:
        """The rows of the sources: disputes are about a few of them."""
        return self.rows_read

    def affected(self, before: Predecessor, scratch: Scratch) -> str | None:
        """The keys whose claims changed, or whose rows have changed findings."""
        faults = {dataset: (found,) for dataset, found in self.faults.items()}
        return touched_keys(before, self._speakers.values(), self.tables, faults, self.identity)

    def rows(self, work: Work) -> str:
        """Weigh the claims of all keys, or of the affected ones."""
        if not self.attributes:
            return _NO_DISPUTES
        scratch = work.scratch
        among = f"WHERE key IN ({work.of_affected})" if work.affected is not None else ""
        # Whatever at least two datasets name is named by one that is not the largest: so only the keys of the
        # others are held against it, a few ten thousand instead of a whole population.
        largest = max(self.tables, key=lambda dataset: (self.tables[dataset].rows, dataset))
        keys = " UNION ".join(
            f"SELECT key FROM (SELECT {quote(c.subject.key)} AS key FROM {self.tables[c.contract.id].scan}) {among}"
            for c in self._speakers.values()
            if c.contract.id != largest
        )
        known = scratch.table("known keys", keys)
        for claimant in self._speakers.values():
            table = self.tables[claimant.contract.id].scan
            query = _claims(
                claimant, self.attributes, table, self.faults, known, few=work.affected is not None
            )
            scratch.named(claimant.alias, query)
        questions = [
            question
            for claimant in self._speakers.values()
            if (found := self.faults.get(claimant.contract.id)) is not None
            if (
                question := _question(
                    claimant, self.attributes, self.tables[claimant.contract.id].scan, found
                )
            )
        ]
        asked = " UNION ALL ".join(questions) or _NO_QUESTIONS
        scratch.named(_QUESTION, f"SELECT * FROM ({asked}) {among}")
        disputes = scratch.table("disputes", _NO_DISPUTES)
        for query in self._queries:
            scratch.connection.execute(f"INSERT INTO {disputes} {query}")
        return self._earned(disputes)

    def _earned(self, disputes: str) -> str:
        """The disputes, with a name suggested only where the row's ID number is known to be right.

        See `quality/sql/earned_names.sql`.
        """
        names = _fields(self.attributes, lambda column: column.kind == "person_name")
        if not names or self.entity.name != _PERSON:
            return f"FROM {disputes}"
        carried = {a: sources for a, sources in self.attributes.items() if a in _IN_THE_NUMBER}
        # A row whose date of birth agrees shows that its number is the person's.
        births = [
            f"SELECT {literal(claimant.contract.id)} AS dataset, key, row_number FROM {claimant.alias} "
            f"WHERE {quote(_BIRTH)} IS NOT NULL"
            for claimant in self._speakers.values()
            if _BIRTH in claimant.columns and _BIRTH in self.attributes
        ]
        return template("quality", "earned_names").format(
            disputes=disputes,
            names=names,
            carried=_fields(carried, lambda column: True) or "('', '')",
            births=" UNION ALL ".join(births) or _NO_BIRTHS,
        )


def _fields(attributes: Attributes, wanted: Callable[[Column], bool]) -> str:
    """Dataset and field of the sources of some columns, as a list in SQL."""
    found = {
        f"({literal(source.contract.id)}, {literal(source.column.name)})"
        for sources in attributes.values()
        for source in sources
        if wanted(source.column)
    }
    return ", ".join(sorted(found))


def _claims(
    claimant: Claimant,
    attributes: Attributes,
    table: str,
    faults: Mapping[str, Partition],
    known: str,
    *,
    few: bool,
) -> str:
    """The claims of one claimant on the attributes, for the keys in the relation `known`."""
    columns = {name: column for name, column in claimant.columns.items() if name in attributes}
    found = faults.get(claimant.contract.id)
    faulty = f"SELECT _row AS row_number, field FROM {found.scan} WHERE severity = 'error'" if found else None
    return claims_query(replace(claimant, columns=columns), table, faulty, known, few=few)


def _question(claimant: Claimant, attributes: Attributes, table: str, found: Partition) -> str | None:
    """A query for the faulty values of a claimant that nothing suggests a better one for: attribute, key, finding."""
    asked = ", ".join(
        f"({literal(column.name)}, {literal(attribute)})"
        for attribute, column in claimant.columns.items()
        if attribute in attributes and column.delivered
    )
    if not asked:
        return None
    return (
        f"SELECT DISTINCT asked.attribute, s.{quote(claimant.subject.key)} AS key, f.finding_id "
        f"FROM {found.scan} AS f JOIN (VALUES {asked}) AS asked (field, attribute) ON asked.field = f.field "
        f"JOIN {table} AS s ON s.record_key = f.record_key "
        "WHERE f.severity = 'error' AND f.suggestion IS NULL"
    )


def disputes_query(attribute: str, voices: Sequence[tuple[str, ContractSource]], codes: CodeLibrary) -> str:
    """The SQL that finds every claim on an attribute which differs from the value to be believed.

    It gives too the value to be believed for every row of the table `question` that asks for this attribute.

    Args:
        attribute: the governance attribute.
        voices: relations as `warehouse.governance.claims` makes them, each with the source whose claims it holds.
        codes: the code tables; their rows must be there in the schema `codes`.
    """
    claims = "\nUNION ALL\n".join(_voice(attribute, relation, source) for relation, source in voices)
    table = voices[0][1].column.codes
    labels = parents = "(SELECT '' AS code, '' AS label, '' AS parent WHERE false)"
    if table is not None:
        labels = f"codes.{quote(table)}"
        if codes.load(table).rows.get_column("parent").count():
            parents = f"(SELECT code, parent FROM {labels} WHERE parent IS NOT NULL)"
    return template("quality", "disputes").format(
        claims=claims, labels=labels, parents=parents, attribute=literal(attribute)
    )


def _voice(attribute: str, relation: str, source: ContractSource) -> str:
    contract, column = source.contract, source.column
    return (
        f"  SELECT {literal(contract.id)} AS dataset, key, {literal(column.name)} AS field, "
        f"{shown(quote(attribute), column.type)} AS value, {source.authority} AS rank, row_number, "
        f"{'false' if column.delivered else 'true'} AS final, "
        f"{literal(f'{contract.department_title}《{contract.title}》')} AS voter "
        f"FROM {relation} WHERE {quote(attribute)} IS NOT NULL"
    )
