"""What wrong values look like in the extracts of enterprises, vehicles, dwellings and premises.

The same bargain as in ``corruption``: clean rows in, the text delivered instead out, null where a row
cannot carry the error.
"""

from typing import Final

import numpy as np
import polars as pl

from sample_city.errors.corruption import Corruption, similar_name
from sample_city.world.basis.identifiers import social_credit_codes
from sample_city.world.basis.streams import Ints
from sample_city.world.topics.enterprises import ORGANISATIONS, organisation_numbers
from sample_city.world.topics.vehicles import vehicle_numbers

UNUSED: Final = 2_000_000
"""No city has so many enterprises: organisation numbers from this place on belong to nobody."""


def similar_text(column: str) -> Corruption:
    """One of the first three characters becomes a similar one; null if none of them could."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        return similar_name(rows.select(name=pl.col(column)), rng)

    return corrupted


def other_of(column: str, texts: pl.Series) -> Corruption:
    """Another one of these texts."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        drawn = texts.gather(rng.integers(0, len(texts), len(rows)))
        return pl.select(pl.when(drawn != rows.get_column(column)).then(drawn)).to_series()

    return corrupted


def mapped(column: str, pairs: dict[str, str]) -> Corruption:
    """The text that is mistaken for each; null for all others."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        return rows.get_column(column).replace_strict(pairs, default=None, return_dtype=pl.String)

    return corrupted


def nobodys_uscc(column: str) -> Corruption:
    """A well-formed code of the same county that no enterprise has."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        area = rows.get_column(column).str.slice(2, 6).cast(pl.Int32).to_numpy()
        numbers = organisation_numbers(rng.integers(UNUSED, ORGANISATIONS, len(rows)))
        return social_credit_codes(np.ones(len(rows), dtype=np.int32), area, numbers)

    return corrupted


def neighbour_village(column: str, villages: pl.Series) -> Corruption:
    """The code of the next village of the same township; null where it has only one."""
    pairs = pl.DataFrame({"code": villages, "next": villages.shift(-1)})
    near = pairs.filter(pl.col("code").str.head(9) == pl.col("next").str.head(9))
    return mapped(column, dict(near.rows()))


def unknown_place(column: str) -> Corruption:
    """A number that the township has not given out (900 and up), in the last three digits."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        code = rows.get_column(column)
        number = pl.Series(rng.integers(900, 1000, len(rows))).cast(pl.String)
        return code.str.head(code.str.len_chars() - 3) + number

    return corrupted


def days_off(column: str, by: int) -> Corruption:
    """So many days after the day in the column, before it if negative, as an ISO date."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        date = rows.get_column(column).str.to_date("%Y-%m-%d", strict=False)
        moved = date.cast(pl.Int32) + by + pl.Series(rng.integers(0, 9, len(rows)), dtype=pl.Int32)
        return moved.cast(pl.Int32).cast(pl.Date).dt.strftime("%Y-%m-%d")

    return corrupted


def in_the_thirties(column: str) -> Corruption:
    """The same day in a year from 2030 to 2039: the third digit of the year is mistyped."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        date = "203" + rows.get_column(column).str.slice(3)
        return date.str.replace("02-29", "02-28", literal=True)

    return corrupted


def times(column: str, factor: int) -> Corruption:
    """The number in another unit."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        number = rows.get_column(column).cast(pl.Float64) * factor
        return number.round().cast(pl.Int64).cast(pl.String)

    return corrupted


def without_character(column: str) -> Corruption:
    """The third character from the end is missing."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        text = rows.get_column(column)
        return text.str.head(text.str.len_chars() - 3) + text.str.tail(2)

    return corrupted


def vehicle_before(records: Ints, registered: Ints) -> Corruption:
    """The vehicle number of the record before: two vehicles with one number."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        tail = rows.get_column("vin").str.tail(7)
        millions = tail.str.head(1).replace_strict(list("ABCDEFGH"), list(range(8)), return_dtype=pl.Int64)
        before = (millions * 1_000_000 + tail.str.tail(6).cast(pl.Int64) - 1).to_numpy()
        return vehicle_numbers(records[before], registered[before])

    return corrupted
