"""Where a finding goes: the township, and the village, that a row belongs to, as its contract says.

Each way of the contract is tried in order until one leads to a division that is in force. A row that none
leads anywhere stays without a unit: it goes back to its department.
"""

from __future__ import annotations

from collections.abc import Mapping

from quality.rules import ROW, cell
from schemas.contract import Contract, Route
from schemas.emit.sql import literal, quote
from schemas.library import Library

# The columns of a finding as the lake holds it; the batch is the turn that reads it.
# The last three are not published with the finding: they serve its ticket.
COLUMNS = (
    "finding_id", "dataset", "rule", "dimension", "severity", "record_key", "field", "observed",
    "suggestion", "evidence", "department", "unit_code", "extract_id", "row_number", "label",
    "village_code", "ticket_id",
)  # fmt: skip


def row_facts(contract: Contract) -> str:
    """What every hit carries of its row (alias `s`): identity, label and the columns that lead to a township."""
    label = cell(contract.column(contract.label)) if contract.label else "NULL"
    ways = "".join(
        f", {cell(contract.column(route.column))} AS way_{index}"
        for index, route in enumerate(contract.routes)
    )
    return (
        f"{ROW}.record_key AS record_key, {ROW}._row AS row_number, "
        f"{ROW}._extract_id AS extract_id, CAST({label} AS VARCHAR) AS label{ways}"
    )


def finding_rows(contract: Contract, library: Library, hits: str, scans: Mapping[str, str]) -> str:
    """The SQL that makes findings of hits: stable ids, the department, the township.

    Args:
        contract: the dataset's contract.
        library: the contracts, for ways through another dataset.
        hits: a query with the columns of `row_facts` and rule, dimension, severity, field, observed,
            suggestion, evidence.
        scans: dataset → its standard table as a relation in SQL.
    """
    joins, places = [], []
    for index, route in enumerate(contract.routes):
        code = f"hit.way_{index}"
        if route.dataset is not None:
            relation = _through(route, index, library, scans)
            if relation is None:
                continue
            joins.append(f"LEFT JOIN ({relation}) AS via_{index} ON via_{index}.key = {code}")
            code = f"via_{index}.code"
        # A village that is in no list may still lie in a township that is.
        for part, length in ((code, 12), (f"left({code}, 9)", 9)):
            alias = f"division_{index}_{length}"
            joins.append(
                f"LEFT JOIN codes.division AS {alias} ON {alias}.code = {part} "
                f"AND {alias}.valid_to IS NULL AND length({alias}.code) = {length}"
            )
            places.append(f"{alias}.code")
    place = f"coalesce({', '.join(places)})" if places else "CAST(NULL AS VARCHAR)"
    ticket = "concat_ws('|', dataset, rule, record_key, field)"
    identity = f"concat_ws('|', {ticket}, extract_id, row_number)"
    picked = ", ".join(COLUMNS)
    return f"""
WITH hit AS ({hits}), placed AS (
  SELECT hit.*, {literal(contract.id)} AS dataset, {literal(contract.department)} AS department,
    {place} AS place
  FROM hit
  {" ".join(joins)}
)
SELECT {picked} FROM (
  SELECT *, concat('F', upper(substr(md5({identity}), 1, 16))) AS finding_id,
    concat('T', upper(substr(md5({ticket}), 1, 16))) AS ticket_id,
    township_of(place) AS unit_code,
    CASE WHEN length(place) = 12 THEN place END AS village_code
  FROM placed
)
ORDER BY row_number, field, rule, finding_id
"""


def _through(route: Route, index: int, library: Library, scans: Mapping[str, str]) -> str | None:
    """The other dataset's own division code by the key it shares, for the rows that were hit."""
    assert route.dataset is not None
    other = library[route.dataset]
    direct = next((way.column for way in other.routes if way.dataset is None), None)
    if direct is None or not other.subjects or other.id not in scans:
        return None
    key = quote(other.subjects[0].key)
    return (
        f"SELECT {key} AS key, min({quote(direct)}) AS code FROM {scans[other.id]} "
        f"WHERE {key} IN (SELECT way_{index} FROM hit) GROUP BY {key}"
    )
