"""What the columns of a sample hold, judged by their values and headings: name, type, kind, code table, key.

Everything here is a proposal that a person will look at; how it is written down is `warehouse.collect.infer`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from schemas.codes import CodeLibrary
from schemas.contract import Column, LogicalType
from schemas.emit.sql import quote
from schemas.kinds import load_kinds
from schemas.library import Library
from warehouse.collect.readers.titles import clean_title
from warehouse.values import LABELLED_CODES

_SQL = Path(__file__).parent / "sql"

# Real extracts have errors: so many of the values must fit what the heading promises.
_MOST = 0.8
# A column that repeats this few of its values may be meant to be unique.
_NEARLY_UNIQUE = 0.98

# What the values alone do not show: seven digits may be a telephone, two characters a name or a street.
_KIND_HEADINGS: Mapping[str, re.Pattern[str]] = {
    "phone": re.compile(r"电话|手机|联系方式|phone|mobile|tel(?:ephone)?$"),
    "person_name": re.compile(
        r"姓名|联系人|负责人|代表人|经办人|监护人|户主|所有人|产权人|(?:person|full|owner|contact)_?name"
    ),
    "address": re.compile(r"地址|住址|住所|坐落|address$"),
}
_IDENTIFIER = re.compile(r"(?:号|号码|编码|代码|id|code|(?:^|_)no)$")
_SERIAL = frozenset({"序号", "行号", "no.", "no", "#"})
_UNIT = re.compile(r"[(（][^()（）]*[)）]$")
_RESERVED = frozenset({"record_key", "batch_date"})

# A code table's id, the share of a column's rows that it knows, whether it knows more than bare codes.
_Table = tuple[str, float, bool]


@dataclass(frozen=True)
class Counts:
    """How many values of a column convert to what, as `sql/profile.sql` counts them; `rows` are all rows."""

    rows: int
    filled: int = 0
    distinct_values: int = 0
    identifiers: int = 0
    integers: int = 0
    numbers: int = 0
    dates: int = 0
    day_numbers: int = 0
    with_time: int = 0
    timestamps: int = 0
    booleans: int = 0
    resident_id: int = 0
    uscc: int = 0
    division_code: int = 0
    phone: int = 0
    person_name: int = 0

    def most(self, count: int) -> bool:
        """Whether so many rows are most of those that have a value."""
        return self.filled > 0 and count >= _MOST * self.filled


@dataclass(frozen=True)
class Proposal:
    """What a column of a sample seems to be.

    Attributes:
        heading: as it stands in the file.
        name: in snake case, unique among the columns.
        title: the Chinese name that contracts use for such a column, or the heading.
        known: whether a contract has a column with this heading.
        counts: what the values showed.
    """

    heading: str
    name: str
    title: str
    known: bool
    type: LogicalType
    kind: str | None
    codes: str | None
    classification: str | None
    counts: Counts

    @property
    def required(self) -> bool:
        """Whether every row has a value."""
        filled = self.counts.booleans if self.type == "boolean" else self.counts.filled
        return 0 < self.counts.rows == filled

    @property
    def unique(self) -> bool:
        """Whether no row is without a value and no two have the same."""
        return self.required and self.counts.distinct_values == self.counts.rows


def propose(
    connection: duckdb.DuckDBPyConnection,
    headings: Sequence[str],
    rows: int,
    library: Library,
    codes: CodeLibrary,
) -> list[Proposal]:
    """Judge every column of the table `sample_rows`: `c0`, `c1`, … in the order of `headings`.

    Args:
        connection: with the function library, the code tables and the sample.
        headings: as they stand in the file, each once.
        rows: the number of rows.
        library: contracts whose columns may be the same.
        codes: the code tables.
    """
    known = _known_columns(library)
    names = _names(headings, known)
    counts = {name: Counts(rows, *found) for name, *found in _run(connection, "profile")}
    tables: dict[str, list[_Table]] = {}
    connection.register("code_spelling", _spellings(codes))
    for name, table, known_rows, labelled in _run(connection, "code_tables"):
        tables.setdefault(name, []).append((table, known_rows / counts[name].filled, labelled))
    connection.unregister("code_spelling")
    return [
        _judged(
            heading,
            name,
            counts.get(f"c{place}", Counts(rows)),
            tables.get(f"c{place}", []),
            _alike(heading, known),
            codes,
        )
        for place, (heading, name) in enumerate(zip(headings, names, strict=True))
    ]


def find_key(connection: duckdb.DuckDBPyConnection, columns: Sequence[Proposal]) -> tuple[int, ...]:
    """Which columns identify a row, by their places: the first unique one, else the first unique pair.

    A column that looks like an identifier and repeats few of its values goes before a pair: extracts do
    deliver rows twice. Empty where nothing identifies a row.
    """
    able = [
        place
        for place, column in enumerate(columns)
        if column.type in ("string", "integer") and clean_title(column.heading) not in _SERIAL
    ]
    unique = [place for place in able if columns[place].unique]
    nearly = [place for place in able if _nearly_unique(columns[place])]
    if unique or nearly:
        return ((unique or nearly)[0],)
    for pair in combinations([place for place in able if columns[place].required], 2):
        first, second = (columns[place].counts for place in pair)
        if first.distinct_values * second.distinct_values < first.rows:
            continue
        names = ", ".join(f"clean_text({quote(f'c{place}')})" for place in pair)
        query = f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM sample_rows)"
        if connection.execute(query).fetchall()[0][0] == first.rows:
            return pair
    return ()


def _nearly_unique(column: Proposal) -> bool:
    identifier = column.kind in ("resident_id", "uscc") or _is_identifier(column.heading)
    return identifier and column.counts.distinct_values >= _NEARLY_UNIQUE * column.counts.rows > 0


def _is_identifier(heading: str) -> bool:
    if clean_title(heading) in _SERIAL:
        return False
    return _IDENTIFIER.search(_snake(heading) or clean_title(heading)) is not None


def _run(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute((_SQL / f"{query}.sql").read_text(encoding="utf-8")).fetchall()


def _spellings(codes: CodeLibrary) -> pl.DataFrame:
    """Every spelling of every code table whose labels are spellings rather than names."""
    found = [
        codes.load(table).spellings.select(pl.lit(table).alias("code_table"), "spelling", "code")
        for table in codes.ids()
    ]
    return pl.concat(
        rows for rows in found if rows.filter(pl.col("spelling") != pl.col("code")).height <= LABELLED_CODES
    )


def _judged(
    heading: str,
    name: str,
    counts: Counts,
    tables: Sequence[_Table],
    alike: Sequence[Column],
    codes: CodeLibrary,
) -> Proposal:
    """A column's proposal, from its values, the code tables that know them and the known columns like it."""
    table = _code_table(heading, counts, tables, alike, codes)
    kind = None if table else _kind(heading, counts, alike)
    if kind == "division_code":
        table = "division"
    type_ = "string" if table or kind else _type(heading, counts, alike)
    same = [column for column in alike if (column.type, column.kind, column.codes) == (type_, kind, table)]
    return Proposal(
        heading=heading,
        name=name,
        title=_title(heading, name, kind, alike),
        known=bool(alike),
        type=type_,
        kind=kind,
        codes=table,
        classification=same[0].classification if same else None,
        counts=counts,
    )


