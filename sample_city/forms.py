"""The untidy but right ways in which departments write: what standardisation has to digest.

Blanks, apostrophes, full-width digits, lower case, codes for labels, addresses in short, dates in nine
spellings. Which row is
written how depends on its record only, so it is the same in every batch. Errors belong to faults.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sample_city.codebook import code_by_label
from sample_city.declarations import Delivery
from sample_city.streams import Ints, noise
from sample_city.tables import table

DIGITS: Final = "0123456789"
FULL_WIDTH: Final = "０１２３４５６７８９"


def _of_fifteen_digits(text: pl.Expr) -> pl.Expr:
    """Resident IDs of the old as they were before 1999: no century, no check character (GB 11643-1989)."""
    old = text.str.slice(6, 4).is_between(pl.lit("1900"), pl.lit("1950")) & (text.str.len_chars() == 18)
    return pl.when(old).then(text.str.head(6) + text.str.slice(8, 9)).otherwise(text)


TREATMENTS: Final[Mapping[str, Callable[[pl.Expr], pl.Expr]]] = {
    "lower_x": lambda text: text.str.replace("X", "x", literal=True),
    "trailing_blank": lambda text: text + "  ",
    "apostrophe": lambda text: "'" + text,
    "full_width": lambda text: text.str.replace_many(list(DIGITS), list(FULL_WIDTH)),
    "lower_case": lambda text: text.str.to_lowercase(),
    "short_address": lambda text: text.str.replace("^山东省(烟台市)?", ""),
    # Penglai was 370684 until 2020; its townships have kept their numbers.
    "former_division": lambda text: text.str.replace("^370614(00[1-5]|10[2-9])", "370684${1}"),
    "fifteen_digits": _of_fifteen_digits,
    "inner_blank": lambda text: text.str.replace(r"^(\p{Han})(\p{Han})$", "${1} ${2}"),
}

ISO, COMPACT, SLASHES, CHINESE, DOTS, SERIAL, WITH_TIME, SHORT_YEAR, NUMERALS = range(9)
"""The spellings of a date, in the order of ``Delivery.spellings``: ISO, 20260302, 2026/3/2, 2026年3月2日,
2026.03.02, a spreadsheet's day number, 2026-03-02 00:00:00, 98-03-02, 二〇二六年三月二日."""
SERIAL_ZERO: Final = 25_569
"""Day number that spreadsheets give to 1970-01-01 (their day 0 is 1899-12-30)."""
AMBIGUOUS: Final = 31
"""Up to this number a year of two digits may be a day: 26-03-02 is a date of 2026 or of 2002."""
NUMERALS_OF_DAYS: Final = [
    (tens if ones == "" else tens + ones)
    for tens in ("", "十", "二十", "三十")
    for ones in ("", *"一二三四五六七八九")
][:32]
"""None, 一 to 三十一, at their own numbers."""


def written(seed: int, delivery: Delivery, records: Ints, rows: pl.DataFrame) -> pl.DataFrame:
    """Clean rows as the department writes them, same shape and order."""
    dataset = delivery.dataset
    rows = _with_spelled_dates(seed, delivery, records, rows)
    untidy = table("untidy").filter(pl.col("dataset") == dataset)
    for field, treatment, share in untidy.select("field", "treatment", "share").rows():
        lot = noise(seed, f"{dataset}.{field} {treatment}", records)
        struck = pl.Series("struck", lot < int(share)) & (rows.get_column(field) != "")
        changed = pl.when(struck).then(_treated(delivery, field, treatment))
        rows = rows.with_columns(changed.otherwise(pl.col(field)).alias(field))
    return rows


def _treated(delivery: Delivery, field: str, treatment: str) -> pl.Expr:
    """The column with one kind of untidiness; ``code`` writes the standard's code in place of the label."""
    if treatment == "code":
        codes = code_by_label(delivery.coded[field])
        return pl.col(field).replace_strict(codes, return_dtype=pl.String)
    treated: pl.Expr = TREATMENTS[treatment](pl.col(field))
    return treated


def _with_spelled_dates(seed: int, delivery: Delivery, records: Ints, rows: pl.DataFrame) -> pl.DataFrame:
    for field, parts in delivery.spellings.items():
        lot = noise(seed, f"spelling of {delivery.dataset}.{field}", records)
        style = np.searchsorted(np.cumsum(parts) * 10_000 // sum(parts), lot, side="right")
        rows = rows.with_columns(spelled(rows.get_column(field), style).alias(field))
    return rows


def spelled(dates: pl.Series, style: npt.NDArray[np.integer]) -> pl.Series:
    """ISO dates in the spelling asked for, one style per row; what is no date stays as it is."""
    date, chosen = dates.str.to_date("%Y-%m-%d", strict=False), pl.Series(style)
    return pl.select(
        pl.when((chosen == ISO) | date.is_null())
        .then(dates)
        .when(chosen == COMPACT)
        .then(date.dt.strftime("%Y%m%d"))
        .when(chosen == SLASHES)
        .then(date.dt.strftime("%Y/%-m/%-d"))
        .when(chosen == CHINESE)
        .then(date.dt.strftime("%Y年%-m月%-d日"))
        .when(chosen == DOTS)
        .then(date.dt.strftime("%Y.%m.%d"))
        .when(chosen == SERIAL)
        .then((date.cast(pl.Int32) + SERIAL_ZERO).cast(pl.String))
        .when(chosen == WITH_TIME)
        .then(date.dt.strftime("%Y-%m-%d 00:00:00"))
        .when((chosen == SHORT_YEAR) & (date.dt.year() < 2000) & (date.dt.year() % 100 > AMBIGUOUS))
        .then(date.dt.strftime("%y-%m-%d"))
        .when(chosen == NUMERALS)
        .then(_in_numerals(date))
        .otherwise(dates)
    ).to_series()


def _in_numerals(dates: pl.Series) -> pl.Series:
    """二〇二六年三月二日."""
    year = dates.dt.strftime("%Y").str.replace_many(list(DIGITS), list("〇一二三四五六七八九"))
    words = pl.Series(NUMERALS_OF_DAYS)
    return year + "年" + words.gather(dates.dt.month()) + "月" + words.gather(dates.dt.day()) + "日"
