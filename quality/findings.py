"""Findings: one pass over a dataset's standard table for all of its row rules, every failing row kept.

The result is row × field × rule with what was observed, what is suggested and what shows it, and the township
it belongs to. Which rules there are is `quality.rules`; what becomes of a finding is `quality.tickets`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
from warehouse.functions import library_digest

from quality.routing import finding_rows, row_facts
from quality.rules import ROW, Check, Lookup, checks
from schemas.codes import CodeLibrary
from schemas.contract import Contract
from schemas.emit.sql import literal, quote
from schemas.library import Library
from warehouse.lake import Lake, Partition

LAYER = "finding"


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
    read |= {route.dataset for route in contract.routes if route.dataset}
    inputs = {
        "contract": contract.digest,
        "codes": codes.digest,
        "functions": library_digest(),
        **{
            f"standard/{dataset}": tables[dataset].fingerprint
            for dataset in sorted(read | {contract.id})
            if dataset in tables
        },
    }
    if any(check.uses_batch_date for check in todo):
        inputs["batch"] = batch.isoformat()
    current = lake.fresh(LAYER, contract.id, batch, inputs)
    if current is not None:
        return current
    scans = {dataset: table.scan for dataset, table in tables.items()}
    query = finding_rows(contract, library, hits_query(contract, todo, scans, batch), scans)
    return lake.write(
        connection, LAYER, contract.id, batch, query, inputs=inputs, facts={"rules": len(todo)}
    )


def hits_query(
    contract: Contract, todo: Sequence[Check], scans: Mapping[str, str], batch: date
) -> str:
    """The one pass: each row's list of violated checks, unnested to one hit each."""
    lookups = {lookup.alias: lookup for check in todo for lookup in check.lookups}
    joins = "\n".join(
        f"LEFT JOIN ({_filled(lookup, scans)}) AS {quote(lookup.alias)} ON {lookup.on}"
        for lookup in lookups.values()
    )
    cases = ",\n    ".join(_case(index, check) for index, check in enumerate(todo))
    rules = ",\n    ".join(_constants(index, check) for index, check in enumerate(todo))
    return f"""
SELECT seen.* EXCLUDE (hit), rule.* EXCLUDE (check_no), hit.observed AS observed,
  nullif(hit.suggestion, coalesce(hit.observed, '')) AS suggestion, hit.evidence AS evidence
FROM (
  SELECT {row_facts(contract)}, unnest(list_filter([
    {cases}
  ], lambda h: h IS NOT NULL)) AS hit
  FROM (SELECT *, DATE '{batch.isoformat()}' AS batch_date FROM {scans[contract.id]}) AS {ROW}
  {joins}
) AS seen
JOIN (VALUES
    {rules}
) AS rule (check_no, rule, dimension, severity, field) ON rule.check_no = hit.check_no
"""


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
    names = ", ".join(
        literal(text) for text in (rule.name, rule.dimension, rule.severity, rule.field)
    )
    return f"({index}, {names})"


def _filled(lookup: Lookup, scans: Mapping[str, str]) -> str:
    """The lookup's query with its tables put in."""
    filled = re.sub(r"\{dataset:([\w.]+)\}", lambda m: scans[m[1]], lookup.relation)
    return re.sub(r"\{codes:(\w+)\}", lambda m: f"codes.{quote(m[1])}", filled)
