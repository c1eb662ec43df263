"""The untidy but right ways in which departments write: what standardisation has to digest.

Blanks, apostrophes, full-width digits, lower case, codes for labels, addresses in short, dates in nine
spellings. Which row is written how depends on its record only, so it is the same in every batch. Errors belong to
faults.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from sample_city.declarations import CityDelivery
from sample_city.world.basis.codebook import code_by_label
from sample_city.world.basis.streams import Ints, noise
from sample_city.world.basis.tables import table

DIGITS: Final = "0123456789"
FULL_WIDTH: Final = "０１２３４５６７８９"


Change: TypeAlias = tuple[npt.NDArray[np.integer], Callable[[pl.Expr], pl.Expr]]
"""Places in a column, and how the texts there are rewritten."""


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
    "yuan": lambda text: text + "元",
    "yuan_sign": lambda text: "￥" + text,
    "of_himself": lambda text: text + "（本人）",
    "decimal": lambda text: text + ".0",
    "inner_blank": lambda text: text.str.replace(r"^(\p{Han})(\p{Han})$", "${1} ${2}"),
}

ISO, COMPACT, SLASHES, CHINESE, DOTS, SERIAL, WITH_TIME, SHORT_YEAR, NUMERALS = range(9)
"""The spellings of a date, in the order of ``CityDelivery.spellings``: ISO, 20260302, 2026/3/2, 2026年3月2日,
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


def _numerals(date: pl.Expr) -> pl.Expr:
    """二〇二六年三月二日."""
    year = date.dt.strftime("%Y").str.replace_many(list(DIGITS), list("〇一二三四五六七八九"))
    month, day = (
        part.replace_strict(dict(enumerate(NUMERALS_OF_DAYS)), return_dtype=pl.String)
        for part in (date.dt.month(), date.dt.day())
    )
    return pl.format("{}年{}月{}日", year, month, day)


def _short_year(date: pl.Expr) -> pl.Expr:
    """98-03-02, where nobody can take the year for a day."""
    plain = (date.dt.year() < 2000) & (date.dt.year() % 100 > AMBIGUOUS)
    return pl.when(plain).then(date.dt.strftime("%y-%m-%d"))


SPELLED: Final[Mapping[int, Callable[[pl.Expr], pl.Expr]]] = {
    COMPACT: lambda date: date.dt.strftime("%Y%m%d"),
    SLASHES: lambda date: date.dt.strftime("%Y/%-m/%-d"),
    CHINESE: lambda date: date.dt.strftime("%Y年%-m月%-d日"),
    DOTS: lambda date: date.dt.strftime("%Y.%m.%d"),
    SERIAL: lambda date: (date.cast(pl.Int32) + SERIAL_ZERO).cast(pl.String),
    WITH_TIME: lambda date: date.dt.strftime("%Y-%m-%d 00:00:00"),
    SHORT_YEAR: _short_year,
    NUMERALS: _numerals,
}


def written(seed: int, delivery: CityDelivery, records: Ints, rows: pl.DataFrame) -> pl.DataFrame:
    """Clean rows as the department writes them, same shape and order."""
    dataset = delivery.dataset
    columns = {
        field: spelled(rows.get_column(field), _styles(seed, delivery, field, records))
        for field in delivery.spellings
    }
    for field, treatment, share in _untidy(dataset):
        texts = columns.get(field, rows.get_column(field))
        lot = noise(seed, f"{dataset}.{field} {treatment}", records)
        struck = np.flatnonzero((lot < share) & (texts != "").to_numpy())
        columns[field] = _with(texts, [(struck, _treatment(delivery, field, treatment))])
    return rows.with_columns(texts.alias(field) for field, texts in columns.items())


@cache
def _untidy(dataset: str) -> tuple[tuple[str, str, int], ...]:
    """Field, treatment and share in ten thousand."""
    mine = table("untidy").filter(pl.col("dataset") == dataset)
    return tuple(mine.select("field", "treatment", pl.col("share").cast(pl.Int32)).iter_rows())


def _treatment(delivery: CityDelivery, field: str, treatment: str) -> Callable[[pl.Expr], pl.Expr]:
    """One kind of untidiness; ``code`` writes the standard's code in place of the label."""
    if treatment == "code":
        codes = code_by_label(delivery.coded[field])
        return lambda text: text.replace_strict(codes, return_dtype=pl.String)
    return TREATMENTS[treatment]


def _styles(seed: int, delivery: CityDelivery, field: str, records: Ints) -> npt.NDArray[np.integer]:
    """The spelling of every date of a column."""
    parts = delivery.spellings[field]
    lot = noise(seed, f"spelling of {delivery.dataset}.{field}", records)
    return np.searchsorted(np.cumsum(parts) * 10_000 // sum(parts), lot, side="right")


def spelled(dates: pl.Series, style: npt.NDArray[np.integer]) -> pl.Series:
    """ISO dates in the requested spelling, one style per row; other texts stay unchanged."""
    return _with(dates, [(np.flatnonzero(style == chosen), _of_date(SPELLED[chosen])) for chosen in SPELLED])


def _of_date(spelling: Callable[[pl.Expr], pl.Expr]) -> Callable[[pl.Expr], pl.Expr]:
    return lambda text: pl.coalesce(spelling(text.str.to_date("%Y-%m-%d", strict=False)), text)


def _with(texts: pl.Series, changes: Iterable[Change]) -> pl.Series:
    """The texts with some of them rewritten; only those are looked at."""
    order, end, whole = np.arange(len(texts)), len(texts), pl.lit(texts)
    for places, rewritten in changes:
        if len(places):
            whole = whole.append(rewritten(pl.lit(texts).gather(pl.lit(pl.Series(places)))))
            order[places] = np.arange(end, end + len(places))
            end += len(places)
    return texts if end == len(texts) else pl.select(whole.gather(pl.lit(pl.Series(order)))).to_series()
