"""The measures of a file: counts that describe the file as a whole; they do not show the content of any row.

Counts add up. If only the changed rows of a file were read, its counts are the earlier file's counts, minus the counts
of the removed rows, plus the counts of the new rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from schemas.contract.model import Column, Contract
from schemas.emit.sql import literal, quote
from warehouse.collect.comparison.checks import CONTENT, SAMPLE, place_column

# Townships have codes of nine digits, counties of six.
_TOWNSHIP, _COUNTY = 9, 6


@dataclass(frozen=True)
class Measures:
    """The measures of a file.

    Attributes:
        rows: the number of rows.
        counts: `<check>.<column>` → rows; a name that is missing counts 0. `repeated`: rows whose key occurs earlier.
        places: township code → rows.
        sheets: worksheet → rows, if several sheets are read as one.
    """

    rows: int
    counts: Mapping[str, int]
    places: Mapping[str, int]
    sheets: Mapping[str, int]

    @property
    def counties(self) -> dict[str, int]:
        """County code → rows."""
        found: dict[str, int] = {}
        for township, rows in self.places.items():
            found[township[:_COUNTY]] = found.get(township[:_COUNTY], 0) + rows
        return found

    def share(self, name: str) -> float:
        """A count as a share of the rows."""
        return self.counts.get(name, 0) / self.rows if self.rows else 0.0

    def amended(self, gone: Measures, new: Measures) -> Measures:
        """The measures after rows were removed and added; a count that does not add up keeps its value."""
        keep = {f"{check.name}." for check in CONTENT if check.keeps}
        kept = {name: n for name, n in self.counts.items() if any(name.startswith(k) for k in keep)}
        summed = _summed(self.counts, gone.counts, new.counts)
        return replace(
            self,
            rows=self.rows - gone.rows + new.rows,
            counts={**summed, **kept},
            places=_summed(self.places, gone.places, new.places),
        )

    def as_facts(self) -> dict[str, object]:
        """The measures as plain values for a manifest."""
        return {
            "rows": self.rows,
            "counts": dict(self.counts),
            "places": dict(self.places),
            "sheets": dict(self.sheets),
        }


def read_measures(facts: object) -> Measures | None:
    """Read the measures from a manifest; None if it has none."""
    return Measures(**facts) if isinstance(facts, dict) else None


def measure(
    connection: duckdb.DuckDBPyConnection, contract: Contract, relation: str, sheets: Mapping[str, int]
) -> Measures:
    """Measure rows.

    Args:
        connection: `relation` is visible to it.
        contract: the contract of the rows.
        relation: the rows, with delivered columns as text; a missing column counts as empty.
        sheets: worksheet → rows.
    """
    present = _columns(connection, relation)
    columns = [column for column in contract.delivered_columns if column.name in present]
    candidates = _candidates(connection, relation, columns)
    asked = {"rows": "count(*)", **_repeated(contract, present)}
    for column in columns:
        for check in CONTENT:
            if not check.columns(column) or (check.keeps and column.name not in candidates):
                continue
            # Not `str.format`: the patterns contain braces.
            condition = check.measure(column).replace("{cell}", quote(column.name))
            condition = condition.replace("{candidate}", literal(candidates.get(column.name) or ""))
            asked[f"{check.name}.{column.name}"] = f"count(*) FILTER ({condition})"
    counted = connection.execute(f"SELECT {', '.join(asked.values())} FROM {relation}").fetchall()[0]
    counts = dict(zip(asked, counted, strict=True))
    rows = counts.pop("rows")
    absent = [column for column in contract.delivered_columns if column.name not in present]
    counts |= {f"empty.{column.name}": rows for column in absent}
    return Measures(
        rows,
        {name: int(count) for name, count in counts.items() if count},
        _places(connection, contract, relation, present),
        sheets,
    )


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> frozenset[str]:
    return frozenset(column[0] for column in connection.execute(f"FROM {relation} LIMIT 0").description)


def _candidates(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[Column]
) -> dict[str, str]:
    """Column → the most frequent value in a sample of about a thousand rows spread over the file.

    A value that fills half of the column is the most frequent value of the sample too.
    """
    asked = [c for c in columns for check in CONTENT if check.keeps and check.columns(c)]
    if not asked:
        return {}
    names = ", ".join(f"mode({quote(column.name)})" for column in asked)
    some = ", ".join(quote(column.name) for column in asked)
    total = int(connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])
    step = max(1, total // SAMPLE)
    row = connection.execute(
        f"SELECT {names} FROM (SELECT {some} FROM {relation} WHERE _row % {step} = 0)"
    ).fetchall()[0]
    return {column.name: value for column, value in zip(asked, row, strict=True) if value is not None}


def _repeated(contract: Contract, present: frozenset[str]) -> dict[str, str]:
    """SQL that counts the rows whose key occurs earlier in the file; empty if the file lacks a key column."""
    keys = [column.name for column in contract.key if column.delivered and column.name in present]
    if not keys or len(keys) < len(contract.key):
        return {}
    whole = " AND ".join(f"{quote(name)} IS NOT NULL" for name in keys)
    key = f"hash({', '.join(quote(name) for name in keys)})"
    return {"repeated": f"count(*) FILTER ({whole}) - count(DISTINCT {key}) FILTER ({whole})"}


def _places(
    connection: duckdb.DuckDBPyConnection, contract: Contract, relation: str, present: frozenset[str]
) -> dict[str, int]:
    column = place_column(contract)
    if column is None or column.name not in present:
        return {}
    cell = quote(column.name)
    found = connection.execute(
        f"SELECT left({cell}, {_TOWNSHIP}) AS place, count(*) FROM {relation} "
        f"WHERE regexp_full_match({cell}, '[0-9]{{{_TOWNSHIP},12}}') GROUP BY place ORDER BY place"
    ).fetchall()
    return dict(found)


def _summed(before: Mapping[str, int], gone: Mapping[str, int], new: Mapping[str, int]) -> dict[str, int]:
    names = sorted({*before, *new})
    summed = {name: before.get(name, 0) - gone.get(name, 0) + new.get(name, 0) for name in names}
    return {name: count for name, count in summed.items() if count > 0}
