"""Proposals for the columns of a sample, from their values and headings: name, type, kind, code table, key.

A person will judge every proposal. `warehouse.collect.infer.draft` writes them down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from schemas.codes import LABELLED_CODES, CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import Column, LogicalType
from schemas.emit.sql import quote
from schemas.kinds import Role, load_kinds
from warehouse.collect.readers.headings.header_match import clean_title

_SQL = Path(__file__).parent / "sql"

# Real extracts have errors: this share of the values must fit the heading.
_MOST = 0.8
# Kinds are judged by the first rows only, types by all rows.
_FIRST_ROWS = 10_000
# A column with at least this share of different values may be meant to be unique.
_NEARLY_UNIQUE = 0.98
# Digits of equal width are a code from this width on: years are shorter, and amounts may have equal width by chance.
_CODE_WIDTH = 6
# An approximate count of different values may be a few per cent too low.
_ABOUT = 0.8

_IDENTIFIER = re.compile(r"(?:号|号码|编码|代码|id|code|(?:^|_)no)$")
_AMOUNT = re.compile(
    r"[数额量价值率费积]$|金额|合计|总计|人口|收入|支出|面积|产量|产值|(?:amount|total|count|number|sum|price|area)$"
)
# Columns that may identify a row in pairs: an object (地区) and a time (年份).
_DIMENSION = re.compile(
    r"名称?$|姓名|地区|区[县划市]|[省市县区镇乡村]$|街道|单位|机构|部门|企业|项目|指标|类别|类型|品种|年[份度]?$|月[份度]?$|季度|日期|时间"
    r"|(?:name|area|region|year|month|date|kind|type)$"
)
# The entity whose rows an English heading `name` may name.
_PERSON = "person"
_SERIAL = frozenset({"序号", "行号", "no.", "no", "#"})
_UNIT = re.compile(r"[(（][^()（）]*[)）]$")
_RESERVED = frozenset({"record_key", "batch_date"})

# A code table's id, the share of a column's rows that it knows, and whether it matched a label, not only bare codes.
_Table = tuple[str, float, bool]


@dataclass(frozen=True)
class Counts:
    """How many of a column's `rows` values convert to each type, as counted by `sql/profile.sql`.

    `narrowest` and `widest` are the lengths of the values if all consist of digits; else `narrowest` is 0. `kinds` maps
    a semantic kind to the share of the column's first values that belong to it.
    """

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
    narrowest: int = 0
    widest: int = 0
    kinds: Mapping[str, float] = field(default_factory=dict)

    def most(self, count: int) -> bool:
        """Whether `count` rows are most of the rows that have a value."""
        return self.filled > 0 and count >= _MOST * self.filled

    @property
    def one_width(self) -> bool:
        """Whether all values are digits of equal width, at least as wide as a code."""
        return self.filled > 0 and self.narrowest == self.widest >= _CODE_WIDTH

    def mostly(self, kind: str) -> bool:
        """Whether most values belong to a kind."""
        return self.kinds.get(kind, 0) >= _MOST


@dataclass(frozen=True)
class Proposal:
    """The proposal for a column of a sample.

    Attributes:
        heading: the heading in the file.
        name: a name in snake case, unique among the columns.
        title: the Chinese name that contracts use for such a column, or the heading.
        counts: the counts of the values.
    """

    heading: str
    name: str
    title: str
    type: LogicalType
    kind: str | None
    codes: str | None
    classification: str | None
    counts: Counts

    @property
    def role(self) -> Role | None:
        """The role of the column in a row, given by its kind."""
        return load_kinds()[self.kind].role if self.kind is not None else None

    @property
    def required(self) -> bool:
        """Whether every row has a value."""
        filled = self.counts.booleans if self.type == "boolean" else self.counts.filled
        return 0 < self.counts.rows == filled

    @property
    def unique(self) -> bool:
        """Whether every row has a value and all values differ."""
        return self.required and self.counts.distinct_values == self.counts.rows


def propose(
    connection: duckdb.DuckDBPyConnection,
    headings: Sequence[str],
    rows: int,
    library: Library,
    codes: CodeLibrary,
) -> list[Proposal]:
    """Judge every column of the table `sample_rows`, whose columns `c0`, `c1`, … follow the order of `headings`.

    Args:
        connection: holds the function library and the sample.
        headings: the headings of the file, without repetitions.
        rows: the number of rows.
        library: contracts whose columns may match the sample's.
        codes: the code tables.
    """
    known = _known_columns(library)
    names = _names(headings, known)
    connection.register("code_spelling", _spellings(codes))
    kinds = _kinds(connection, codes)
    counts = {
        name: replace(Counts(rows, *found), kinds=kinds.get(name, {}))
        for name, *found in _run(connection, "profile")
    }
    persons = [k.name for k in load_kinds().values() if k.identifies and k.identifies.entity == _PERSON]
    tables: dict[str, list[_Table]] = {}
    for name, table, known_rows, labelled in _run(connection, "code_tables"):
        tables.setdefault(name, []).append((table, known_rows / counts[name].filled, labelled))
    return [
        _judged(
            _Evidence(
                heading,
                name,
                counts.get(f"c{place}", Counts(rows)),
                tables.get(f"c{place}", []),
                _alike(heading, known),
            ),
            codes,
            of_persons=any(found.mostly(kind) for found in counts.values() for kind in persons),
        )
        for place, (heading, name) in enumerate(zip(headings, names, strict=True))
    ]


def find_key(connection: duckdb.DuckDBPyConnection, columns: Sequence[Proposal]) -> tuple[int, ...]:
    """Find the columns that identify a row, as positions; empty if no column and no pair identifies a row.

    The order of preference: an identifier, even if it repeats a few values (extracts sometimes deliver a row twice);
    a name or a place; two columns such as 地区 and 年份; a text that happens to differ in every row.
    """
    able = [
        place
        for place, column in enumerate(columns)
        if (column.type in ("string", "integer") or (column.type == "date" and _is_dimension(column)))
        and clean_title(column.heading) not in _SERIAL
    ]
    single = [place for place in able if columns[place].type != "date"]
    unique = [place for place in single if columns[place].unique]
    for chosen in (
        [place for place in unique if _identifies(columns[place])],
        [place for place in single if _nearly_unique(columns[place])],
        [place for place in unique if _is_dimension(columns[place])],
    ):
        if chosen:
            return (chosen[0],)
    required = [place for place in able if columns[place].required]
    dimensions = [place for place in required if _is_dimension(columns[place]) or _identifies(columns[place])]
    others = [place for place in required if not _AMOUNT.search(clean_title(columns[place].heading))]
    # Columns that differ in every row only by chance come last; amounts never identify a row.
    return (
        _pair(connection, columns, dimensions)
        or tuple(place for place in unique if columns[place].type == "string")[:1]
        or _pair(connection, columns, others)
    )


def _pair(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Proposal], places: Sequence[int]
) -> tuple[int, ...]:
    """The first two columns that together identify a row."""
    pairs = list(combinations(places, 2))
    for first, second in _likely_pairs(connection, pairs, columns[0].counts.rows):
        query = f"SELECT count(*) FROM (SELECT DISTINCT c{first}, c{second} FROM sample_rows)"
        if connection.execute(query).fetchall()[0][0] == columns[0].counts.rows:
            return first, second
    return ()


def _identifies(column: Proposal) -> bool:
    """Whether a column looks like an identifier."""
    return column.role == "identifier" or (
        column.type == "string" and (_is_identifier(column.heading) or column.counts.one_width)
    )


def _is_dimension(column: Proposal) -> bool:
    return column.role in ("name", "township") or (
        _DIMENSION.search(clean_title(_UNIT.sub("", column.heading))) is not None
    )


def _likely_pairs(
    connection: duckdb.DuckDBPyConnection, pairs: Sequence[tuple[int, int]], rows: int
) -> list[tuple[int, int]]:
    """The pairs of columns with about as many different values as rows."""
    if not pairs:
        return []
    counts = ", ".join(f"approx_count_distinct((c{first}, c{second}))" for first, second in pairs)
    (found,) = connection.execute(f"SELECT {counts} FROM sample_rows").fetchall()
    return [pair for pair, count in zip(pairs, found, strict=True) if count >= _ABOUT * rows]


def _nearly_unique(column: Proposal) -> bool:
    identifier = column.role == "identifier" or _is_identifier(column.heading)
    return identifier and column.counts.distinct_values >= _NEARLY_UNIQUE * column.counts.rows > 0


def _is_identifier(heading: str) -> bool:
    if clean_title(heading) in _SERIAL:
        return False
    return _IDENTIFIER.search(_snake(heading) or clean_title(heading)) is not None


def _run(connection: duckdb.DuckDBPyConnection, query: str, **parts: object) -> list[tuple[Any, ...]]:
    sql = (_SQL / f"{query}.sql").read_text(encoding="utf-8")
    return connection.execute(sql.format(**parts) if parts else sql).fetchall()


def _kinds(connection: duckdb.DuckDBPyConnection, codes: CodeLibrary) -> dict[str, dict[str, float]]:
    """Column → kind → share of its values. A kind that values cannot confirm gets a share of 1."""
    kinds = load_kinds().values()
    # Normalised in a separate step: a macro repeats its argument, and DuckDB would compute it each time.
    normalised = "".join(f", {kind.normalise}(value) AS {quote(kind.name)}" for kind in kinds if kind.valid)
    judged = {
        kind.name: f"{kind.valid}({quote(kind.name)})" if kind.valid else "value IS NOT NULL"
        for kind in kinds
    }
    # If a code table lists all codes of a kind, the form of a code is not enough: the table must have it.
    known = {kind.name: kind.recognise.codes for kind in kinds if kind.recognise.codes is not None}
    judged |= {kind: f"{quote(table)}.code IS NOT NULL" for kind, table in known.items()}
    tables = " ".join(f"LEFT JOIN {t} ON {t}.code = value" for t in map(quote, sorted(set(known.values()))))
    for table in known.values():
        connection.register(table, codes.load(table).current.select("code"))
    counts = ", ".join(f"count(*) FILTER ({test})" for test in judged.values())
    return {
        name: {kind: found / filled for kind, found in zip(judged, each, strict=True)}
        for name, *each, filled in _run(
            connection, "kinds", kinds=counts, normalised=normalised, tables=tables, rows=_FIRST_ROWS
        )
        if filled
    }


@cache
def _spellings(codes: CodeLibrary) -> pl.DataFrame:
    """All spellings of all code tables, without tables whose many labels are names rather than spellings."""
    rows = [
        (table, spelling, code)
        for table in codes.ids()
        for spellings in [codes.load(table).spellings]
        if sum(spelling != code for spelling, code in spellings.items()) <= LABELLED_CODES
        for spelling, code in spellings.items()
    ]
    return pl.DataFrame(rows, schema=["code_table", "spelling", "code"], orient="row")


@dataclass(frozen=True)
class _Evidence:
    """The evidence for a column: its values, the code tables that know them, and similar known columns."""

    heading: str
    name: str
    counts: Counts
    tables: Sequence[_Table]
    alike: Sequence[Column]


def _judged(column: _Evidence, codes: CodeLibrary, *, of_persons: bool) -> Proposal:
    """A column's proposal."""
    heading, counts, tables, alike = column.heading, column.counts, column.tables, column.alike
    table = _code_table(heading, counts, tables, alike, codes)
    # A column with the English heading `name` may name anything.
    doubtful = heading.isascii() and not of_persons
    kinds = [known.kind for known in alike if not (doubtful and _names_a_person(known.kind))]
    kind = None if table else _kind(heading, counts, kinds)
    if kind is not None:
        table = load_kinds()[kind].recognise.codes
    type_ = "string" if table or kind else _type(heading, counts, alike)
    same = [known for known in alike if (known.type, known.kind, known.codes) == (type_, kind, table)]
    return Proposal(
        heading=heading,
        name=column.name,
        title=_title(heading, column.name, kind, alike),
        type=type_,
        kind=kind,
        codes=table,
        classification=same[0].classification if same else None,
        counts=counts,
    )


