"""Where a finding goes: the township, and the village, that a row belongs to, as its contract says.

The routes of the contract are tried in order until a route leads to a division in force. A row without such a route
has no unit: it goes back to its department.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from quality.rules.rule import ROW, cell
from schemas.contract.library import Library
from schemas.contract.model import Contract
from schemas.emit.sql import literal, quote
from warehouse.engine.templates import template

# The columns of a finding as the lake holds it; the batch is the turn that reads it.
# Those after `sheet` are not published with the finding: they serve its ticket.
COLUMNS = (
    "finding_id", "dataset", "rule", "dimension", "severity", "record_key", "field", "observed",
    "suggestion", "evidence", "department", "unit_code", "extract_id", "row_number", "sheet",
    "_row", "label", "village_code", "ticket_id", "delivered",
)  # fmt: skip

ORDER = "dataset, _row, field, rule"
"""In which order findings are written: no two have the same."""


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


def finding_rows(hits: Mapping[str, str], library: Library, scans: Mapping[str, str]) -> str:
    """The SQL that makes findings of hits: stable ids, the department, the township.

    Args:
        hits: dataset → a query with the columns of `row_facts` and rule, dimension, severity, field, observed,
            suggestion, evidence. All are placed at once: a dataset that ways lead through is read once.
        library: the contracts.
        scans: dataset → its standard table as a relation in SQL.
    """
    steps = _steps([library[dataset] for dataset in hits], library, scans)
    registers = list(dict.fromkeys(step.through for step in steps if step.through is not None))
    joins, places = [], []
    for number, step in enumerate(steps):
        code = f"hit.step_{number}"
        if step.through is not None:
            relation = f"register_{registers.index(step.through)}"
            joins.append(f"LEFT JOIN {relation} AS via_{number} ON via_{number}.key = {code}")
            code = f"via_{number}.code"
        # A village that is in no list may still lie in a township that is.
        for part, length in ((code, 12), (f"left({code}, 9)", 9)):
            alias = f"division_{number}_{length}"
            joins.append(
                f"LEFT JOIN codes.division AS {alias} ON {alias}.code = {part} "
                f"AND {alias}.valid_to IS NULL AND length({alias}.code) = {length}"
            )
            places.append(f"{alias}.code")
    return template("quality", "findings").format(
        hits="\nUNION ALL\n".join(
            _on_its_way(library[dataset], query, steps, scans[dataset]) for dataset, query in hits.items()
        ),
        registers="".join(
            f"register_{number} AS (\n  {_register(register, steps, library, scans)}\n), "
            for number, register in enumerate(registers)
        ),
        place=f"coalesce({', '.join(places)})" if places else "CAST(NULL AS VARCHAR)",
        joins="\n  ".join(joins),
        columns=", ".join(COLUMNS),
    )


@dataclass(frozen=True)
class _Step:
    """The place of a way among those of its contract, and the dataset that it leads through, if any."""

    place: int
    through: str | None


def _steps(contracts: Sequence[Contract], library: Library, scans: Mapping[str, str]) -> list[_Step]:
    """What is tried one after the other: of each contract its own ways, in their order."""
    steps = {
        _Step(place, route.dataset)
        for contract in contracts
        for place, route in enumerate(contract.routes)
        if route.dataset is None or _known_by(route.dataset, library, scans) is not None
    }
    return sorted(steps, key=lambda step: (step.place, step.through or ""))


def _on_its_way(contract: Contract, hits: str, steps: Sequence[_Step], table: str) -> str:
    """One dataset's hits with the start column of each step: NULL where the dataset does not use the step."""
    own = {_Step(place, route.dataset): place for place, route in enumerate(contract.routes)}
    starts = "".join(
        f", hit.way_{own[step]} AS step_{number}"
        if step in own
        else f", CAST(NULL AS VARCHAR) AS step_{number}"
        for number, step in enumerate(steps)
    )
    return template("quality", "placed").format(
        dataset=literal(contract.id),
        department=literal(contract.department),
        starts=starts,
        hits=hits,
        table=table,
    )


def ways_through(
    contract: Contract, library: Library, delivered: Container[str]
) -> Iterator[tuple[str, str, str]]:
    """The datasets through which a contract's rows find a township: each with its key, and the column that names it.

    Args:
        contract: the dataset's contract.
        library: all contracts.
        delivered: the datasets that have a standard table.
    """
    for route in contract.routes:
        if route.dataset is not None:
            found = _known_by(route.dataset, library, delivered)
            if found is not None:
                yield route.dataset, found[0], route.column


def _known_by(dataset: str, library: Library, delivered: Container[str]) -> tuple[str, str] | None:
    """The columns of a dataset by which others find a division code: its key, and the code."""
    other = library[dataset]
    direct = next((way.column for way in other.routes if way.dataset is None), None)
    if direct is None or not other.subjects or dataset not in delivered:
        return None
    return other.subjects[0].key, direct


def _register(dataset: str, steps: Sequence[_Step], library: Library, scans: Mapping[str, str]) -> str:
    """A dataset's own division code by the key it shares, for the rows that were hit."""
    found = _known_by(dataset, library, scans)
    assert found is not None, "no step leads through a dataset that knows no division"
    key, code = map(quote, found)
    asked = " UNION ALL ".join(
        f"SELECT step_{number} FROM hit" for number, step in enumerate(steps) if step.through == dataset
    )
    return f"SELECT {key} AS key, min({code}) AS code FROM {scans[dataset]} WHERE {key} IN ({asked}) GROUP BY {key}"
