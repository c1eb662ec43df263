"""The rules in Pointblank: one validation plan over a Polars frame, the extracts of every step without a limit."""

from __future__ import annotations

from pathlib import Path

import pointblank as pb
import polars as pl

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


def _step(plan: pb.Validate, rule: Rule) -> pb.Validate:
    match rule:
        case Present(field):
            return plan.col_vals_not_null(field)
        case Unique(field):
            return plan.rows_distinct(field)
        case Matches(field, pattern):
            return plan.col_vals_regex(field, pattern, na_pass=True)
        case Coded(field):
            # This step has no `na_pass`, so the set includes the missing value.
            return plan.col_vals_in_set(field, [*rule.codes, None])
        case Between(field, low, high):
            return plan.col_vals_between(field, low, high, na_pass=True)
        case NotBefore(field, other):
            return plan.col_vals_ge(field, pb.col(other), na_pass=True)
        case Never(_, violates):
            return plan.col_vals_expr(~pl.sql_expr(violates).fill_null(False))


def check(table: Path) -> dict[int, pl.DataFrame]:
    """The failing rows of each step, counted from 1."""
    frame = pl.read_parquet(table)
    plan = pb.Validate(frame)
    for rule in RULES.values():
        plan = _step(plan, rule)
    # Without a copy of the checked table, which is not needed here.
    done = plan.interrogate(collect_tbl_checked=False, extract_limit=frame.height)
    errors = [step.i for step in done.validation_info if step.eval_error]
    if errors:
        raise RuntimeError(f"steps {errors} could not be run")
    return done.get_data_extracts()


def failing(found: dict[int, pl.DataFrame]) -> pl.DataFrame:
    """Rule and key of each failing row."""
    return pl.concat(
        found[index].select(pl.lit(name).alias("rule"), pl.col(KEY).alias("key"))
        for index, name in enumerate(RULES, 1)
    )


if __name__ == "__main__":
    measure(check, failing)
