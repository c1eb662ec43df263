"""Findings: one pass over a dataset's standard table for all of its row rules, every failing row kept.

The result is row × field × rule with what was observed, what is suggested and what shows it, and the township
it belongs to. What was found before stays where nothing changed that a rule looks at (`quality.affected`). Which rules
there are is `quality.rules`; what becomes of a finding is `quality.tickets`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

import duckdb

from quality.affected import Affected, affected_rows
from quality.calls import judge_rows, share_calls
from quality.routing import COLUMNS, ORDER, finding_rows, no_findings, row_facts
from quality.rules import ROW, Check, Lookup, checks
from schemas.codes import CodeLibrary
from schemas.contract import Contract
from schemas.emit.sql import literal, quote
from schemas.library import Library
from warehouse.files import digest_of
from warehouse.functions import library_digest
from warehouse.lake import Lake
from warehouse.partition import Partition
from warehouse.templates import template

LAYER = "finding"

# What the manifest of findings keeps of them: catalogues count without reading.
MEASURES: Mapping[str, str] = {
    "errors": "count(*) FILTER (severity = 'error')",
    "warnings": "count(*) FILTER (severity = 'warning')",
}


def standard_tables(lake: Lake, library: Library, batch: date) -> dict[str, Partition]:
    """Dataset → its standard table in force on the batch's day, for those that were ever delivered."""
    found = {contract.id: lake.as_of("standard", contract.id, batch) for contract in library}
    return {dataset: table for dataset, table in found.items() if table is not None}


def verify(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: Contract,
    library: Library,
    codes: CodeLibrary,
    batch: date,
) -> Partition | None:
    """Write the findings of one dataset's row rules, unless nothing they follow from has changed.

    A check that looks at a dataset which was never delivered has nothing to say and is left out.

    Returns:
        The partition in force (columns of `quality.routing`), or None when the dataset was never delivered.
    """
    tables = standard_tables(lake, library, batch)
    if contract.id not in tables:
        return None
    todo = [check for check in checks(contract, library, codes) if check.datasets <= tables.keys()]
    read = {dataset for check in todo for dataset in check.datasets}
    read |= {route.dataset for route in contract.routes if route.dataset} | {contract.id}
    # Told by their names, the tables make the query the same in every lake.
    names = {dataset: quote(dataset) for dataset in tables}
    program = {
        # The day aside, on which some rules look.
        "rules": digest_of(findings_query(contract, library, todo, names, date.min)),
        # The divisions, and long code tables, are read where the query runs.
        "codes": codes.digest,
        "functions": library_digest(),
    }
    dated = any(check.uses_batch_date for check in todo)
    inputs = {
        **program,
        **({"day": batch.isoformat()} if dated else {}),
        **{f"contract/{dataset}": library[dataset].digest for dataset in sorted(read)},
        **{f"standard/{d}": tables[d].fingerprint for d in sorted(read & tables.keys())},
    }
    current = lake.fresh(LAYER, contract.id, batch, inputs)
    if current is not None:
        return current
    scans = {dataset: table.scan for dataset, table in tables.items()}
    before = lake.before(LAYER, contract.id, batch)
    affected = affected_rows(lake, before, contract, library, todo, tables, program, batch)
    try:
        if affected is None:
            query = findings_query(contract, library, todo, scans, batch)
        else:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE affected_row AS {affected.numbers}")
            # In a statement of its own: with all numbers known, DuckDB passes over rows that lie before or behind them.
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE affected AS SELECT * FROM {scans[contract.id]} "
                "WHERE _row IN (FROM affected_row)"
            )
            query = _findings_again(contract, library, affected, scans, batch)
        return lake.write(
            connection,
            LAYER,
            contract.id,
            batch,
            query,
            inputs=inputs,
            facts={"rules": len(todo)},
            measures=MEASURES,
        )
    finally:
        for name in ("affected", "affected_row"):
            connection.execute(f"DROP TABLE IF EXISTS {name}")


