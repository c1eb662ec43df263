"""A contract's logical types as Polars types."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from schemas.contract.model import LogicalType

POLARS_TYPES: Mapping[LogicalType, type[pl.DataType] | pl.DataType] = {
    "string": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "date": pl.Date,
    "timestamp": pl.Datetime("us"),
    "boolean": pl.Boolean,
}
