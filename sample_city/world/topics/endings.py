"""Deaths and ended registrations within the calendar, in order of their days."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import NEVER
from sample_city.world.city import City, Topic


def _by_day(on: Ints) -> Ints:
    """The people to whom it happens within the calendar, in order."""
    struck: Ints = np.flatnonzero(on != NEVER).astype(np.int32)
    return struck[np.argsort(on[struck], kind="stable")]


def _death_numbers(city: City) -> pl.Series:
    """Numbers such as 3706022026000123: county, year, running number of that year."""
    deceased = city[DECEASED]
    year = pl.Series("year", city.people.death[deceased]).cast(pl.Int32).cast(pl.Date).dt.year()
    rows = pl.DataFrame({"county": city.county(deceased), "year": year})
    number = pl.int_range(1, pl.len() + 1).over("county", "year").cast(pl.String).str.zfill(6)
    return rows.select(pl.format("{}{}{}", "county", "year", number)).to_series()


DECEASED: Final[Topic[Ints]] = Topic("deceased", (), lambda city: _by_day(city.people.death))
"""Who dies within the calendar, by day of death."""
DEATH_NOS: Final[Topic[pl.Series]] = Topic("death numbers", (DECEASED,), _death_numbers)
"""The number of each death certificate."""
CANCELLED: Final[Topic[Ints]] = Topic("cancelled", (), lambda city: _by_day(city.people.cancelled))
"""Whose registration is cancelled within the calendar, by day."""
