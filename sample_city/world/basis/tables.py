"""Reading the plain tables under sample_city/data. What they mean belongs to their users."""

from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

DATA: Final = Path(__file__).parents[2] / "data"


@cache
def table(name: str) -> pl.DataFrame:
    """The table ``data/<name>.csv``; codes stay text, weights and years become numbers."""
    numbers = {"weight": pl.Float64, "share": pl.Float64, "born_from": pl.Int32}
    frame = pl.read_csv(DATA / f"{name}.csv", infer_schema=False).fill_null("")
    return frame.with_columns(
        pl.col(column).cast(kind) for column, kind in numbers.items() if column in frame.columns
    )
