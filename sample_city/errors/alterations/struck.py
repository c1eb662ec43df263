"""Records that an error strikes, as the functions of this folder see them, and small tools they share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints
from sample_city.world.city import City


@dataclass(frozen=True)
class Struck:
    """Records of one extract.

    Attributes:
        city: Whose they are.
        records: Their numbers, shape (n,).
        rows: Their clean rows, same order: ISO dates, labels of codes, upper-case identifiers.
        rng: Random numbers of this kind of error.
        fields: The columns that the kind spoils.
    """

    city: City
    records: Ints
    rows: pl.DataFrame
    rng: np.random.Generator
    fields: tuple[str, ...]

    @property
    def text(self) -> pl.Series:
        """The clean values of the first of the fields."""
        return self.rows.get_column(self.fields[0])

    def lots(self, low: int, high: int) -> pl.Series:
        """A whole number for every record, low included, high not."""
        return pl.Series(self.rng.integers(low, high, len(self.rows)), dtype=pl.Int64)

    def one_of(self, texts: pl.Series) -> pl.Series:
        """One of these texts for every record."""
        return texts.gather(self.lots(0, max(len(texts), 1)))


Alteration: TypeAlias = Callable[..., list[pl.Series]]
"""Takes a `Struck` and declared arguments; gives a text for each field and record, null where a record is spared."""


def when(condition: pl.Series, text: pl.Series) -> pl.Series:
    """The text where the condition holds, null elsewhere."""
    return pl.select(pl.when(condition).then(text)).to_series()


def days_of(dates: pl.Series) -> pl.Series:
    """Day numbers of ISO dates, null for others."""
    return dates.str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32)


def iso_of(days: pl.Series) -> pl.Series:
    """ISO dates of day numbers."""
    return days.cast(pl.Int32).cast(pl.Date).dt.strftime("%Y-%m-%d")
