"""Grids below the villages, their workers, and the residents whom the workers have collected.

Only part of the villages has been surveyed, and some people live elsewhere than they are registered.
How an extract shows them on a day belongs to the grid centre's module.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints, Mask, draw
from sample_city.world.basis.territory import Territory
from sample_city.world.basis.timeline import BASE, FIRST, LAST, NEVER, years
from sample_city.world.city import City, Topic
from sample_city.world.population.guests import between
from sample_city.world.population.people import Homes, People

GRID_SHARES: Final = (0.35, 0.35, 0.2, 0.1)
"""Shares of villages with one to four grids."""
SURVEYED: Final = 0.7
"""Share of villages whose residents have been collected."""
REACHED: Final = 0.93
"""Share of the people there whom a worker has met."""
FLOATING: Final = 0.04
"""Share of people who live in another village than they are registered in."""
SURVEY_DAYS: Final = 900
"""Days that the survey takes; most of it lies before the calendar."""


@dataclass(frozen=True)
class Grids:
    """Grids ordered by village; ``worker`` is a person, ``number`` counts from 1 within the village.

    ``first`` is the first grid of each village, with the number of grids behind it.
    """

    village: Ints
    number: Ints
    worker: Ints
    first: Ints


@dataclass(frozen=True)
class Collected:
    """Residents as collected, ordered by grid: each person once."""

    person: Ints
    grid: Ints
    floating: Mask
    on: Ints


def grids(rng: np.random.Generator, territory: Territory, homes: Homes, people: People) -> Grids:
    """One to four grids a village, each with a worker from the neighbourhood who has a telephone."""
    counts = 1 + draw(rng, GRID_SHARES, len(territory.villages))
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    village = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    able = (people.birth < BASE - years(26)) & (people.birth > BASE - years(58))
    able &= (people.cancelled == NEVER) & (people.phone != "").to_numpy()
    pool = np.flatnonzero(able).astype(np.int32)
    living = homes.village[people.household[pool]]
    low, high = np.searchsorted(living, village), np.searchsorted(living, village, side="right")
    picked = low + (rng.random(len(village)) * (high - low)).astype(np.int64)
    number = np.arange(len(village), dtype=np.int32) - first[village] + 1
    return Grids(village, number.astype(np.int32), pool[np.minimum(picked, len(pool) - 1)], first)


def collected(
    rng: np.random.Generator,
    territory: Territory,
    homes: Homes,
    people: People,
    laid: Grids,
    away: Mask,
) -> Collected:
    """Most people of the surveyed villages, and those who have come to live there.

    Args:
        away: Who lives in another city, one per person.
    """
    count = len(people.sex)
    surveyed = rng.permutation(len(territory.villages)) < SURVEYED * len(territory.villages)
    home = homes.village[people.household]
    guest = (rng.random(count) < FLOATING) & (people.cancelled == NEVER)
    guest &= people.birth < FIRST - years(18)
    village = home.copy()
    village[guest] = draw(rng, territory.weights * surveyed, int(guest.sum()))
    floating = village != home
    grids_there = np.diff(laid.first)
    within = homes.number[people.household] % grids_there[village]
    on = np.maximum(FIRST - SURVEY_DAYS * 2 // 3 + rng.integers(0, SURVEY_DAYS, count), people.registered)
    met = surveyed[village] & ~away & (rng.random(count) < REACHED) & (on <= LAST) & (on < people.cancelled)
    person = np.flatnonzero(met)
    grid = (laid.first[village] + within)[person]
    person = person[np.argsort(grid, kind="stable")]
    return Collected(
        person=person.astype(np.int32),
        grid=np.sort(grid).astype(np.int32),
        floating=floating[person],
        on=on[person].astype(np.int32),
    )


def _with_settled(city: City, met: Collected) -> Collected:
    """Also the people from other places, most of whom are collected; in the village of the home they rent."""
    rng, person = city.draws("collected guests"), between(city.guests.settled)
    person = person[rng.random(len(person)) < 0.9]
    grid = city[GRIDS].first[city.homes.village[city.people.household[person]]]
    on = FIRST - rng.integers(1, SURVEY_DAYS // 2, len(person))
    every = np.concatenate([met.grid, grid])
    order = np.argsort(every, kind="stable")
    floating = np.concatenate([met.floating, np.ones(len(person), dtype=np.bool_)])
    return Collected(
        np.concatenate([met.person, person])[order],
        every[order].astype(np.int32),
        floating[order],
        np.concatenate([met.on, on])[order].astype(np.int32),
    )


GRIDS: Final[Topic[Grids]] = Topic(
    "grids", (), lambda city: grids(city.draws("grids"), city.territory, city.homes, city.locals)
)
COLLECTED: Final[Topic[Collected]] = Topic(
    "collected",
    (GRIDS,),
    lambda city: _with_settled(
        city,
        collected(
            city.draws("collection"), city.territory, city.homes, city.locals, city[GRIDS], city.away()
        ),
    ),
)
