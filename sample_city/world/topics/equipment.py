"""Special equipment of enterprises: boilers, lifts, cranes, with their inspections."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints, draw
from sample_city.world.basis.territory import Territory
from sample_city.world.basis.timeline import BASE, FIRST, LAST, NEVER
from sample_city.world.city import Topic
from sample_city.world.topics.enterprises import ENTERPRISES, SOLE_TRADER, Enterprises

EQUIPMENT_PER_RESIDENT: Final = 0.025
KINDS: Final = {1000: 0.08, 2000: 0.24, 3000: 0.34, 4000: 0.16, 5000: 0.14, 6000: 0.01, 8000: 0.03}
"""Shares of the kinds, by code of the catalogue of special equipment (特种设备目录, 2014)."""
CYCLES: Final = {1000: 1, 2000: 3, 3000: 1, 4000: 2, 5000: 1, 6000: 1, 8000: 3}
"""Years from one inspection to the next."""
STOPPED_SHARE: Final = 0.1


@dataclass(frozen=True)
class Equipment:
    """Equipment ordered by enterprise and day of registration; ``kind`` is the catalogue's code."""

    enterprise: Ints
    number: pl.Series
    kind: Ints
    manufactured: Ints
    registered: Ints
    stopped: Ints


def equipment(
    rng: np.random.Generator, residents: int, territory: Territory, register: Enterprises
) -> Equipment:
    """Equipment of companies, co-operatives and the larger sole traders; it stops with its enterprise."""
    count = max(8, round(residents * EQUIPMENT_PER_RESIDENT))
    weight = np.where(register.kind == SOLE_TRADER, 0.15, 1.0)
    enterprise = draw(rng, weight, count)
    registered = np.maximum(register.established[enterprise] + 5, BASE - rng.integers(-700, 4_000, count))
    order = np.lexsort((registered, enterprise))
    enterprise, registered = enterprise[order], registered[order].astype(np.int32)
    kind = np.array(list(KINDS), dtype=np.int32)[draw(rng, list(KINDS.values()), count)]
    own = np.maximum(registered + 200, rng.integers(FIRST - 700, LAST, count))
    own = np.where(rng.random(count) < STOPPED_SHARE, own, NEVER)
    return Equipment(
        enterprise=enterprise,
        number=_numbers(territory, register.village[enterprise], kind, registered),
        kind=kind,
        manufactured=(registered - rng.integers(20, 400, count)).astype(np.int32),
        registered=registered,
        stopped=np.minimum(own, register.ended[enterprise]).astype(np.int32),
    )


def period(kind: Ints) -> Ints:
    """Days from one inspection to the next."""
    by_thousand = np.zeros(10, dtype=np.int32)
    by_thousand[[code // 1000 for code in CYCLES]] = list(CYCLES.values())
    days: Ints = (by_thousand[kind // 1000] * 365).astype(np.int32)
    return days


def inspected(kept: Equipment, records: Ints, on: int) -> Ints:
    """The day of the last inspection as known on a day: on time for as long as it is in use."""
    registered, every = kept.registered[records], period(kept.kind[records])
    known = np.maximum(np.minimum(on, kept.stopped[records] - 1), registered)
    return (registered + (known - registered) // every * every).astype(np.int32)


def _numbers(territory: Territory, village: Ints, kind: Ints, registered: Ints) -> pl.Series:
    """Twenty digits: kind, county, year of registration, running number."""
    county = territory.column("county_code").gather(village)
    year = pl.Series("year", registered).cast(pl.Int32).cast(pl.Date).dt.year()
    running = pl.int_range(1, pl.len() + 1).over("kind", "county", "year").cast(pl.String).str.zfill(6)
    rows = pl.DataFrame({"kind": kind, "county": county, "year": year})
    return rows.select(pl.format("{}{}{}{}", "kind", "county", "year", running)).to_series()


EQUIPMENT: Final[Topic[Equipment]] = Topic(
    "equipment",
    (ENTERPRISES,),
    lambda city: equipment(city.draws("equipment"), city.residents, city.territory, city[ENTERPRISES]),
)