def _names_a_person(kind: str | None) -> bool:
    return kind is not None and load_kinds()[kind].role == "name"


def _type(heading: str, counts: Counts, alike: Sequence[Column]) -> LogicalType:
    """The first type to which all values convert; for the type of a known column, most values are enough."""
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
        return "string" if _is_identifier(heading) or _is_code(heading, counts) else "integer"
    if counts.numbers == counts.filled:
        return "number"
    # The boolean parser reads 无 (counted as empty by the other types) as a no, so its count may exceed `filled`.
    return "boolean" if counts.booleans >= counts.filled else "string"


def _is_code(heading: str, counts: Counts) -> bool:
    """Whether digits are a code: all of equal width, below a heading that does not name an amount."""
    return counts.one_width and _AMOUNT.search(clean_title(_UNIT.sub("", heading))) is None


def _kind(heading: str, counts: Counts, known: Sequence[str | None]) -> str | None:
    """The kind of a known column, or another kind that values or heading suggest, if most values have it."""
    plain = clean_title(heading)
    kinds = load_kinds().values()
    shown = [kind.name for kind in kinds if kind.recognise.by == "values"]
    hinted = [kind.name for kind in kinds if kind.recognise.heading and kind.recognise.heading.search(plain)]
    for kind in (*known, *shown, *hinted):
        if kind is not None and counts.mostly(kind):
            return kind
    return None


