"""The sample city in its calendar, and what a topic of it is.

A topic is one registered record: its name, the topics it needs, and how it is built from them. The record stands at
the end of the topic's own module; ``building`` lists the records. What departments know of a topic on a day belongs
to ``departments``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints, Mask, noise, stream
from sample_city.world.basis.territory import Territory
from sample_city.world.population.guests import Guests
from sample_city.world.population.people import Homes, People

AWAY: Final = 600
"""Of ten thousand: registered here, but living, insured, employed and at school elsewhere."""
T = TypeVar("T")


@dataclass(frozen=True)
class Topic(Generic[T]):
    """One topic of the city.

    Attributes:
        name: Unique among the topics.
        needs: The topics that are built before it.
        build: Makes the topic from a city in which the needed topics stand.
    """

    name: str
    needs: "tuple[Topic[Any], ...]"
    build: "Callable[[City], T]"


@dataclass(frozen=True)
class City:
    """Everything that is so, on any day of the calendar; people are positions in ``people``.

    ``locals`` are those whom the police register, the first of ``people``; behind them stand the ``guests``.

    ``city[PENSIONS]`` is the topic of that record.
    """

    seed: int
    residents: int
    territory: Territory
    homes: Homes
    people: People
    locals: People
    guests: Guests
    topics: Mapping[str, object]

    def __getitem__(self, topic: Topic[T]) -> T:
        return cast(T, self.topics[topic.name])

    def draws(self, topic: str) -> np.random.Generator:
        """The generator of random numbers of that name."""
        return stream(self.seed, topic)

    def away(self) -> Mask:
        """Who is registered here and lives elsewhere, one entry for each of ``locals``."""
        everybody = np.arange(len(self.locals.sex), dtype=np.int32)
        away: Mask = noise(self.seed, "away", everybody) < AWAY
        return away

    def county(self, persons: Ints) -> pl.Series:
        """County code of the household of each person."""
        village = self.homes.village[self.people.household[persons]]
        return self.territory.column("county_code").gather(village)

    def county_names(self, persons: Ints) -> pl.Series:
        """Name of the county of each person's household."""
        village = self.homes.village[self.people.household[persons]]
        return self.territory.column("county").gather(village)
