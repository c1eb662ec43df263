"""Social insurance: who is enrolled in medical insurance, and who draws a pension.

What the two departments keep over time; how their extracts show it on a day belongs to them.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.timeline import (
    BASE,
    FIRST,
    LAST,
    birthday,
    day,
    month_after,
    years,
)
from sample_city.world.city import City, Topic
from sample_city.world.population.guests import between
from sample_city.world.population.households import MALE
from sample_city.world.population.people import People
from sample_city.world.topics.benefits import holders
from sample_city.world.topics.employment import EMPLOYED, JOBS, MEN_RETIRE_AT, WOMEN_RETIRE_AT

EMPLOYEE, RESIDENT = 1, 2
"""Kinds of insurance: of employees, of urban and rural residents."""
INSURED_FROM: Final = day(date(2008, 1, 1))
ENROLLED: Final = 0.94
"""Share of those who do not live elsewhere; with them about 88% of all residents."""
DRAWING: Final = 0.95
"""Share of those of pensionable age who draw a pension here."""
EARLY: Final = 300
"""Of ten thousand pensions of employees."""
RESIDENTS_AT: Final = 60
"""Age at which the pensions of residents begin: State Council 2014 no. 8."""


@dataclass(frozen=True)
class Enrolments:
    """Medical insurance, ordered by person; ``since`` in days."""

    person: Ints
    kind: Ints
    since: Ints


@dataclass(frozen=True)
class Pensions:
    """Pensions, ordered by person; ``monthly`` in fen."""

    person: Ints
    kind: Ints
    started: Ints
    monthly: Ints


def enrolments(rng: np.random.Generator, people: People, away: Mask, employed: Mask) -> Enrolments:
    """Nearly everybody; who works for an employer, or did, is insured as an employee."""
    count = len(people.sex)
    insured = ~away & (rng.random(count) < ENROLLED)
    start = INSURED_FROM + rng.integers(0, years(9), count)
    after_birth = people.registered + rng.integers(0, 60, count)
    since = np.where(people.registered < FIRST, np.maximum(start, people.birth + 60), after_birth)
    since = np.minimum(since, np.maximum(FIRST - 20, people.birth + 90))
    grown = people.birth < BASE - years(24)
    worked = (grown & (rng.random(count) < 0.35)) | employed
    insured &= (since < people.death) & (since < people.cancelled) & (since <= LAST)
    person = np.flatnonzero(insured).astype(np.int32)
    kind = np.where(worked[person], EMPLOYEE, RESIDENT).astype(np.int32)
    return Enrolments(person, kind, since[person].astype(np.int32))


def pensions(rng: np.random.Generator, people: People, away: Mask) -> Pensions:
    """The old: former employees from their age of retirement, the others from sixty."""
    old = np.flatnonzero(~away & (people.birth < LAST - years(WOMEN_RETIRE_AT))).astype(np.int32)
    birth, sex = people.birth[old], people.sex[old]
    kind = np.where(rng.random(len(old)) < 0.45, EMPLOYEE, RESIDENT).astype(np.int32)
    retired = np.where(sex == MALE, birthday(birth, MEN_RETIRE_AT), birthday(birth, WOMEN_RETIRE_AT))
    full = np.where(kind == EMPLOYEE, retired, birthday(birth, RESIDENTS_AT)).astype(np.int32)
    started = month_after(full)
    draws = (rng.random(len(old)) < DRAWING) & (started <= LAST)
    draws &= (started < people.death[old]) & (started < people.cancelled[old])
    large, small = rng.integers(380, 1_300, len(old)) * 500, rng.integers(340, 620, len(old)) * 50
    monthly = np.where(kind == EMPLOYEE, large, small)
    return Pensions(old[draws], kind[draws], started[draws], monthly[draws].astype(np.int32))


def _with_settled(city: City, known: Enrolments) -> Enrolments:
    """Also most people from other places: as employees where they work, as residents where they do not."""
    rng, person = city.draws("enrolments of guests"), between(city.guests.settled)
    person = person[rng.random(len(person)) < 0.7]
    works = np.isin(person, city[JOBS].person)
    since = np.maximum(city.people.birth[person] + 60, INSURED_FROM + rng.integers(0, years(14), len(person)))
    since = np.minimum(since, FIRST - 5)
    return Enrolments(
        np.concatenate([known.person, person]),
        np.concatenate([known.kind, np.where(works, EMPLOYEE, RESIDENT)]).astype(np.int32),
        np.concatenate([known.since, since]).astype(np.int32),
    )


def _early(city: City, known: Pensions) -> Pensions:
    """A few former employees retired five to ten years early: hazardous work (State Council 1978 no. 104)."""
    early = (known.kind == EMPLOYEE) & (noise(city.seed, "early retirement", known.person) < EARLY)
    by = np.where(city.people.sex[known.person] == MALE, 5, 10)
    sooner = known.started - np.where(early, by * 365.2425, 0)
    started = month_after(np.maximum(sooner, city.people.birth[known.person] + years(45)).astype(np.int32))
    return replace(known, started=np.where(early, started, known.started).astype(np.int32))


ENROLMENTS: Final[Topic[Enrolments]] = Topic(
    "enrolments",
    (JOBS,),
    lambda city: _with_settled(
        city,
        enrolments(
            city.draws("enrolments"),
            city.locals,
            city.away(),
            holders(city.people, city[JOBS].person[city[JOBS].kind == EMPLOYED])[: len(city.locals.sex)],
        ),
    ),
)
PENSIONS: Final[Topic[Pensions]] = Topic(
    "pensions", (), lambda city: _early(city, pensions(city.draws("pensions"), city.locals, city.away()))
)
