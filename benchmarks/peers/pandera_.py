"""The rules in pandera: one schema over a Polars frame, validated lazily so that every failure is kept."""

from __future__ import annotations

from pathlib import Path

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from benchmarks.peers.measuring import measure
from benchmarks.peers.rules import (
    KEY,
    RULES,
    Between,
    Coded,
    Matches,
    Never,
    NotBefore,
    Present,
    Rule,
    Unique,
)

# Pandera's name of a failed check of one column → our name of the rule.
NAMES = {
    "not_nullable": "presence",
    "field_uniqueness": "uniqueness",
    "str_matches": "pattern",
    "isin": "code_table",
    "in_range": "range",
}


def _named(rule: str, violates: pl.Expr) -> pa.Check:
    """A check of whole rows that fails where the expression is true."""
    return pa.Check(lambda data: data.lazyframe.select(~violates.fill_null(False)), name=rule)


def _of(name: str, rule: Rule) -> pa.Check | None:
    match rule:
        case Matches(_, pattern):
            return pa.Check.str_matches(pattern)
        case Coded():
            return pa.Check.isin(rule.codes)
        case Between(_, low, high):
            return pa.Check.in_range(low, high)
        case NotBefore(field, other):
            return _named(name, pl.col(field) < pl.col(other))
        case Never(_, violates):
            return _named(name, pl.sql_expr(violates))
    return None


def schema(types: pl.Schema) -> pa.DataFrameSchema:
    """The rules as a schema: rules of one column on the column, rules of several columns on the frame."""
    of_one: dict[str, list[pa.Check]] = {}
    of_row: list[pa.Check] = []
    for name, rule in RULES.items():
        made = _of(name, rule)
        if made is not None:
            (of_row if isinstance(rule, NotBefore | Never) else of_one.setdefault(rule.field, [])).append(
                made
            )
    present = {rule.field for rule in RULES.values() if isinstance(rule, Present)}
    unique = {rule.field for rule in RULES.values() if isinstance(rule, Unique)}
    columns = {
        name: pa.Column(kind, of_one.get(name, []), nullable=name not in present, unique=name in unique)
        for name, kind in types.items()
    }
    return pa.DataFrameSchema(columns, checks=of_row)


def check(table: Path) -> pl.DataFrame:
    """Every failure, with the key beside it."""
    frame = pl.read_parquet(table)
    try:
        schema(frame.schema).validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        keys = (
            frame.select(key=KEY)
            .with_row_index("index")
            .with_columns(pl.col("index").cast(cases["index"].dtype))
        )
        return cases.join(keys, on="index", how="left")
    raise RuntimeError("nothing failed")


def failing(found: pl.DataFrame) -> pl.DataFrame:
    """Rule and key of each failing row."""
    rule = pl.col("check").str.extract(r"^(\w+)").replace_strict(NAMES, default=None)
    of_one = pl.concat_str(rule, pl.lit("."), "column")
    return found.select(rule=pl.coalesce(of_one, "check"), key="key")


if __name__ == "__main__":
    measure(check, failing)
