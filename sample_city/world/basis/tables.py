"""Reading the plain tables under sample_city/data. What they mean belongs to their users."""

from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

from schemas.document import plain_yaml

DATA: Final = Path(__file__).parents[2] / "data"


@cache
def table(name: str) -> pl.DataFrame:
    """The table ``data/<name>.csv``; codes stay text, weights and years become numbers."""
    numbers = {"weight": pl.Float64, "share": pl.Float64, "born_from": pl.Int32}
    frame = pl.read_csv(DATA / f"{name}.csv", infer_schema=False).fill_null("")
    return frame.with_columns(
        pl.col(column).cast(kind) for column, kind in numbers.items() if column in frame.columns
    )


def error_rates() -> dict[str, dict[str, float]]:
    """By dataset and kind: the share of the records that could carry an error and do."""
    rates: dict[str, dict[str, float]] = plain_yaml((DATA / "errors.yaml").read_text("utf-8"))
    return rates
