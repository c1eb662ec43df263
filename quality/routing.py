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
from warehouse.templates import template

# The columns of a finding as the lake holds it; the batch is the turn that reads it.
# Those after `sheet` are not published with the finding: they serve its ticket.
COLUMNS = (
    "finding_id", "dataset", "rule", "dimension", "severity", "record_key", "field", "observed",
    "suggestion", "evidence", "department", "unit_code", "extract_id", "row_number", "sheet",
    "_row", "label", "village_code", "ticket_id", "delivered",
)  # fmt: skip


def no_findings() -> str:
    """A query with the columns of a finding and no rows."""
    columns = ", ".join(
        f"CAST(NULL AS {'BIGINT' if name in ('row_number', '_row') else 'VARCHAR'}) AS {name}"
        for name in COLUMNS
    )
    return f"SELECT {columns} WHERE false"


def row_facts(contract: Contract) -> str:
    """What a hit carries of its row (alias `s`): identity, label, what leads to a township."""
    label = cell(contract.column(contract.label)) if contract.label else "NULL"
    ways = "".join(
        f", {cell(contract.column(route.column))} AS way_{index}"
        for index, route in enumerate(contract.routes)
    )
    return (
        f"{ROW}.record_key AS record_key, {ROW}._row AS _row, {ROW}._line AS row_number, "
        f"{ROW}._sheet AS sheet, {ROW}._extract_id AS extract_id, "
        f"CAST({label} AS VARCHAR) AS label{ways}"
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
    return template("quality", "findings").format(
        hits=hits,
        table=scans[contract.id],
        dataset=literal(contract.id),
        department=literal(contract.department),
        place=f"coalesce({', '.join(places)})" if places else "CAST(NULL AS VARCHAR)",
        joins="\n  ".join(joins),
        columns=", ".join(COLUMNS),
    )


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
