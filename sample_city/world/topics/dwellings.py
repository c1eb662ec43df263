"""Dwellings and shops: one home for every household, owned by a grown-up who lives there.

Addresses of households are made here too, for they are those of their dwellings.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints, draw
from sample_city.world.basis.territory import Territory
from sample_city.world.basis.timeline import BASE, NEVER
from sample_city.world.city import City, Topic
from sample_city.world.population.people import ADULT, Homes, People

FLATS_PER_BUILDING: Final = 24
FLATS_PER_UNIT: Final = 12
OTHER_USES: Final = 0.06
"""Shops, offices and the like, as a share of homes."""
HOME, SHOP, OFFICE, OTHER = 1, 2, 3, 4
ELSEWHERE: Final = 0.03
"""Share of the dwellings."""
LARGE: Final = 0.002
"""Share of the homes."""
NO_HOUSEHOLD: Final = -1


@dataclass(frozen=True)
class Dwellings:
    """Homes in the order of households, then everything else; ``area`` in hundredths of m²."""

    village: Ints
    number: Ints
    household: Ints
    owner: Ints
    usage: Ints
    area: Ints


def dwellings(rng: np.random.Generator, territory: Territory, homes: Homes, people: People) -> Dwellings:
    """One dwelling for each household, and some premises that are not lived in."""
    count = len(homes.village)
    extra = max(1, round(count * OTHER_USES))
    adults = np.flatnonzero((people.birth < BASE - ADULT) & (people.cancelled == NEVER)).astype(np.int32)
    village = np.sort(draw(rng, territory.weights, extra))
    number = np.arange(extra, dtype=np.int32) - np.searchsorted(village, village).astype(np.int32)
    usage = draw(rng, (0, 0.6, 0.15, 0.25), extra) + HOME
    area = np.concatenate([rng.normal(9_800, 2_600, count), rng.gamma(2.0, 6_000.0, extra)])
    return Dwellings(
        village=np.concatenate([homes.village, village]),
        number=np.concatenate([homes.number, number]),
        household=np.concatenate(
            [np.arange(count, dtype=np.int32), np.full(extra, NO_HOUSEHOLD, dtype=np.int32)]
        ),
        owner=np.concatenate([_owners(homes, people, adults), rng.choice(adults, extra)]).astype(np.int32),
        usage=np.concatenate([np.full(count, HOME, dtype=np.int32), usage]).astype(np.int32),
        area=np.clip(area, 2_500, 90_000).astype(np.int32),
    )


def _owners(homes: Homes, people: People, adults: Ints) -> Ints:
    """The first grown-up of each household; who is old and alone lives in a neighbour's house.

    Owners stay beyond the calendar, so that no dwelling is left to somebody who died or moved away.
    """
    households, first = np.unique(people.household[adults], return_index=True)
    place = np.searchsorted(households, np.arange(len(homes.village)))
    return adults[first[np.minimum(place, len(first) - 1)]].astype(np.int32)


def addresses(territory: Territory, village: Ints, number: Ints) -> pl.DataFrame:
    """Where each home stands.

    Returns:
        address, and the numbers of building and room within the village as text.
    """
    urban = territory.column("urban").gather(village).to_numpy()
    within = number % FLATS_PER_BUILDING
    floor = within % FLATS_PER_UNIT // 2 + 1
    rows = pl.DataFrame(
        {
            "place": territory.column("place").gather(village),
            "urban": urban,
            "building": np.where(urban, number // FLATS_PER_BUILDING, number) + 1,
            "unit": within // FLATS_PER_UNIT + 1,
            "room": floor * 100 + number % 2 + 1,
        }
    )
    flat = pl.format("{}{}号楼{}单元{}室", "place", "building", "unit", "room")
    house = pl.format("{}{}号", "place", "building")
    room = pl.col("unit").cast(pl.String) + pl.col("room").cast(pl.String).str.zfill(4)
    return rows.select(
        address=pl.when("urban").then(flat).otherwise(house),
        building=pl.col("building").cast(pl.String).str.zfill(4),
        room=pl.when("urban").then(room).otherwise(pl.lit("00001")),
    )


def _owned_elsewhere(city: City, known: Dwellings) -> Dwellings:
    """Some homes belong to people who live in another city, and a few are as large as 900 square metres."""
    rng, count = city.draws("owners elsewhere"), len(known.owner)
    away = rng.random(count) < ELSEWHERE
    owner = np.where(away, rng.integers(*city.guests.owners, count), known.owner)
    large = (rng.random(count) < LARGE) & (known.household != NO_HOUSEHOLD)
    area = np.where(large, rng.integers(45_000, 92_000, count), known.area)
    return replace(known, owner=owner.astype(np.int32), area=area.astype(np.int32))


DWELLINGS: Final[Topic[Dwellings]] = Topic(
    "dwellings",
    (),
    lambda city: _owned_elsewhere(
        city, dwellings(city.draws("dwellings"), city.territory, city.homes, city.locals)
    ),
)
