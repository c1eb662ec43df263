"""The registry of marriages and divorces: which couples it holds, and since when.

Couples that share a household were married before the city's calendar begins; those who marry or
part while it runs keep their own registrations. What the police say of them belongs to extracts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import BASE, FIRST, LAST, NEVER, REGISTRY_FROM, on_weekday, years
from sample_city.world.city import City, Topic
from sample_city.world.population.guests import between
from sample_city.world.population.households import (
    DIVORCED,
    FEMALE,
    HEAD,
    MALE,
    MEN_MARRY_AT,
    SPOUSE,
    UNMARRIED,
    WOMEN_MARRY_AT,
)
from sample_city.world.population.people import People

MARRIAGE, DIVORCE = 1, 2
NEWLY_WED: Final = 0.85
"""Share of the unmarried who could marry and whose wedding falls into the registry's years."""
PARTING: Final = 0.12
"""Share of those weddings that end in divorce within three years."""
DIVORCES_ON_FILE: Final = 0.5
"""Share of the divorced pairs whose divorce is recent enough to be on file."""


@dataclass(frozen=True)
class Registrations:
    """Registered marriages and divorces, ordered by day; people are positions.

    Attributes:
        kind: 1 marriage, 2 divorce.
        on: Days.
        male: Positions of the men, and ``female`` of the women.
    """

    kind: Ints
    on: Ints
    male: Ints
    female: Ints


def registrations(
    rng: np.random.Generator, people: People, wedding: Ints
) -> tuple[Registrations, Ints, Ints]:
    """Everything the registry holds, and what it makes of people.

    Args:
        rng: The topic's generator.
        people: Everybody.
        wedding: Wedding day of each person's household couple, NEVER for others.

    Returns:
        The registrations; the day each person marries, and divorces, in the course of the
        calendar (NEVER otherwise).
    """
    married = np.full(len(people.sex), NEVER, dtype=np.int32)
    divorced = married.copy()
    parts = [_couples_at_home(people, wedding)]
    weddings = _new_couples(rng, people)
    parting = weddings.on + rng.integers(years(1), years(3), len(weddings.on)).astype(np.int32)
    ends = (rng.random(len(parting)) < PARTING) & (parting <= LAST - 3)
    split = Registrations(
        np.full(int(ends.sum()), DIVORCE, dtype=np.int32),
        on_weekday(parting[ends]),
        weddings.male[ends],
        weddings.female[ends],
    )
    parts += [weddings, split, _old_divorces(rng, people)]
    for side in (weddings.male, weddings.female):
        married[side] = weddings.on
    for side in (split.male, split.female):
        divorced[side] = split.on
    merged = Registrations(*(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True)))
    order = np.lexsort((merged.male, merged.kind, merged.on))
    return Registrations(*(column[order] for column in _columns(merged))), married, divorced


def _columns(part: Registrations) -> tuple[Ints, Ints, Ints, Ints]:
    return part.kind, part.on, part.male, part.female


def _couples_at_home(people: People, wedding: Ints) -> Registrations:
    """Heads and their spouses who married since the registry's extract begins."""
    heads = np.flatnonzero((people.slot == HEAD) & (wedding != NEVER) & (wedding >= REGISTRY_FROM))
    spouses = heads + 1  # People stand in order of household and slot.
    if not np.all(people.slot[spouses] == SPOUSE):
        raise ValueError("a married head of household stands without the spouse")
    is_man = people.sex[heads] == MALE
    return _registered(
        MARRIAGE, wedding[heads], np.where(is_man, heads, spouses), np.where(is_man, spouses, heads)
    )


def _registered(kind: int, on: Ints, male: Ints, female: Ints) -> Registrations:
    same = np.full(len(on), kind, dtype=np.int32)
    return Registrations(same, on.astype(np.int32), male.astype(np.int32), female.astype(np.int32))


def _pairs(rng: np.random.Generator, people: People, pool: Mask, share: float) -> tuple[Ints, Ints]:
    """Men and women of similar age from different households, by rank of their birth dates."""
    sides = []
    for sex in (MALE, FEMALE):
        side = np.flatnonzero(pool & (people.sex == sex)).astype(np.int32)
        blurred = people.birth[side] + rng.normal(0, 400, len(side))
        sides.append(side[np.argsort(blurred, kind="stable")])
    count = min(map(len, sides))
    men, women = (_thinned(rng, side, count) for side in sides)
    apart = people.household[men] != people.household[women]
    near = np.abs(people.birth[men] - people.birth[women]) < years(10)
    keep = apart & near & (rng.random(count) < share)
    return men[keep].astype(np.int32), women[keep].astype(np.int32)


def _thinned(rng: np.random.Generator, side: Ints, count: int) -> Ints:
    kept: Ints = side[np.sort(rng.permutation(len(side))[:count])]
    return kept