def _type(heading: str, counts: Counts, alike: Sequence[Column]) -> LogicalType:
    """The first type to which all values convert; the one of a known column needs most of them only."""
    converted: dict[LogicalType, int] = {
        "date": counts.dates,
        "integer": counts.integers,
        "number": counts.numbers,
        "boolean": counts.booleans,
    }
    for column in alike:
        if counts.most(converted.get(column.type, 0)):
            return column.type
    if not counts.filled or counts.identifiers:
        return "string"
    if counts.with_time and counts.timestamps == counts.filled:
        return "timestamp"
    if counts.dates == counts.filled and not counts.day_numbers:
        return "date"
    if counts.integers == counts.filled:
        return "string" if _is_identifier(heading) else "integer"
    if counts.numbers == counts.filled:
        return "number"
    # 无 is a no for this type, so it may have more values than the others.
    return "boolean" if counts.booleans >= counts.filled else "string"


def _kind(heading: str, counts: Counts, alike: Sequence[Column]) -> str | None:
    """The semantic kind that most values have, where the heading does not speak against it."""
    plain = clean_title(heading)
    fitting = {
        "resident_id": counts.resident_id,
        "uscc": counts.uscc,
        "division_code": counts.division_code,
        "phone": counts.phone,
        "person_name": counts.person_name,
        "address": counts.filled,
        "certificate_no": counts.filled,
    }
    for column in alike:
        if column.kind and counts.most(fitting[column.kind]):
            return column.kind
    for kind, count in fitting.items():
        hint = _KIND_HEADINGS.get(kind)
        shown = hint.search(plain) is not None if hint else kind != "certificate_no"
        if shown and counts.most(count):
            return kind
    return None


