"""Disputes: what the sources of one entity say otherwise than others, and which value is to be believed.

How the values are weighed is `quality/sql/disputes.sql`; what a source says at all is `warehouse.claims`. That a
dispute is a finding is said in `quality.agreement`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import duckdb

from quality.findings import LAYER
from schemas.codes import CodeLibrary
from schemas.contract import Entity
from schemas.emit.sql import literal, quote
from schemas.library import Library, Source
from warehouse.claims import Claimant, claimants, claims_query
from warehouse.files import digest_of
from warehouse.lake import Lake
from warehouse.partition import Partition
from warehouse.templates import template
from warehouse.touched import touched_keys
from warehouse.values import shown

DISPUTE = "dispute"

Attributes = Mapping[str, tuple[Source, ...]]

_NO_DISPUTES = (
    "SELECT '' AS key, '' AS finding_id, '' AS dataset, 0::BIGINT AS row_number, '' AS field, '' AS observed, "
    "'' AS suggestion, '' AS evidence WHERE false"
)
_NO_QUESTIONS = "SELECT '' AS attribute, '' AS key, '' AS finding_id WHERE false"


def dispute_name(entity: Entity) -> str:
    """The name of an entity's disputes in the lake."""
    return f"{DISPUTE}.{entity.name}"


def weighing_digest() -> str:
    """A fingerprint of how values are weighed."""
    return digest_of(template("quality", "disputes"))


def find_disputes(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    library: Library,
    codes: CodeLibrary,
    entity: Entity,
    attributes: Attributes,
    tables: Mapping[str, Partition],
    faults: Mapping[str, Partition],
    batch: date,
    inputs: Mapping[str, str],
) -> Partition:
    """Write an entity's disputes: key, finding_id, dataset, row_number, field, observed, suggestion, evidence.

    A row with a `finding_id` is no dispute but the suggestion for that finding. What was found before about keys of
    which nothing new is said stays as it is.

    Args:
        connection: with the function library and the code tables.
        lake: where they are written, and those of the batch before lie.
        library: the contracts.
        codes: the code tables.
        entity: the entity.
        attributes: those that at least two of the datasets feed, with their sources.
        tables: dataset → its standard table, of those that feed the attributes.
        faults: dataset → what row rules found there.
        batch: the day of the turn.
        inputs: fingerprints of all that the disputes follow from, as `agree` names them.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE dispute AS {_NO_DISPUTES}")
    if attributes:
        speakers = claimants(library, entity, tables)
        name = dispute_name(entity)
        before = lake.before(LAYER, name, batch)
        named = {dataset: {f"finding/{dataset}": found} for dataset, found in faults.items()}
        touched = touched_keys(lake, before, inputs, speakers.values(), tables, named)
        if touched is not None:
            assert before is not None
            connection.execute(
                "CREATE OR REPLACE TEMP TABLE touched_key AS "
                f"SELECT DISTINCT key FROM ({touched}) WHERE key IS NOT NULL"
            )
            connection.execute(f"INSERT INTO dispute FROM {before.scan} WHERE key NOT IN (FROM touched_key)")
        _weigh(connection, speakers, codes, attributes, tables, faults, only_touched=touched is not None)
    try:
        query = "FROM dispute ORDER BY ALL"
        return lake.write(connection, LAYER, dispute_name(entity), batch, query, inputs=inputs)
    finally:
        connection.execute("DROP TABLE dispute")
        connection.execute("DROP TABLE IF EXISTS touched_key")


def _weigh(
    connection: duckdb.DuckDBPyConnection,
    speakers: Mapping[tuple[str, str], Claimant],
    codes: CodeLibrary,
    attributes: Attributes,
    tables: Mapping[str, Partition],
    faults: Mapping[str, Partition],
    *,
    only_touched: bool,
) -> None:
    """Add to the temporary table `dispute` what the claims come to; if so told, only of the keys in `touched_key`."""
    # Whatever at least two datasets name is named by one that is not the largest: so only the keys of the
    # others are held against it, a few ten thousand instead of a whole population.
    largest = max(tables, key=lambda dataset: (tables[dataset].rows, dataset))
    among = "WHERE key IN (FROM touched_key)" if only_touched else ""
    keys = " UNION ".join(
        f"SELECT key FROM (SELECT {quote(c.subject.key)} AS key FROM {tables[c.contract.id].scan}) {among}"
        for c in speakers.values()
        if c.contract.id != largest
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE known_key AS {keys}")
    for claimant in speakers.values():
        query = _claims(
            claimant, attributes, tables[claimant.contract.id].scan, faults, only_touched=only_touched
        )
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {claimant.alias} AS {query}")
    questions = [
        question
        for claimant in speakers.values()
        if (found := faults.get(claimant.contract.id)) is not None
        if (question := _question(claimant, attributes, tables[claimant.contract.id].scan, found))
    ]
    asked = " UNION ALL ".join(questions) or _NO_QUESTIONS
    connection.execute(f"CREATE OR REPLACE TEMP TABLE question AS SELECT * FROM ({asked}) {among}")
    for attribute, sources in attributes.items():
        voices = [(speakers[s.contract.id, s.feed.subject].alias, s) for s in sources]
        connection.execute(f"INSERT INTO dispute {disputes_query(attribute, voices, codes)}")
    for name in ("known_key", "question", *(claimant.alias for claimant in speakers.values())):
        connection.execute(f"DROP TABLE {name}")


def _claims(
    claimant: Claimant,
    attributes: Attributes,
    table: str,
    faults: Mapping[str, Partition],
    *,
    only_touched: bool,
) -> str:
    columns = {name: column for name, column in claimant.columns.items() if name in attributes}
    found = faults.get(claimant.contract.id)
    faulty = f"SELECT _row AS row_number, field FROM {found.scan} WHERE severity = 'error'" if found else None
    return claims_query(replace(claimant, columns=columns), table, faulty, "known_key", few=only_touched)


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


def disputes_query(attribute: str, voices: Sequence[tuple[str, Source]], codes: CodeLibrary) -> str:
    """The SQL that finds every claim on an attribute which differs from the value to be believed.

    It gives too the value to be believed for every row of the table `question` that asks for this attribute.

    Args:
        attribute: the governance attribute.
        voices: relations as `warehouse.claims` makes them, each with the source whose claims it holds.
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


def _voice(attribute: str, relation: str, source: Source) -> str:
    contract, column = source.contract, source.column
    return (
        f"  SELECT {literal(contract.id)} AS dataset, key, {literal(column.name)} AS field, "
        f"{shown(quote(attribute), column.type)} AS value, {source.feed.authority} AS rank, row_number, "
        f"{'false' if column.delivered else 'true'} AS final, "
        f"{literal(f'{contract.department_title}《{contract.title}》')} AS voter "
        f"FROM {relation} WHERE {quote(attribute)} IS NOT NULL"
    )
