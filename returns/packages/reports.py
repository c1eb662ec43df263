"""Reports (报表) that are already filled in: measures over one row per person, enterprise …, village by village.

A report's YAML declares its measures; its SQL file selects the counted rows. This module makes from both a query, the
columns of a sheet, and notes that explain each figure. A measure over a column without a source in this
installation is left out, and the notes say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from returns.packages.sheet_spec import Breakdown, Measure, SheetSpec, sheet_text
from returns.workbook.model import SheetColumn
from schemas.codes import CodeLibrary
from schemas.emit.sql import literal, quote
from schemas.expressions.parse import columns_of

# Columns that the rows of every report begin with.
PLACE = (
    SheetColumn("village_code", "村居代码", 16),
    SheetColumn("village", "村居", 26),
)

# A sum is exact: however the rows are shared among threads, villages add up to their township.
_EXACT = "DECIMAL(28, 4)"


@dataclass(frozen=True)
class _Settled:
    """The measures that can be computed here, and the titles of those that cannot."""

    measures: tuple[Measure, ...]
    missing: tuple[str, ...]


def settled(
    standard: SheetSpec,
    connection: duckdb.DuckDBPyConnection,
    codes: CodeLibrary,
    parameters: Mapping[str, object],
) -> SheetSpec:
    """A report as this installation can fill it in: its query, columns and notes; other sheets as they are.

    Args:
        standard: the declared sheet.
        connection: with the relations that the sheet's SQL names.
        codes: the code tables, for the measures of each code.
        parameters: values of the SQL's parameters.
    """
    if not standard.measures:
        return standard
    used = {name: value for name, value in parameters.items() if f"${name}" in standard.sql}
    described = connection.execute(f"SELECT * FROM ({standard.sql}) LIMIT 0", used or None).description or []
    found = _settle(standard.measures, codes, {column[0] for column in described})
    notes = [*standard.notes]
    meanings = [f"{measure.title}——{measure.means}" for measure in found.measures if measure.means]
    if meanings:
        notes.append(f"统计口径：{'；'.join(meanings)}。")
    if found.missing:
        notes.append(f"本市尚未汇聚相应数据、暂未列出的项目：{'、'.join(found.missing)}。")
    return replace(
        standard,
        columns=(*PLACE, *(_column(measure) for measure in found.measures)),
        notes=tuple(notes),
        totals=PLACE[0].name,
        sql=sheet_text("_report.sql").format(
            base=standard.sql, measures=",\n  ".join(_aggregate(measure) for measure in found.measures)
        ),
    )


def _settle(declared: Sequence[Measure | Breakdown], codes: CodeLibrary, columns: set[str]) -> _Settled:
    measures: list[Measure] = []
    missing: list[str] = []
    for item in declared:
        if not _named(item) <= columns:
            missing.append(item.title)
        elif isinstance(item, Breakdown):
            measures += _each(item, codes)
        else:
            measures.append(item)
    return _Settled(tuple(measures), tuple(missing))


def _named(item: Measure | Breakdown) -> set[str]:
    """The columns of the counted rows that a measure needs."""
    if isinstance(item, Breakdown):
        return {item.each}
    return {name for text in (item.when, item.sum) if text for name in columns_of(text, "")}


def _each(breakdown: Breakdown, codes: CodeLibrary) -> Iterator[Measure]:
    """A measure for each code in use, and a measure for all other values: their sum is the total."""
    current = codes.load(breakdown.codes).current
    column = quote(breakdown.each)
    known = current["code"].to_list()
    for code, label in current.select("code", "label").iter_rows():
        title = f"{breakdown.title}：{label}"
        yield Measure(f"{breakdown.each}_{code}", title, when=f"{column} = {literal(code)}", width=13)
    listed = ", ".join(literal(code) for code in known)
    yield Measure(
        f"{breakdown.each}_unknown",
        f"{breakdown.title}：不详",
        when=f"coalesce({column} NOT IN ({listed}), true)",
        width=13,
    )


def _column(measure: Measure) -> SheetColumn:
    return SheetColumn(measure.name, measure.title, measure.width, "number" if measure.sum else "integer")


def _aggregate(measure: Measure) -> str:
    counted = f"FILTER (WHERE {measure.when})" if measure.when else ""
    if measure.sum is None:
        value = f"count(*) {counted}"
    else:
        exact = f"sum(CAST({measure.sum} AS {_EXACT})) {counted}"
        value = f"CAST(coalesce({exact}, 0) AS DOUBLE)"
    return f"{value} AS {quote(measure.name)}"
