"""Children at school: who is on a roll here, and since when. How a roll shows them on a day belongs to education."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import FIRST, LAST, calendar, years
from sample_city.world.city import City, Topic
from sample_city.world.population.guests import between
from sample_city.world.population.people import People

AT_SCHOOL_HERE: Final = 0.96
"""Share of the children who do not live elsewhere."""
GRADES: Final = 12
TERM_BEGINS: Final = 9
"""The school year begins in September; who is six by then enters the first grade."""


@dataclass(frozen=True)
class Pupils:
    """Everybody who is at school at some time of the calendar; ``entry`` is the year of the first grade."""

    person: Ints
    entry: Ints


def pupils(rng: np.random.Generator, people: People, away: Mask) -> Pupils:
    """Children from six to eighteen, ordered by person."""
    young = ~away & (rng.random(len(people.sex)) < AT_SCHOOL_HERE)
    young &= (people.birth > FIRST - years(20)) & (people.birth < LAST - years(5))
    person = np.flatnonzero(young).astype(np.int32)
    born = calendar(people.birth[person])
    late = pl.col("month") >= TERM_BEGINS
    entry = born.select(pl.col("year") + 6 + late.cast(pl.Int32)).to_series()
    return Pupils(person, entry.to_numpy().astype(np.int32))


def school_year(on: int) -> int:
    """The year in which the school year of a day began."""
    today = calendar(np.array([on], dtype=np.int32)).row(0, named=True)
    return int(today["year"]) - (int(today["month"]) < TERM_BEGINS)


def _with_settled(city: City, known: Pupils) -> Pupils:
    """Also the children from other places."""
    person, birth = between(city.guests.settled), city.people.birth
    person = person[(birth[person] > FIRST - years(19)) & (birth[person] < FIRST - years(7))]
    born = calendar(birth[person])
    entry = born.select(pl.col("year") + 6 + (pl.col("month") >= TERM_BEGINS).cast(pl.Int32)).to_series()
    return Pupils(
        np.concatenate([known.person, person]),
        np.concatenate([known.entry, entry.to_numpy()]).astype(np.int32),
    )


PUPILS: Final[Topic[Pupils]] = Topic(
    "pupils", (), lambda city: _with_settled(city, pupils(city.draws("pupils"), city.locals, city.away()))
)
