"""Rows with the same key in two files: how many keys stayed, how many values of each column differ, and how.

Keys that occur several times in a file are left out, because their rows cannot be paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import duckdb

from schemas.codes import CodeLibrary
from schemas.contract.model import Column, Contract
from schemas.emit.sql import quote
from warehouse.collect.comparison.checks import CHANGED, FACTORS, SUSPECT_SHARE, UNIT
from warehouse.incremental.context import BatchContext
from warehouse.standard.values import value_of


@dataclass(frozen=True)
class Sides:
    """The two files that are compared.

    Attributes:
        now: the delivery's rows; only the changed rows if the rest was not read.
        then: the rows in force; only the removed rows if the rest was not read.
        spared: the number of rows that were not read because they are the same in both files.
    """

    now: str
    then: str
    spared: int = 0


@dataclass(frozen=True)
class Pairs:
    """The result of comparing rows by key.

    Attributes:
        common: the number of rows whose key is in both files.
        changed: column → rows with another value.
        scaled: column → factor → rows whose number is the earlier number times the factor.
        exchanged: two columns → rows in which each column holds the other column's earlier value.
    """

    common: int
    changed: Mapping[str, int]
    scaled: Mapping[str, Mapping[str, int]]
    exchanged: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Question:
    """The files, keys and columns of one comparison.

    Attributes:
        sides: the two files.
        keys: the columns that identify a row.
        columns: the columns that both files have.
        codes: the code tables that turn texts into values; None to compare texts as delivered.
    """

    sides: Sides
    keys: Sequence[Column]
    columns: Sequence[Column]
    codes: CodeLibrary | None = None

    def value(self, column: Column, cell: str) -> str:
        """SQL of a cell in the form in which it is compared."""
        if self.codes is None:
            return cell
        return f"coalesce(CAST({value_of(column, cell, self.codes)} AS VARCHAR), {cell})"


def compare_pairs(context: BatchContext, contract: Contract, sides: Sides) -> Pairs | None:
    """Compare the rows that have the same key.

    Cells are compared as delivered, which is cheap. Columns with many differences are compared again by value: a
    department may write 2026/3/1 in one month and 2026-03-01 in the next.

    Args:
        context: the batch; both relations are visible to its connection.
        contract: the contract of the rows.
        sides: the two files.

    Returns:
        None if no delivered column identifies a row.
    """
    connection = context.connection
    both = _present(connection, sides.now) & _present(connection, sides.then)
    if not contract.key or not both.issuperset(column.name for column in contract.key):
        return None
    columns = [column for column in contract.delivered_columns if column.name in both]
    question = _Question(sides, contract.key, columns)
    pairs = _pairs(connection, question)
    rows = min(_rows(connection, sides.now), _rows(connection, sides.then))
    if rows - (pairs.common - sides.spared) > SUSPECT_SHARE * (rows + sides.spared):
        # Keys too may have changed their spelling.
        by_value = _pairs(connection, replace(question, codes=context.codes))
        pairs = by_value if by_value.common > pairs.common else pairs
        question = replace(question, codes=context.codes if pairs is by_value else None)
    suspects = [c for c in columns if pairs.changed.get(c.name, 0) > SUSPECT_SHARE * pairs.common]
    if not suspects:
        return pairs
    closer = replace(question, columns=suspects, codes=context.codes)
    changed, exchanged = _values(connection, closer)
    return replace(pairs, changed={**pairs.changed, **changed}, exchanged=exchanged)


def _present(connection: duckdb.DuckDBPyConnection, relation: str) -> set[str]:
    return {column[0] for column in connection.execute(f"FROM {relation} LIMIT 0").description}


def _rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])


def _pairs(connection: duckdb.DuckDBPyConnection, question: _Question) -> Pairs:
    """Count the rows with the same key, and for each column the cells that differ as text."""
    asked, columns = {"common": "count(*)"}, question.columns
    for column in columns:
        now, then = f"now.{quote(column.name)}", f"was.{quote(column.name)}"
        if CHANGED.columns(column):
            condition = CHANGED.measure.format(now=now, then=then)
            asked[f"changed.{column.name}"] = f"count(*) FILTER ({condition})"
        if UNIT.columns(column):
            for factor in FACTORS:
                condition = UNIT.measure.format(now=now, then=then, factor=factor)
                asked[f"{factor}.{column.name}"] = f"count(*) FILTER ({condition})"
    counted = connection.execute(f"SELECT {', '.join(asked.values())} FROM {_joined(question)}")
    found = dict(zip(asked, map(int, counted.fetchall()[0]), strict=True))
    return Pairs(
        found["common"] + question.sides.spared,
        {c.name: n for c in columns if (n := found.get(f"changed.{c.name}", 0))},
        {
            c.name: {factor: n for factor in FACTORS if (n := found[f"{factor}.{c.name}"])}
            for c in columns
            if UNIT.columns(c)
        },
    )


def _values(
    connection: duckdb.DuckDBPyConnection, question: _Question
) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Count per column the rows whose value differs, and per two columns the rows that exchanged their values."""
    pairs = [(a.name, b.name) for a, b in combinations(question.columns, 2)]
    names = [column.name for column in question.columns]
    asked = [f"count(*) FILTER (now.{quote(n)} IS DISTINCT FROM was.{quote(n)})" for n in names]
    asked += [f"count(*) FILTER ({_swapped(a, b)})" for a, b in combinations(question.columns, 2)]
    joined = _joined(question, by_value=True)
    counted = [int(n) for n in connection.execute(f"SELECT {', '.join(asked)} FROM {joined}").fetchall()[0]]
    exchanged = {pair: n for pair, n in zip(pairs, counted[len(names) :], strict=True) if n}
    return dict(zip(names, counted[: len(names)], strict=True)), exchanged