def _new_couples(rng: np.random.Generator, people: People) -> Registrations:
    """Unmarried people who wed between the registry's first day and the calendar's last."""
    age = BASE - people.birth
    pool = (people.status == UNMARRIED) & (people.cancelled == NEVER)
    pool &= (age > years(19)) & (age < years(40))
    men, women = _pairs(rng, people, pool, NEWLY_WED)
    legal = np.maximum(people.birth[men] + MEN_MARRY_AT, people.birth[women] + WOMEN_MARRY_AT)
    start = np.maximum(legal, REGISTRY_FROM)
    on = on_weekday((start + rng.random(len(men)) * (LAST + 400 - start)).astype(np.int32))
    known = on <= LAST
    return _registered(MARRIAGE, on[known], men[known], women[known])


def _old_divorces(rng: np.random.Generator, people: People) -> Registrations:
    """Divorces before the calendar begins of people who are divorced from its first day."""
    grown = people.birth < FIRST - years(28)
    pool = (people.status == DIVORCED) & (people.cancelled == NEVER) & grown
    men, women = _pairs(rng, people, pool, DIVORCES_ON_FILE)
    on = on_weekday(rng.integers(REGISTRY_FROM, FIRST - 5, len(men)).astype(np.int32))
    return _registered(DIVORCE, on, men, women)


def certificate_numbers(kind: Ints, on: Ints, county: pl.Series) -> pl.Series:
    """Numbers such as J370602-2026-000123: kind, county, year, running number of that year."""
    dates = pl.Series("on", on).cast(pl.Int32).cast(pl.Date)
    rows = pl.DataFrame({"kind": kind, "county": county, "year": dates.dt.year()})
    number = pl.int_range(1, pl.len() + 1).over("kind", "county", "year")
    letter = pl.when(pl.col("kind") == MARRIAGE).then(pl.lit("J")).otherwise(pl.lit("L"))
    text = pl.format("{}{}-{}-{}", letter, "county", "year", number.cast(pl.String).str.zfill(6))
    return rows.select(text).to_series()


REGISTRY: Final[Topic[tuple[Registrations, Ints, Ints]]] = Topic(
    "registry",
    (),
    lambda city: registrations(
        city.draws("marriages"), city.locals, city.homes.wedding[city.locals.household]
    ),
)
"""The registrations, then for each person the wedding day and the day of divorce within the calendar, or NEVER."""


def _of_everybody(city: City, days: Ints) -> Ints:
    """The days of the registered people, then NEVER for everybody else."""
    return np.concatenate([days, np.full(len(city.people.sex) - len(days), NEVER, dtype=np.int32)])


def _with_foreigners(city: City) -> tuple[Registrations, Ints, Ints]:
    """The registry with the marriages to foreigners: grown-ups who have no other registration."""
    kept, married, divorced = city[REGISTRY]
    rng, people = city.draws("foreigners"), city.locals
    single = (people.status == UNMARRIED) & (people.birth < BASE - MEN_MARRY_AT) & (married == NEVER)
    single &= (
        (people.cancelled == NEVER)
        & (people.birth > BASE - 50 * 365)
        & (people.birth < REGISTRY_FROM - MEN_MARRY_AT)
    )
    single[kept.male] = single[kept.female] = False
    foreign = between(city.guests.foreign)
    mine = rng.permutation(np.flatnonzero(single))[: len(foreign)]
    foreign = foreign[: len(mine)]
    on = on_weekday(rng.integers(REGISTRY_FROM, FIRST, len(mine)).astype(np.int32))
    married = _of_everybody(city, married)
    married[mine] = on
    man = people.sex[mine] == MALE
    parts = kept, _registered(MARRIAGE, on, np.where(man, mine, foreign), np.where(man, foreign, mine))
    merged = Registrations(*(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True)))
    return merged, married, _of_everybody(city, divorced)


COUPLES: Final[Topic[tuple[Registrations, Ints, Ints]]] = Topic("couples", (REGISTRY,), _with_foreigners)
REGISTRATIONS: Final[Topic[Registrations]] = Topic("registrations", (COUPLES,), lambda city: city[COUPLES][0])
WEDDING_DAYS: Final[Topic[Ints]] = Topic("married", (COUPLES,), lambda city: city[COUPLES][1])
DIVORCE_DAYS: Final[Topic[Ints]] = Topic("divorced", (COUPLES,), lambda city: city[COUPLES][2])
MARRIAGE_NOS: Final[Topic[pl.Series]] = Topic(
    "marriage numbers",
    (REGISTRATIONS,),
    lambda city: certificate_numbers(
        city[REGISTRATIONS].kind, city[REGISTRATIONS].on, city.county(city[REGISTRATIONS].female)
    ),
)
