"""Disability certificates, the subsistence and the elderly allowance: who holds them, from when to when.

Only what the two departments keep; how an extract shows it on a day belongs to extracts.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.territory import Territory
from sample_city.world.basis.timeline import BASE, FIRST, LAST, NEVER, YEAR, birthday, day, month_after, years
from sample_city.world.city import Topic
from sample_city.world.population.households import DIVORCED, HEAD, WIDOWED
from sample_city.world.population.people import Homes, People

CERTIFICATES_FROM: Final = day(date(2009, 1, 1))
ALLOWANCES_FROM: Final = day(date(2012, 1, 1))
TYPES: Final = (0.12, 0.11, 0.02, 0.55, 0.07, 0.08, 0.05)
"""Shares of sight, hearing, speech, limb, intellect, mind, several."""
GRADES: Final = (0.15, 0.22, 0.28, 0.35)
ALLOWANCE_SHARE: Final = 0.025
"""Share of households that are ever on the allowance; about 2% at a time."""


@dataclass(frozen=True)
class Certificates:
    """Disability certificates, ordered by person; ``kind`` 1 to 7, ``grade`` 1 to 4."""

    person: Ints
    kind: Ints
    grade: Ints
    issued: Ints


@dataclass(frozen=True)
class Allowances:
    """People on the subsistence allowance, ordered by person; ``monthly`` in fen.

    ``stopped`` is the day on which the household no longer needs it, NEVER as a rule.
    """

    person: Ints
    allowance_no: pl.Series
    monthly: Ints
    started: Ints
    stopped: Ints


ELDERS_FROM: Final = day(date(2012, 1, 1))
ELDERLY: Final = 80
APPLYING: Final = 0.9
"""Share of those of eighty and above who have applied."""


@dataclass(frozen=True)
class Elders:
    """People on the elderly allowance, ordered by person; ``turned`` is the month after the birthday."""

    person: Ints
    turned: Ints
    started: Ints


def elders(rng: np.random.Generator, people: People, away: Mask) -> Elders:
    """Most of those who are eighty, from the month after their birthday."""
    old = np.flatnonzero(~away & (people.birth < LAST - years(ELDERLY))).astype(np.int32)
    turned = month_after(birthday(people.birth[old], ELDERLY))
    started = np.maximum(turned, ELDERS_FROM)
    known = (rng.random(len(old)) < APPLYING) & (started <= LAST)
    known &= (started < people.death[old]) & (started < people.cancelled[old])
    return Elders(old[known], turned[known], started[known].astype(np.int32))


def certificates(rng: np.random.Generator, people: People) -> Certificates:
    """About 6% of the grown-ups, more of the old, and a few children."""
    age = (BASE - people.birth) / YEAR
    share = np.select([age < 3, age < 18, age < 60], [0.0, 0.012, 0.05], 0.1)
    first = np.maximum(people.birth + years(3), CERTIFICATES_FROM)
    span = np.maximum(LAST - first, 1)
    issued = (first + rng.random(len(age)) * span).astype(np.int32)
    holds = (rng.random(len(age)) < share) & (issued < people.death) & (first < LAST)
    person = np.flatnonzero(holds).astype(np.int32)
    kind = 1 + rng.choice(len(TYPES), len(person), p=TYPES).astype(np.int32)
    grade = 1 + rng.choice(len(GRADES), len(person), p=GRADES).astype(np.int32)
    return Certificates(person, kind, grade, issued[person])


def allowances(
    rng: np.random.Generator,
    territory: Territory,
    homes: Homes,
    people: People,
    disabled: Ints,
) -> Allowances:
    """All members of the households on the allowance: the old, the lone and the disabled first."""
    chosen = _needy(rng, homes, people, disabled)
    started = rng.integers(ALLOWANCES_FROM, LAST, len(chosen)).astype(np.int32)
    ends = np.maximum(started, FIRST - 300) + rng.integers(120, 900, len(chosen))
    stopped = np.where(rng.random(len(chosen)) < 0.15, ends, NEVER).astype(np.int32)
    monthly = rng.integers(70, 210, len(chosen)) * 500 + rng.choice([0, 0, 0, 50], len(chosen))
    row = np.full(len(homes.village), -1, dtype=np.int32)
    row[chosen] = np.arange(len(chosen), dtype=np.int32)
    person = np.flatnonzero(row[people.household] >= 0).astype(np.int32)
    mine = row[people.household[person]]
    begins = np.maximum(started[mine], people.registered[person])
    known = (begins < people.death[person]) & (begins < stopped[mine]) & (begins <= LAST)
    person, mine, begins = person[known], mine[known], begins[known]
    numbers = _allowance_numbers(territory, homes.village[chosen], started)
    return Allowances(person, numbers.gather(mine), monthly[mine].astype(np.int32), begins, stopped[mine])


def _needy(rng: np.random.Generator, homes: Homes, people: People, disabled: Ints) -> Ints:
    """Households drawn by need, without replacement, ordered."""
    need = np.full(len(homes.village), 0.4)
    head = np.flatnonzero(people.slot == HEAD)
    alone = np.isin(people.status[head], (WIDOWED, DIVORCED))
    old = people.birth[head] < BASE - years(70)
    need += 1.5 * alone + 2.5 * old
    need[np.unique(people.household[disabled])] += 4.0
    # A last illness is the most frequent road into poverty.
    need[np.unique(people.household[people.death != NEVER])] += 25.0
    count = max(1, round(ALLOWANCE_SHARE * len(need)))
    lot = -np.log1p(-rng.random(len(need))) / need
    # The smallest of exponential lots with these rates: Efraimidis and Spirakis (2006).
    return np.sort(np.argsort(lot, kind="stable")[:count]).astype(np.int32)


def _allowance_numbers(territory: Territory, village: Ints, started: Ints) -> pl.Series:
    """Numbers such as D37060200120190034: township, year, running number."""
    township = territory.column("township_code").gather(village)
    year = pl.Series("year", started).cast(pl.Int32).cast(pl.Date).dt.year()
    rows = pl.DataFrame({"township": township, "year": year})
    running = pl.int_range(1, pl.len() + 1).over("township", "year").cast(pl.String).str.zfill(4)
    return rows.select(pl.format("D{}{}{}", "township", "year", running)).to_series()


def holders(people: People, persons: Ints) -> Mask:
    """Whether each person is among these."""
    held = np.zeros(len(people.sex), dtype=np.bool_)
    held[persons] = True
    return held


CERTIFICATES: Final[Topic[Certificates]] = Topic(
    "certificates", (), lambda city: certificates(city.draws("disability"), city.locals)
)
ALLOWANCES: Final[Topic[Allowances]] = Topic(
    "allowances",
    (CERTIFICATES,),
    lambda city: allowances(
        city.draws("allowance"), city.territory, city.homes, city.locals, city[CERTIFICATES].person
    ),
)
ELDERS: Final[Topic[Elders]] = Topic(
    "elders", (), lambda city: elders(city.draws("elderly allowance"), city.locals, city.away())
)