def _findings_again(
    contract: Contract, library: Library, affected: Affected, scans: Mapping[str, str], batch: date
) -> str:
    """The SQL of all findings: those known before, those of affected rows, and those of checks asked of all rows."""
    rules = (
        ", ".join(f"({literal(c.rule.name)}, {literal(c.rule.field)})" for c in affected.again) or "('', '')"
    )
    columns = ", ".join(COLUMNS)
    known = (
        f"SELECT {columns} FROM {affected.before.scan} WHERE (rule, field) IN ({rules}) "
        "AND _row NOT IN (SELECT _row FROM affected_row)"
    )
    hits = []
    if affected.again and affected.any:
        hits.append(hits_query(contract, affected.again, scans, batch, rows="affected"))
    if affected.whole:
        # Few rules are left, and their guards let few rows through to the calls that would be worth sharing.
        hits.append(hits_query(contract, affected.whole, scans, batch, share=False))
    if not hits:
        return f"{known} ORDER BY {ORDER}"
    made = finding_rows({contract.id: " UNION ALL BY NAME ".join(f"({h})" for h in hits)}, library, scans)
    return f"SELECT {columns} FROM ({known} UNION ALL ({made})) ORDER BY {ORDER}"


def findings_query(
    contract: Contract, library: Library, todo: Sequence[Check], scans: Mapping[str, str], batch: date
) -> str:
    """The SQL of one dataset's findings, in the columns of `quality.routing`. Arguments as of `hits_query`."""
    if not todo:
        return no_findings()
    return finding_rows({contract.id: hits_query(contract, todo, scans, batch)}, library, scans)


def hits_query(
    contract: Contract,
    todo: Sequence[Check],
    scans: Mapping[str, str],
    batch: date,
    rows: str | None = None,
    *,
    share: bool = True,
) -> str:
    """The SQL that finds every violated check of every row; columns as `quality.routing.finding_rows` takes them.

    Args:
        contract: the dataset's contract.
        todo: its checks.
        scans: dataset → its standard table as a relation in SQL.
        batch: the day of the turn. It stands in the query only where a check reads it.
        rows: a relation with the only rows of the dataset that are to be judged.
        share: whether what several checks ask of a row is computed once, for every row.
    """
    shared, reading = share_calls(todo) if share else ({}, todo)
    judged, reading = judge_rows(reading) if share else ({}, reading)
    lookups = {lookup.alias: lookup for check in todo for lookup in check.lookups}
    dated = any(check.uses_batch_date for check in todo)
    return template("quality", "hits").format(
        row=ROW,
        row_facts=row_facts(contract),
        table=rows or scans[contract.id],
        shared=_columns(shared),
        judged=_columns(judged),
        batch_date=f"DATE '{batch.isoformat()}'" if dated else "NULL",
        bad="\n      OR ".join(f"({check.violates})" for check in reading),
        cases=",\n    ".join(_case(index, check) for index, check in enumerate(reading)),
        lookups="\n  ".join(
            f"LEFT JOIN ({_filled(lookup, contract, scans, rows)}) AS {quote(lookup.alias)} ON {lookup.on}"
            for lookup in lookups.values()
        ),
        rules=",\n    ".join(_constants(index, check) for index, check in enumerate(todo)),
    )


def _columns(named: Mapping[str, str]) -> str:
    return "".join(f"({value}) AS {quote(name)}, " for name, value in named.items())


def _case(index: int, check: Check) -> str:
    parts = ", ".join(
        f"'{name}': CAST({value or 'NULL'} AS VARCHAR)"
        for name, value in (
            ("observed", check.observed),
            ("suggestion", check.suggestion),
            ("evidence", check.evidence),
        )
    )
    return f"CASE WHEN {check.violates} THEN {{'check_no': {index}, {parts}}} END"


def _constants(index: int, check: Check) -> str:
    rule = check.rule
    names = ", ".join(literal(text) for text in (rule.name, rule.dimension, rule.severity, rule.field))
    return f"({index}, {names})"


def _filled(lookup: Lookup, contract: Contract, scans: Mapping[str, str], rows: str | None) -> str:
    """The lookup's query with its tables put in."""
    tables = dict(scans)
    if rows is not None and lookup.dataset == contract.id:
        # Of the dataset itself only what may stand beside the rows that are judged.
        keys, by = (", ".join(map(quote, names)) for names in (lookup.keys, lookup.by))
        tables[contract.id] = (
            f"(SELECT * FROM {scans[contract.id]} WHERE ({keys}) IN (SELECT ({by}) FROM {rows}))"
        )
    filled = re.sub(r"\{dataset:([\w.]+)\}", lambda m: tables[m[1]], lookup.relation)
    filled = filled.replace("{rows}", rows or scans[contract.id])
    return re.sub(r"\{codes:(\w+)\}", lambda m: f"codes.{quote(m[1])}", filled)
