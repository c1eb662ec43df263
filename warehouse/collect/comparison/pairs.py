"""Rows of the same key in two files: which keys stayed, and of each column how many values differ and how.

Keys that stand several times in a file are left out: which of their rows belong together is not known.
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
        now: the delivery's rows, or its changed rows only.
        then: the rows in force, or of them only those that are gone.
        spared: the rows that were not read because they are the same in both.
    """

    now: str
    then: str
    spared: int = 0


@dataclass(frozen=True)
class Pairs:
    """What became of the keys.

    Attributes:
        common: the rows that have the same key in both files.
        changed: column → rows with another value.
        scaled: column → factor → rows whose number is that many times the earlier one.
        exchanged: two columns → rows in which each holds what the other held.
    """

    common: int
    changed: Mapping[str, int]
    scaled: Mapping[str, Mapping[str, int]]
    exchanged: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Question:
    """What is compared with what.

    Attributes:
        sides: the two files.
        keys: the columns that identify a row.
        columns: the columns that both files have.
        codes: the code tables, by which texts are turned into values; None to compare texts as delivered.
    """

    sides: Sides
    keys: Sequence[Column]
    columns: Sequence[Column]
    codes: CodeLibrary | None = None

    def value(self, column: Column, cell: str) -> str:
        """A cell as it is compared."""
        if self.codes is None:
            return cell
        return f"coalesce(CAST({value_of(column, cell, self.codes)} AS VARCHAR), {cell})"


def compare_pairs(context: BatchContext, contract: Contract, sides: Sides) -> Pairs | None:
    """Compare the rows that have the same key.

    Cells are compared as delivered, which costs little. Where many differ, they are compared again by their values: a
    department may write 2026/3/1 for 2026-03-01 from one month to the next.

    Args:
        context: the batch; both relations are visible to its connection.
        contract: of the rows.
        sides: the two files.

    Returns:
        None where no delivered column identifies a row.
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
        # Keys too may be written otherwise.
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
    """The rows of the same key, and of each column how many cells differ as texts."""
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
    """The rows in which a value differs, and in which two columns hold each other's earlier values."""
    pairs = [(a.name, b.name) for a, b in combinations(question.columns, 2)]
    names = [column.name for column in question.columns]
    asked = [f"count(*) FILTER (now.{quote(n)} IS DISTINCT FROM was.{quote(n)})" for n in names]
    asked += [f"count(*) FILTER ({_swapped(a, b)})" for a, b in combinations(question.columns, 2)]
    joined = _joined(question, by_value=True)
    counted = [int(n) for n in connection.execute(f"SELECT {', '.join(asked)} FROM {joined}").fetchall()[0]]
    exchanged = {pair: n for pair, n in zip(pairs, counted[len(names) :], strict=True) if n}
    return dict(zip(names, counted[: len(names)], strict=True)), exchanged


def _swapped(one: Column, other: Column) -> str:
    """The condition that two columns hold each other's earlier values, as texts if they are read in different ways."""
    alike = (one.type, one.kind, one.codes) == (other.type, other.kind, other.codes)
    a, b = (quote(column.name if alike else _as_text(column)) for column in (one, other))
    return f"now.{a} = was.{b} AND now.{b} = was.{a} AND now.{a} <> now.{b}"


def _as_text(column: Column) -> str:
    return f"{column.name}__text"


def _joined(question: _Question, *, by_value: bool = False) -> str:
    """Rows of the same key beside each other as `now` and `was`."""
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
    """The rows of one file whose key stands there once, with the key in columns of its own."""
    named, whole = ", ".join(keys), " AND ".join(f"{key} IS NOT NULL" for key in keys)
    only_keys = ", ".join(picked[-len(keys) :])
    return (
        f"(SELECT * FROM (SELECT {', '.join(picked)} FROM {side}) ANTI JOIN "
        f"(SELECT {named} FROM (SELECT {only_keys} FROM {side}) GROUP BY ALL HAVING count(*) > 1) "
        f"USING ({named}) WHERE {whole})"
    )