def _code_table(
    heading: str,
    counts: Counts,
    tables: Sequence[_Table],
    alike: Sequence[Column],
    codes: CodeLibrary,
) -> str | None:
    """The code table of a known column, or with this title, if it knows most values; else the only complete match."""
    shares = {table: share for table, share, _ in tables}
    titled = [table for table in shares if codes.load(table).title.endswith(clean_title(heading))]
    for table in [*(column.codes for column in alike if column.codes), *titled]:
        if shares.get(table, 0) >= _MOST:
            return table
    whole = [table for table, share, labelled in tables if share == 1 and labelled]
    return whole[0] if len(whole) == 1 and counts.distinct_values > 1 else None


def _known_columns(library: Library) -> dict[str, list[Column]]:
    """Heading → the contracts' columns that it may mean."""
    known: dict[str, list[Column]] = {}
    for contract in library:
        for column in contract.delivered_columns:
            for title in {clean_title(title) for title in column.titles}:
                known.setdefault(title, []).append(column)
    return known


def _alike(heading: str, known: Mapping[str, list[Column]]) -> list[Column]:
    """The known columns with this heading; a unit in brackets at its end is ignored."""
    title = clean_title(heading)
    return known.get(title) or known.get(clean_title(_UNIT.sub("", title)), [])


def _title(heading: str, name: str, kind: str | None, alike: Sequence[Column]) -> str:
    """The Chinese title of a column: a Chinese heading itself, or the contracts' title for an English heading."""
    if not heading.isascii():
        return heading
    titles = {column.title for column in alike if column.name == name}
    if len(titles) > 1 and kind:
        return load_kinds()[kind].title
    return titles.pop() if len(titles) == 1 else heading


def _names(headings: Sequence[str], known: Mapping[str, list[Column]]) -> list[str]:
    """A unique name for every heading: the contracts' name, the heading in snake case, or the column's number.

    No name equals the heading of another column, because a reader would confuse the two columns.
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