def _code_table(
    heading: str,
    counts: Counts,
    tables: Sequence[_Table],
    alike: Sequence[Column],
    codes: CodeLibrary,
) -> str | None:
    """The table of a known column, or of that title, if it knows most values; else the only one with all."""
    shares = {table: share for table, share, _ in tables}
    titled = [table for table in shares if codes.load(table).title.endswith(clean_title(heading))]
    for table in [*(column.codes for column in alike if column.codes), *titled]:
        if shares.get(table, 0) >= _MOST:
            return table
    whole = [table for table, share, labelled in tables if share == 1 and labelled]
    return whole[0] if len(whole) == 1 and counts.distinct_values > 1 else None


def _known_columns(library: Library) -> dict[str, list[Column]]:
    """Every heading that contracts know, with the columns that it may mean."""
    known: dict[str, list[Column]] = {}
    for contract in library:
        for column in contract.delivered_columns:
            for title in {clean_title(title) for title in column.titles}:
                known.setdefault(title, []).append(column)
    return known


def _alike(heading: str, known: Mapping[str, list[Column]]) -> list[Column]:
    """The known columns with this heading, a unit in brackets behind it left aside."""
    title = clean_title(heading)
    return known.get(title) or known.get(clean_title(_UNIT.sub("", title)), [])


def _title(heading: str, name: str, kind: str | None, alike: Sequence[Column]) -> str:
    """A Chinese heading stands for itself; for a column name the contracts may know the Chinese one."""
    if not heading.isascii():
        return heading
    titles = {column.title for column in alike if column.name == name}
    if len(titles) > 1 and kind:
        return load_kinds()[kind].title
    return titles.pop() if len(titles) == 1 else heading


def _names(headings: Sequence[str], known: Mapping[str, list[Column]]) -> list[str]:
    """A name for every heading: its own in snake case, the contracts' one, or its place.

    No name is given twice, nor one that is another column's heading: a reader would take one for the other.
    """
    titles = {clean_title(heading): place for place, heading in enumerate(headings)}
    taken: set[str] = set(_RESERVED)
    names = []
    for place, heading in enumerate(headings):
        columns = _alike(heading, known)
        wanted = columns[0].name if columns and not heading.isascii() else _snake(heading)
        wanted = wanted or f"column_{place + 1}"
        name, number = wanted, 2
        while name in taken or titles.get(name, place) != place:
            name, number = f"{wanted}_{number}", number + 1
        taken.add(name)
        names.append(name)
    return names


def _snake(heading: str) -> str:
    """An ASCII heading in snake case: `stationName`, `Station name` → `station_name`; empty for others."""
    if not heading.isascii():
        return ""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", heading)
    name = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    return name if re.match(r"[a-z]", name) else ""
