"""Agreement: two datasets that feed the same attribute of the same entity must say the same (多源校核).

The value of the source with the highest authority is the suggestion, unless at least two other datasets agree
on another one: then the authority is the side more likely wrong. A value that a row rule already found faulty
has no vote and is not found a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from quality.findings import LAYER, standard_tables
from quality.routing import COLUMNS, finding_rows, row_facts
from quality.rules import ROW, cell
from schemas.codes import CodeLibrary
from schemas.contract import Contract, Entity, Rule
from schemas.emit.sql import literal, quote
from schemas.library import Library, Source
from warehouse.lake import Lake, Partition
from warehouse.values import shown

RULE = "agreement"


def table_name(entity: Entity) -> str:
    """The name of an entity's agreement findings in the lake."""
    return f"{RULE}.{entity.name}"


def compared(library: Library, entity: Entity) -> dict[str, tuple[Source, ...]]:
    """The attributes that at least two datasets feed, with their sources; the key is what joins them."""
    return {
        attribute: sources
        for attribute, sources in library.sources(entity.name).items()
        if attribute != entity.key and len({source.contract.id for source in sources}) > 1
    }


def agreement_rules(library: Library) -> list[tuple[Contract, Rule]]:
    """One rule for each column that may be found to disagree, for the catalogue."""
    rules = {}
    for entity in library.fed_entities:
        for attribute, sources in compared(library, entity).items():
            titles = "、".join(dict.fromkeys(s.contract.department_title for s in sources))
            for source in sources:
                if source.column.delivered:
                    rules[source.contract.id, source.column.name] = (
                        source.contract,
                        Rule(
                            name=RULE,
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
    """Write the agreement findings of one entity, unless nothing they follow from has changed.

    Returns:
        The partition in force, or None when fewer than two of the sources were ever delivered.
    """
    tables = standard_tables(lake, library, batch)
    every = {name: _present(sources, tables) for name, sources in compared(library, entity).items()}
    attributes = {
        name: sources for name, sources in every.items() if len({s.contract.id for s in sources}) > 1
    }
    if not attributes:
        return None
    datasets = sorted({s.contract.id for sources in attributes.values() for s in sources})
    faults = {d: found for d in datasets if (found := lake.as_of(LAYER, d, batch)) is not None}
    inputs = {
        "codes": codes.digest,
        **{f"contract/{d}": library[d].digest for d in datasets},
        **{f"standard/{d}": table.fingerprint for d, table in tables.items()},
        **{f"finding/{d}": found.fingerprint for d, found in faults.items()},
    }
    name = table_name(entity)
    current = lake.fresh(LAYER, name, batch, inputs)
    if current is not None:
        return current
    scans = {dataset: table.scan for dataset, table in tables.items()}
    fault_scans = {dataset: found.scan for dataset, found in faults.items()}
    connection.execute("CREATE OR REPLACE TEMP TABLE dispute AS " + _none())
    for attribute, sources in attributes.items():
        connection.execute(
            "INSERT INTO dispute " + disputes_query(attribute, sources, scans, fault_scans)
        )
    parts = [
        f"SELECT * FROM ({finding_rows(library[d], library, _hits(library[d], scans), scans)})"
        for d in datasets
    ]
    query = f"SELECT {', '.join(COLUMNS)} FROM ({' UNION ALL '.join(parts)}) ORDER BY ALL"
    partition = lake.write(connection, LAYER, name, batch, query, inputs=inputs)
    connection.execute("DROP TABLE dispute")
    return partition


def _present(sources: tuple[Source, ...], tables: Mapping[str, Partition]) -> tuple[Source, ...]:
    return tuple(source for source in sources if source.contract.id in tables)


def _none() -> str:
    return (
        "SELECT '' AS dataset, 0::BIGINT AS row_number, '' AS field, '' AS observed, "
        "'' AS suggestion, '' AS evidence WHERE false"
    )


def disputes_query(
    attribute: str,
    sources: tuple[Source, ...],
    scans: Mapping[str, str],
    faults: Mapping[str, str],
) -> str:
    """The SQL that finds every claim on an attribute which differs from the value to be believed.

    Args:
        attribute: the governance attribute.
        sources: its sources, the most authoritative first.
        scans: dataset → its standard table.
        faults: dataset → its row findings; an error there takes the value's vote away.
    """
    first, *others = sources
    keys = " UNION ".join(
        f"SELECT {quote(s.key)} AS key FROM {scans[s.contract.id]}"
        for s in others
        if s.contract.id != first.contract.id
    )
    claims = "\nUNION ALL\n".join(
        _claims(number, source, scans, faults) for number, source in enumerate(sources)
    )
    names = " ".join(
        f"WHEN {literal(s.contract.id)} THEN {literal(f'{s.contract.department_title}《{s.contract.title}》')}"
        for s in {source.contract.id: source for source in sources}.values()
    )
    return f"""
WITH known AS ({keys}), claim AS (
{claims}
), contested AS (
  SELECT key FROM claim GROUP BY key HAVING min(value) <> max(value)
), vote AS (
  SELECT key, value, min(rank) AS rank, count(DISTINCT dataset) AS datasets, bool_or(final) AS final,
    string_agg(DISTINCT CASE dataset {names} END, '、' ORDER BY CASE dataset {names} END) AS voters
  FROM claim WHERE key IN (SELECT key FROM contested)
  GROUP BY key, value
), backed AS (
  SELECT *, first_value(datasets) OVER (PARTITION BY key ORDER BY rank, value) AS backing FROM vote
), winner AS (
  SELECT * FROM backed
  QUALIFY row_number() OVER (
    PARTITION BY key
    ORDER BY final DESC, datasets > 1 AND backing = 1 DESC, rank, value
  ) = 1
)
SELECT dataset, row_number, field, claim.value AS observed, winner.value AS suggestion,
  concat(winner.voters, '为“', winner.value, '”') AS evidence
FROM claim JOIN winner USING (key)
WHERE claim.value <> winner.value AND NOT claim.final
"""


def _claims(
    number: int, source: Source, scans: Mapping[str, str], faults: Mapping[str, str]
) -> str:
    """What one source says: a value per key, its newest row only, faulty values left out."""
    contract, column = source.contract, source.column
    key = f"{ROW}.{quote(source.key)}"
    order = f"{ROW}.{quote(contract.latest)} DESC NULLS LAST, " if contract.latest else ""
    faulty = ""
    if contract.id in faults and column.delivered:
        faulty = (
            f" AND {ROW}._row NOT IN (SELECT row_number FROM {faults[contract.id]} "
            f"WHERE field = {literal(column.name)} AND severity = 'error')"
        )
    final = "true" if not column.delivered else "false"
    return (
        f"SELECT {literal(contract.id)} AS dataset, {key} AS key, {literal(column.name)} AS field, "
        f"{shown(cell(column), column.type)} AS value, {source.feed.authority} AS rank, "
        f"{ROW}._row AS row_number, {final} AS final "
        f"FROM {scans[contract.id]} AS {ROW} "
        f"WHERE {key} IN (SELECT key FROM known) AND {cell(column)} IS NOT NULL{faulty} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}{ROW}._row) = 1"
    )


def _hits(contract: Contract, scans: Mapping[str, str]) -> str:
    return (
        f"SELECT {row_facts(contract)}, {literal(RULE)} AS rule, 'consistency' AS dimension, "
        f"'error' AS severity, dispute.field, dispute.observed, dispute.suggestion, dispute.evidence "
        f"FROM dispute JOIN {scans[contract.id]} AS {ROW} ON {ROW}._row = dispute.row_number "
        f"WHERE dispute.dataset = {literal(contract.id)}"
    )
