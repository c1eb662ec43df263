"""The rules in Great Expectations: one checkpoint over a pandas frame, with complete results that name rows by key.

Great Expectations can compare two columns. For other rules on several columns, Polars computes a column that is
expected to be true: a conditional expectation would do the same work in pandas, more slowly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import polars as pl
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig

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

EVERY_ROW: Mapping[str, Any] = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [KEY],
    "include_unexpected_rows": False,
    "return_unexpected_index_query": False,
}


def _limit(value: int | date) -> int | datetime:
    return datetime.combine(value, time()) if isinstance(value, date) else value


def _expectation(name: str, rule: Rule) -> gxe.Expectation:
    meta = {"rule": name}
    match rule:
        case Present(field):
            return gxe.ExpectColumnValuesToNotBeNull(column=field, meta=meta)
        case Unique(field):
            return gxe.ExpectColumnValuesToBeUnique(column=field, meta=meta)
        case Matches(field, pattern):
            return gxe.ExpectColumnValuesToMatchRegex(column=field, regex=pattern, meta=meta)
        case Coded(field):
            return gxe.ExpectColumnValuesToBeInSet(column=field, value_set=rule.codes, meta=meta)
        case Between(field, low, high):
            return gxe.ExpectColumnValuesToBeBetween(
                column=field, min_value=_limit(low), max_value=_limit(high), meta=meta
            )
        case NotBefore(field, other):
            return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=field,
                column_B=other,
                or_equal=True,
                ignore_row_if="either_value_is_missing",
                meta=meta,
            )
        case Never():
            return gxe.ExpectColumnValuesToBeInSet(column=name, value_set=[True], meta=meta)


def check(table: Path) -> Sequence[ExpectationValidationResult]:
    """The result of each expectation."""
    kept = {
        name: ~pl.sql_expr(rule.violates).fill_null(False)
        for name, rule in RULES.items()
        if isinstance(rule, Never)
    }
    frame = pl.read_parquet(table).with_columns(**kept).to_pandas()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("resident")
    suite = gx.ExpectationSuite("rules", [_expectation(name, rule) for name, rule in RULES.items()])
    validation = gx.ValidationDefinition(
        name="rules",
        data=asset.add_batch_definition_whole_dataframe("whole"),
        suite=context.suites.add(suite),
    )
    checkpoint = gx.Checkpoint(
        name="rules",
        validation_definitions=[context.validation_definitions.add(validation)],
        result_format=dict(EVERY_ROW),
    )
    done = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
    [result] = done.run_results.values()
    return list(result.results)


def failing(found: Sequence[ExpectationValidationResult]) -> pl.DataFrame:
    """Rule and key of each failing row."""
    parts = []
    for result in found:
        if result.exception_info.get("raised_exception"):
            raise RuntimeError(str(result.exception_info))
        keys = [row[KEY] for row in result.result.get("unexpected_index_list") or []]
        assert result.expectation_config is not None and result.expectation_config.meta is not None
        rule = result.expectation_config.meta["rule"]
        parts.append(
            pl.DataFrame({"key": keys}, schema={"key": pl.String}).select(rule=pl.lit(rule), key="key")
        )
    return pl.concat(parts)


if __name__ == "__main__":
    measure(check, failing)
