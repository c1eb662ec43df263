"""The untidy but right ways in which departments write: what standardisation has to digest.

Blanks, apostrophes, full-width digits, a lower-case x, dates in several spellings. Which row is
written how depends on its record only, so it is the same in every batch. Errors belong to faults.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sample_city.declarations import Delivery
from sample_city.streams import Ints, noise
from sample_city.tables import table

DIGITS: Final = "0123456789"
FULL_WIDTH: Final = "０１２３４５６７８９"

TREATMENTS: Final = {
    "lower_x": lambda text: text.str.replace("X", "x", literal=True),
    "trailing_blank": lambda text: text + "  ",
    "apostrophe": lambda text: "'" + text,
    "full_width": lambda text: text.str.replace_many(list(DIGITS), list(FULL_WIDTH)),
    "inner_blank": lambda text: text.str.replace(r"^(\p{Han})(\p{Han})$", "${1} ${2}"),
}

ISO, COMPACT, SLASHES, CHINESE = range(4)
"""The spellings of a date, in the order of ``Delivery.spellings``: ISO, 20260302, 2026/3/2, 2026年3月2日."""


def written(seed: int, delivery: Delivery, records: Ints, rows: pl.DataFrame) -> pl.DataFrame:
    """Clean rows as the department writes them, same shape and order."""
    dataset = delivery.dataset
    rows = _with_spelled_dates(seed, delivery, records, rows)
    untidy = table("untidy").filter(pl.col("dataset") == dataset)
    for field, treatment, share in untidy.select("field", "treatment", "share").rows():
        lot = noise(seed, f"{dataset}.{field} {treatment}", records)
        struck = pl.Series("struck", lot < int(share)) & (rows.get_column(field) != "")
        changed = pl.when(struck).then(TREATMENTS[treatment](pl.col(field)))
        rows = rows.with_columns(changed.otherwise(pl.col(field)).alias(field))
    return rows


def _with_spelled_dates(seed: int, delivery: Delivery, records: Ints, rows: pl.DataFrame) -> pl.DataFrame:
    for field, parts in delivery.spellings.items():
        lot = noise(seed, f"spelling of {delivery.dataset}.{field}", records)
        style = np.searchsorted(np.cumsum(parts) * 10_000 // sum(parts), lot, side="right")
        rows = rows.with_columns(spelled(rows.get_column(field), style).alias(field))
    return rows


def spelled(dates: pl.Series, style: npt.NDArray[np.integer]) -> pl.Series:
    """ISO dates in the spelling asked for, one style per row."""
    date, chosen = dates.str.to_date("%Y-%m-%d"), pl.Series(style)
    return pl.select(
        pl.when(chosen == ISO)
        .then(dates)
        .when(chosen == COMPACT)
        .then(date.dt.strftime("%Y%m%d"))
        .when(chosen == SLASHES)
        .then(date.dt.strftime("%Y/%-m/%-d"))
        .otherwise(date.dt.strftime("%Y年%-m月%-d日"))
    ).to_series()
