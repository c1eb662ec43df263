"""Enterprises, sole traders and co-operatives, each with a resident as legal representative.

Their register entries over time; how an extract shows them on a day belongs to extracts.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.identifiers import phones, social_credit_codes
from sample_city.world.basis.streams import Ints, Longs, draw
from sample_city.world.basis.tables import table
from sample_city.world.basis.territory import Territory
from sample_city.world.basis.timeline import BASE, FIRST, LAST, NEVER, YEAR, day, years
from sample_city.world.city import Topic
from sample_city.world.population.people import Homes, People

RESIDENTS_PER_ENTERPRISE: Final = 18
GROWTH: Final = 0.05
"""New registrations a year, as a share of the register."""
COMPANY, SOLE_TRADER, COOPERATIVE = 1, 2, 3
"""Second digit of the social credit code."""
KINDS: Final = (0.33, 0.63, 0.04)
ORGANISATIONS: Final = 31**6
OLDEST: Final = day(date(1995, 1, 1))


@dataclass(frozen=True)
class Enterprises:
    """The register, ordered by village; people are positions, ``capital`` in ten thousand yuan."""

    uscc: pl.Series
    name: pl.Series
    kind: Ints
    sole_owner: Ints
    person: Ints
    village: Ints
    number: Ints
    established: Ints
    ended: Ints
    revoked: Ints
    capital: Ints
    phone: pl.Series


def enterprises(
    rng: np.random.Generator, residents: int, territory: Territory, homes: Homes, people: People
) -> Enterprises:
    """One for every 18 residents on the base date, and those founded after it."""
    known = max(1, round(residents / RESIDENTS_PER_ENTERPRISE))
    count = known + round(known * GROWTH * (LAST - BASE) / YEAR)
    able = people.birth < BASE - years(24)
    able &= (people.birth > BASE - years(72)) & (people.cancelled == NEVER)
    person = rng.choice(np.flatnonzero(able), count).astype(np.int32)
    moved = rng.random(count) < 0.25
    elsewhere = draw(rng, territory.weights, count)
    village = np.where(moved, elsewhere, homes.village[people.household[person]]).astype(np.int32)
    established = _founding_days(rng, people.birth[person], known)
    order = np.lexsort((established, village))
    person, village, established = person[order], village[order], established[order]
    kind = 1 + draw(rng, KINDS, count)
    ended = established + rng.integers(years(1), years(14), count).astype(np.int32)
    ended = np.where((rng.random(count) < 0.2) & (ended > FIRST - years(4)), ended, NEVER)
    area = territory.column("county_code").cast(pl.Int32).replace({370671: 370613, 370676: 370611})
    number = organisation_numbers(rng.permutation(count).astype(np.int64))
    return Enterprises(
        uscc=social_credit_codes(kind, area.gather(village).to_numpy(), number),
        name=_names(rng, territory, kind, village, people.name.gather(person)),
        kind=kind,
        sole_owner=(rng.random(count) < 0.3).astype(np.int32),
        person=person,
        village=village,
        number=rng.integers(1, 400, count).astype(np.int32),
        established=established,
        ended=ended.astype(np.int32),
        revoked=(rng.random(count) < 0.15).astype(np.int32),
        capital=_capital(rng, kind),
        phone=phones(len(people.sex) + np.arange(count, dtype=np.int64)),
    )


def organisation_numbers(places: Longs) -> Longs:
    """The number at each place of a fixed order of all organisation numbers."""
    numbers: Longs = (places * 7_368_787 + 1_234_567) % ORGANISATIONS
    return numbers


def _founding_days(rng: np.random.Generator, birth: Ints, known: int) -> Ints:
    """Most are young; the last ones in the list are founded after the base date."""
    past = BASE - np.minimum(rng.gamma(1.3, 5.0 * YEAR, len(birth)), BASE - OLDEST)
    future = rng.integers(BASE + 1, LAST, len(birth))
    wanted = np.where(np.arange(len(birth)) < known, past, future)
    return np.maximum(wanted, birth + years(20)).astype(np.int32)


def _capital(rng: np.random.Generator, kind: Ints) -> Ints:
    company = rng.choice([10, 50, 100, 200, 500, 1000, 3000, 10000], len(kind))
    small = rng.choice([1, 2, 3, 5, 8, 10, 20], len(kind))
    middle = rng.choice([20, 50, 100, 200, 300], len(kind))
    choices = [kind == COMPANY, kind == COOPERATIVE]
    return np.select(choices, [company, middle], small).astype(np.int32)


def _names(
    rng: np.random.Generator, territory: Territory, kind: Ints, village: Ints, owner: pl.Series
) -> pl.Series:
    """烟台鑫源商贸有限公司, 芝罘区王伟百货店, 莱阳市鑫源果蔬专业合作社."""
    words = table("enterprise_words")
    brand = _drawn(rng, words, "brand_first", "", len(kind)) + _drawn(
        rng, words, "brand_second", "", len(kind)
    )
    trade = {each: _drawn(rng, words, "trade", str(each), len(kind)) for each in (1, 2, 3)}
    brand_or_owner = pl.when(pl.Series(rng.random(len(kind)) < 0.5)).then(brand).otherwise(owner)
    county = territory.column("county").gather(village)
    named = pl.Series("kind", kind)
    sole = county + pl.select(brand_or_owner).to_series() + trade[SOLE_TRADER]
    company = "烟台" + brand + trade[COMPANY] + "有限公司"
    together = county + brand + trade[COOPERATIVE] + "专业合作社"
    chosen = pl.when(named == COMPANY).then(company)
    return pl.select(chosen.when(named == SOLE_TRADER).then(sole).otherwise(together)).to_series()


def _drawn(rng: np.random.Generator, words: pl.DataFrame, part: str, kind: str, count: int) -> pl.Series:
    mine = words.filter((pl.col("part") == part) & (pl.col("kind") == kind))
    return mine.get_column("word").gather(draw(rng, mine.get_column("weight").to_numpy(), count))


ENTERPRISES: Final[Topic[Enterprises]] = Topic(
    "enterprises",
    (),
    lambda city: enterprises(
        city.draws("enterprises"), city.residents, city.territory, city.homes, city.locals
    ),
)
