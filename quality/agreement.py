"""Agreement: two datasets that feed the same attribute of the same entity must say the same (多源校核).

The value of the source with the highest authority is the suggestion, unless it stands alone and at least two
other datasets agree on another one: then the authority is the side more likely wrong. A value that a row rule
already found faulty has no vote and is not found a second time; but where nothing else suggested what it should
be, the value that the other sources are believed for is its suggestion. How the values are weighed is
`quality/sql/disputes.sql`; what a source says at all is `warehouse.claims`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import duckdb

from quality.findings import LAYER, MEASURES, standard_tables
from quality.routing import COLUMNS, finding_rows, no_findings, row_facts
from quality.rules import ROW
from schemas.codes import CodeLibrary
from schemas.contract import Contract, Entity, Rule
from schemas.emit.sql import literal, quote
from schemas.library import Library, Source
from warehouse.claims import Claimant, claimants, claims_query
from warehouse.functions import library_digest
from warehouse.lake import Lake, Partition, digest_of
from warehouse.templates import template
from warehouse.values import shown

RULE = "agreement"
ADVICE = "advice"

Attributes = Mapping[str, tuple[Source, ...]]

_NO_DISPUTES = (
    "SELECT '' AS finding_id, '' AS dataset, 0::BIGINT AS row_number, '' AS field, '' AS observed, "
    "'' AS suggestion, '' AS evidence WHERE false"
)
_NO_QUESTIONS = "SELECT '' AS attribute, '' AS key, '' AS finding_id WHERE false"


def table_name(entity: Entity) -> str:
    """The name of an entity's agreement findings in the lake."""
    return f"{RULE}.{entity.name}"


def advice_name(entity: Entity) -> str:
    """The name of the suggestions in the lake that an entity's other sources give for its faulty values."""
    return f"{ADVICE}.{entity.name}"


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
    """Write the agreement findings of one entity and its advice, unless nothing they follow from has changed.

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
        "query": digest_of(template("quality", "disputes")),
        **{f"contract/{d}": library[d].digest for d in sorted(read)},
        **{f"standard/{d}": tables[d].fingerprint for d in sorted(read & tables.keys())},
        **{f"finding/{d}": found.fingerprint for d, found in faults.items()},
    }
    current = lake.fresh(LAYER, name, batch, inputs)
    if current is not None and lake.fresh(LAYER, advice_name(entity), batch, inputs) is not None:
        return current
    _find_disputes(connection, library, codes, entity, attributes, {d: tables[d] for d in datasets}, faults)
    scans = {dataset: table.scan for dataset, table in tables.items()}
    parts = [no_findings()] + [
        f"SELECT * FROM ({finding_rows(library[d], library, _hits(library, entity, d, scans), scans)})"
        for d in datasets
    ]
    query = f"SELECT {', '.join(COLUMNS)} FROM ({' UNION ALL '.join(parts)}) ORDER BY dataset, _row, field"
    partition = lake.write(connection, LAYER, name, batch, query, inputs=inputs, measures=MEASURES)
    lake.write(connection, LAYER, advice_name(entity), batch, _ADVICE_ROWS, inputs=inputs)
    connection.execute("DROP TABLE dispute")
    return partition


# A column may feed several attributes and a row speak of several subjects: one suggestion a finding is enough.
_ADVICE_ROWS = (
    "SELECT finding_id, min(suggestion) AS suggestion, arg_min(evidence, suggestion) AS evidence "
    "FROM dispute WHERE finding_id IS NOT NULL GROUP BY finding_id ORDER BY finding_id"
)


def _find_disputes(
    connection: duckdb.DuckDBPyConnection,
    library: Library,
    codes: CodeLibrary,
    entity: Entity,
    attributes: Attributes,
    tables: Mapping[str, Partition],
    faults: Mapping[str, Partition],
) -> None:
    """Fill the temporary table `dispute`: dataset, row_number, field, observed, suggestion, evidence.

    A row with a `finding_id` is no dispute but the suggestion for that finding.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE dispute AS {_NO_DISPUTES}")
    if not attributes:
        return
    speakers = claimants(library, entity, tables)
    # Whatever at least two datasets name is named by one that is not the largest: so only the keys of the
    # others are held against it, a few ten thousand instead of a whole population.
    largest = max(tables, key=lambda dataset: (tables[dataset].rows, dataset))
    keys = " UNION ".join(
        f"SELECT {quote(c.subject.key)} AS key FROM {tables[c.contract.id].scan}"
        for c in speakers.values()
        if c.contract.id != largest
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE known_key AS {keys}")
    for claimant in speakers.values():
        query = _claims(claimant, attributes, tables[claimant.contract.id].scan, faults)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {claimant.alias} AS {query}")
    questions = [
        question
        for claimant in speakers.values()
        if (found := faults.get(claimant.contract.id)) is not None
        for question in _questions(claimant, attributes, tables[claimant.contract.id].scan, found)
    ]
    asked = " UNION ALL ".join(questions) or _NO_QUESTIONS
    connection.execute(f"CREATE OR REPLACE TEMP TABLE question AS {asked}")
    for attribute, sources in attributes.items():
        voices = [(speakers[s.contract.id, s.feed.subject].alias, s) for s in sources]
        connection.execute(f"INSERT INTO dispute {disputes_query(attribute, voices, codes)}")
    for name in ("known_key", "question", *(claimant.alias for claimant in speakers.values())):
        connection.execute(f"DROP TABLE {name}")


def _claims(claimant: Claimant, attributes: Attributes, table: str, faults: Mapping[str, Partition]) -> str:
    columns = {name: column for name, column in claimant.columns.items() if name in attributes}
    found = faults.get(claimant.contract.id)
    faulty = f"SELECT _row AS row_number, field FROM {found.scan} WHERE severity = 'error'" if found else None
    return claims_query(replace(claimant, columns=columns), table, faulty, "known_key")


def _questions(claimant: Claimant, attributes: Attributes, table: str, found: Partition) -> Iterator[str]:
    """Queries for the faulty values of a claimant that nothing suggests a better one for: attribute, key, finding."""
    for attribute, column in claimant.columns.items():
        if attribute in attributes and column.delivered:
            yield (
                f"SELECT DISTINCT {literal(attribute)} AS attribute, s.{quote(claimant.subject.key)} AS key, "
                f"f.finding_id FROM {found.scan} AS f JOIN {table} AS s ON s.record_key = f.record_key "
                f"WHERE f.severity = 'error' AND f.suggestion IS NULL AND f.field = {literal(column.name)}"
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


def _hits(library: Library, entity: Entity, dataset: str, scans: Mapping[str, str]) -> str:
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
        f"FROM dispute JOIN {scans[dataset]} AS {ROW} ON {ROW}._row = dispute.row_number "
        f"WHERE dispute.finding_id IS NULL AND dispute.dataset = {literal(dataset)} "
        f"QUALIFY row_number() OVER ("
        f"PARTITION BY {ROW}._row, dispute.field ORDER BY dispute.suggestion, dispute.evidence) = 1"
    )
