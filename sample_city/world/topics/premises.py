"""Small premises (九小场所) and the visits of the safety inspectors.

Shops of the register and stalls that are in no register; how extracts show them belongs to the
emergency bureau's module.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints, draw
from sample_city.world.basis.tables import table
from sample_city.world.basis.territory import Territory
from sample_city.world.basis.timeline import BASE, FIRST, LAST, NEVER, on_weekday, years
from sample_city.world.city import Topic
from sample_city.world.population.people import Homes, People
from sample_city.world.topics.enterprises import ENTERPRISES, Enterprises

SHOP_SHARE: Final = 0.8
"""Share of the enterprises in the trades concerned that keep small premises."""
STALLS_PER_RESIDENT: Final = 0.015
STALLS: Final = (0.5, 0.5)
"""Shares of those that sell goods and those that sell meals."""
VISITS_PER_RESIDENT: Final = 0.2
RESULTS: Final = (0.6, 0.37, 0.03)
"""Shares of passed, to be rectified, closed down."""
PASSED, TO_RECTIFY = 1, 2
INSPECTORS: Final = 6
"""Inspectors of a township."""
TIME_TO_RECTIFY: Final = 30
NOBODY: Final = -1


@dataclass(frozen=True)
class Premises:
    """Premises ordered by village; ``enterprise`` is NOBODY for stalls, ``area`` in m²."""

    enterprise: Ints
    person: Ints
    village: Ints
    number: pl.Series
    kind: Ints
    area: Ints
    recorded: Ints
    closed: Ints


@dataclass(frozen=True)
class Visits:
    """Inspections in the order of days; ``rectified`` is NEVER where there was nothing to mend."""

    premises: Ints
    number: pl.Series
    on: Ints
    inspector: Ints
    result: Ints
    hazards: Ints
    rectified: Ints


def premises(
    rng: np.random.Generator,
    residents: int,
    territory: Territory,
    homes: Homes,
    people: People,
    register: Enterprises,
) -> Premises:
    """Shops where their enterprise is, and stalls kept by people with a telephone."""
    trade = _kinds(register.name)
    shops = np.flatnonzero((rng.random(len(trade)) < SHOP_SHARE) & (trade > 0)).astype(np.int32)
    able = (people.birth < BASE - years(22)) & (people.cancelled == NEVER)
    able &= (people.phone != "").to_numpy()
    stalls = rng.choice(np.flatnonzero(able), max(4, round(residents * STALLS_PER_RESIDENT)))
    count = len(shops) + len(stalls)
    stall = np.arange(count) >= len(shops)
    person = np.concatenate([register.person[shops], stalls]).astype(np.int32)
    village = np.concatenate([register.village[shops], homes.village[people.household[stalls]]])
    founded = np.concatenate([register.established[shops], np.full(len(stalls), FIRST - 900)])
    ended = np.where(rng.random(len(stalls)) < 0.1, rng.integers(FIRST - 100, LAST, len(stalls)), NEVER)
    closed = np.concatenate([register.ended[shops], ended])
    recorded = np.maximum(founded + 30, rng.integers(FIRST - 900, LAST, count))
    kind = np.concatenate([trade[shops], 1 + draw(rng, STALLS, len(stalls))])
    area = np.where(stall, rng.integers(3, 16, count), rng.integers(12, 290, count))
    known = np.flatnonzero(recorded < closed)
    order = known[np.argsort(village[known], kind="stable")]
    enterprise = np.concatenate([shops, np.full(len(stalls), NOBODY)])
    return Premises(
        enterprise=enterprise[order].astype(np.int32),
        person=person[order],
        village=village[order].astype(np.int32),
        number=_numbers(territory, village[order]),
        kind=kind[order].astype(np.int32),
        area=area[order].astype(np.int32),
        recorded=recorded[order].astype(np.int32),
        closed=closed[order].astype(np.int32),
    )


def _kinds(names: pl.Series) -> Ints:
    """Kind of small premises by the trade in each name; 0 for trades that need larger ones."""
    kinds = table("premises_kinds")
    trades = "|".join(kinds.get_column("trade"))
    found = names.str.extract(f"({trades})(?:有限公司)?$")
    numbers = kinds.get_column("kind").cast(pl.Int32)
    of_trade = found.replace_strict(kinds.get_column("trade"), numbers, default=0, return_dtype=pl.Int32)
    return of_trade.to_numpy()


def visits(
    rng: np.random.Generator, residents: int, territory: Territory, people: People, kept: Premises
) -> Visits:
    """Inspections while the premises are open; what has to be mended is mended within thirty days."""
    count = max(8, round(residents * VISITS_PER_RESIDENT))
    place = rng.integers(0, len(kept.person), count)
    last = np.minimum(kept.closed[place], LAST + 1)
    after = rng.random(count) * (last - kept.recorded[place])
    on = on_weekday((kept.recorded[place] + after).astype(np.int32))
    order = np.argsort(on, kind="stable")
    place, on = place[order], on[order]
    result = 1 + draw(rng, RESULTS, count)
    delay = rng.integers(1, TIME_TO_RECTIFY + 1, count)
    townships = territory.column("township_code").rank("dense").to_numpy().astype(np.int32) - 1
    able = np.flatnonzero((people.birth < BASE - years(25)) & (people.birth > BASE - years(55)))
    staff = rng.choice(able, (int(townships.max()) + 1, INSPECTORS)).astype(np.int32)
    return Visits(
        premises=place.astype(np.int32),
        number=_visit_numbers(on),
        on=on,
        inspector=staff[townships[kept.village[place]], rng.integers(0, INSPECTORS, count)],
        result=result,
        hazards=np.where(result == PASSED, 0, rng.integers(1, 7, count)).astype(np.int32),
        rectified=np.where(result == PASSED, NEVER, on + delay).astype(np.int32),
    )


def _numbers(territory: Territory, village: Ints) -> pl.Series:
    """Fourteen digits: township and running number."""
    rows = pl.DataFrame({"township": territory.column("township_code").gather(village)})
    running = pl.int_range(1, pl.len() + 1).over("township").cast(pl.String).str.zfill(5)
    return rows.select(number=pl.col("township") + running).to_series()


def _visit_numbers(on: Ints) -> pl.Series:
    """Numbers such as AJ2026030200017: day and running number of that day."""
    rows = pl.DataFrame({"day": pl.Series(on).cast(pl.Int32).cast(pl.Date).dt.strftime("%Y%m%d")})
    running = pl.int_range(1, pl.len() + 1).over("day").cast(pl.String).str.zfill(5)
    return rows.select(number="AJ" + pl.col("day") + running).to_series()


PREMISES: Final[Topic[Premises]] = Topic(
    "premises",
    (ENTERPRISES,),
    lambda city: premises(
        city.draws("premises"), city.residents, city.territory, city.homes, city.locals, city[ENTERPRISES]
    ),
)
VISITS: Final[Topic[Visits]] = Topic(
    "visits",
    (PREMISES,),
    lambda city: visits(city.draws("visits"), city.residents, city.territory, city.locals, city[PREMISES]),
)