def _swapped(one: Column, other: Column) -> str:
    """SQL: two columns hold each other's earlier values; compared as text if their types differ."""
    alike = (one.type, one.kind, one.codes) == (other.type, other.kind, other.codes)
    a, b = (quote(column.name if alike else _as_text(column)) for column in (one, other))
    return f"now.{a} = was.{b} AND now.{b} = was.{a} AND now.{a} <> now.{b}"


def _as_text(column: Column) -> str:
    return f"{column.name}__text"


def _joined(question: _Question, *, by_value: bool = False) -> str:
    """Join the rows of both files by key, as `now` and `was`."""
    keys = [f"_key_{number}" for number, _ in enumerate(question.keys)]
    picked = [
        f"{question.value(column, quote(column.name)) if by_value else quote(column.name)} AS {quote(column.name)}"
        for column in question.columns
    ]
    if by_value:
        picked += [f"{quote(c.name)} AS {quote(_as_text(c))}" for c in question.columns]
    picked += [
        f"{question.value(column, quote(column.name))} AS {key}"
        for key, column in zip(keys, question.keys, strict=True)
    ]
    now, then = (_keyed(side, picked, keys) for side in (question.sides.now, question.sides.then))
    on = " AND ".join(f"now.{key} = was.{key}" for key in keys)
    return f"{now} AS now JOIN {then} AS was ON {on}"


def _keyed(side: str, picked: Sequence[str], keys: Sequence[str]) -> str:
    """The rows of one file whose key occurs once, with the key in extra columns."""
    named, whole = ", ".join(keys), " AND ".join(f"{key} IS NOT NULL" for key in keys)
    only_keys = ", ".join(picked[-len(keys) :])
    return (
        f"(SELECT * FROM (SELECT {', '.join(picked)} FROM {side}) ANTI JOIN "
        f"(SELECT {named} FROM (SELECT {only_keys} FROM {side}) GROUP BY ALL HAVING count(*) > 1) "
        f"USING ({named}) WHERE {whole})"
    )
