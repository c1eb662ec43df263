"""The sample city's calendar: which days it spans, and days as numbers.

Days are int32 counted from 1970-01-01. What happens on them belongs to the topics' own modules.
"""

from datetime import date
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints

EPOCH: Final = date(1970, 1, 1)
YEAR: Final = 365.2425


def day(on: date) -> int:
    """The number of a day."""
    return (on - EPOCH).days


BASE_DATE: Final = date(2026, 3, 2)
"""The day on which the city has exactly the residents asked for."""
FIRST_BATCH: Final = date(2025, 3, 2)
LAST_BATCH: Final = date(2028, 3, 1)
"""The city is alive between these two days: a batch outside them is refused."""

BASE: Final = day(BASE_DATE)
FIRST: Final = day(FIRST_BATCH)
LAST: Final = day(LAST_BATCH)
REGISTRY_FROM: Final = day(date(2021, 1, 1))
"""Marriages and divorces from this day on are in the registry's extract."""
DEATHS_FROM: Final = day(date(2025, 1, 1))
"""Deaths from this day on are in the health department's extract."""
LAG: Final = 30
"""Days within which the police cancel the registration of somebody who died."""
NEVER: Final = int(np.iinfo(np.int32).max)


def years(count: float) -> int:
    """That many years in days, rounded up so that an age in years is surely reached."""
    return int(np.ceil(count * YEAR)) + 1


def iso(days: Ints) -> pl.Series:
    """Days as ISO dates; ``NEVER`` becomes an empty text."""
    known = pl.Series(days).cast(pl.Int32)
    dates = pl.when(known == NEVER).then(None).otherwise(known).cast(pl.Date)
    return pl.select(dates.dt.strftime("%Y-%m-%d").fill_null("")).to_series()


def calendar(days: Ints) -> pl.DataFrame:
    """Columns year, month and day of days."""
    dates = pl.Series(days).cast(pl.Int32).cast(pl.Date)
    return pl.DataFrame({"year": dates.dt.year(), "month": dates.dt.month(), "day": dates.dt.day()})


def whole_years(birth: Ints, on: int | Ints) -> Ints:
    """Age on a day, full on the birthday; 29 February counts as the 28th in common years.

    Civil Code, articles 200 to 202.

    Args:
        birth: Days.
        on: One day, or as many as births.
    """
    days = np.broadcast_to(np.asarray(on, dtype=np.int32), birth.shape)
    born, now = calendar(birth), calendar(days)
    last = pl.Series(calendar(days + 1).get_column("day") == 1)
    day = pl.select(
        pl.when(last).then(pl.min_horizontal(born["day"], now["day"])).otherwise(born["day"])
    ).to_series()
    early = born["month"].cast(pl.Int32) * 100 + day > now["month"].cast(pl.Int32) * 100 + now["day"]
    return (now["year"] - born["year"] - early.cast(pl.Int32)).to_numpy().astype(np.int32)


def birthday(birth: Ints, age: int) -> Ints:
    """The day on which people turn that many years old."""
    dates = pl.Series(birth).cast(pl.Int32).cast(pl.Date)
    return dates.dt.offset_by(f"{age}y").cast(pl.Int32).to_numpy().astype(np.int32)


def month_after(days: Ints) -> Ints:
    """The first day of the month after each."""
    dates = pl.Series(days).cast(pl.Int32).cast(pl.Date)
    return dates.dt.month_start().dt.offset_by("1mo").cast(pl.Int32).to_numpy().astype(np.int32)


def on_weekday(days: Ints) -> Ints:
    """Days that fall on a weekend moved to the Monday after it: offices are closed."""
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0.
    moved: Ints = (days + np.maximum(0, 7 - weekday) * (weekday >= 5)).astype(np.int32)
    return moved
