"""Who works in the city: for which enterprise or on their own account, from when to when.

How the register of employment shows it on a day belongs to human resources.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import FIRST, LAST, NEVER, birthday, day, years
from sample_city.world.city import City, Topic
from sample_city.world.population.guests import between
from sample_city.world.population.households import MALE
from sample_city.world.population.people import People
from sample_city.world.topics.enterprises import COMPANY, ENTERPRISES, Enterprises

EMPLOYED, FLEXIBLE = 1, 2
"""For an employer; on their own account."""
WORKING: Final = 0.62
FOR_AN_EMPLOYER: Final = 0.65
REGISTERED_FROM: Final = day(date(2010, 1, 1))
NO_EMPLOYER: Final = -1

PUBLIC: Final = 0.08
"""Share of the employed whose employer is a public body, which no register of enterprises knows."""
WORKING_ON: Final = 0.03
"""Share of workers whom their employer keeps for some years after the age of retirement."""
MEN_RETIRE_AT, WOMEN_RETIRE_AT = 60, 55
"""Ages at which the pensions of employees begin: State Council 1978 no. 104."""


@dataclass(frozen=True)
class Jobs:
    """Registered employment, ordered by person, who has one at most.

    Attributes:
        person: Positions.
        kind: EMPLOYED or FLEXIBLE.
        employer: Position in the register of enterprises; NO_EMPLOYER for the self-employed and for public bodies.
        started: Days.
        retired: The day from which the age of retirement ends it.
    """

    person: Ints
    kind: Ints
    employer: Ints
    started: Ints
    retired: Ints


def jobs(rng: np.random.Generator, people: People, away: Mask, register: Enterprises) -> Jobs:
    """About six in ten of working age; employers are companies that outlive the calendar."""
    able = ~away & (rng.random(len(people.sex)) < WORKING)
    able &= (people.birth < FIRST - years(17)) & (people.birth > FIRST - years(60))
    person = np.flatnonzero(able).astype(np.int32)
    count, birth = len(person), people.birth[person]
    companies = np.flatnonzero((register.kind == COMPANY) & (register.ended == NEVER)).astype(np.int32)
    kind = np.where(rng.random(count) < FOR_AN_EMPLOYER, EMPLOYED, FLEXIBLE).astype(np.int32)
    if len(companies) == 0:
        companies, kind = np.zeros(1, dtype=np.int32), np.full(count, FLEXIBLE, dtype=np.int32)
    employer = rng.choice(companies, count).astype(np.int32)
    earliest = np.maximum(birthday(birth, 18), REGISTERED_FROM)
    earliest = np.where(kind == EMPLOYED, np.maximum(earliest, register.established[employer] + 1), earliest)
    wait = rng.random(count) ** 2 * np.maximum(LAST - earliest, 1)
    started = (earliest + wait).astype(np.int32)
    men = people.sex[person] == MALE
    retired = np.where(men, birthday(birth, MEN_RETIRE_AT), birthday(birth, WOMEN_RETIRE_AT))
    ends = np.minimum(np.minimum(retired, people.death[person]), people.cancelled[person])
    known = (started < ends) & (started <= LAST) & (ends > FIRST)
    employer = np.where(kind == EMPLOYED, employer, NO_EMPLOYER)
    found = person, kind, employer, started, retired
    return Jobs(*(column[known].astype(np.int32) for column in found))


def _with_settled(city: City, known: Jobs) -> Jobs:
    """Also most grown-ups from other places; some work for public bodies, and a few after their retirement."""
    rng, register = city.draws("jobs of guests"), city[ENTERPRISES]
    late = rng.random(len(known.person)) < WORKING_ON
    retired = np.where(late, np.minimum(known.retired, NEVER - 3_000) + 2_900, known.retired)
    person = between(city.guests.settled)
    person = person[(city.people.birth[person] < FIRST - 19 * 365) & (rng.random(len(person)) < 0.75)]
    public = (known.kind == EMPLOYED) & (rng.random(len(known.person)) < PUBLIC)
    works_for = np.where(public, NO_EMPLOYER, known.employer)
    firms = np.unique(known.employer[known.employer != NO_EMPLOYER])
    if not len(firms):
        return known
    employer = rng.choice(firms, len(person)).astype(np.int32)
    since = np.maximum(birthday(city.people.birth[person], 18), register.established[employer] + 1)
    started = np.minimum(since + rng.integers(0, 900, len(person)), np.maximum(since, FIRST - 5))
    men = city.people.sex[person] == MALE
    ends = np.where(
        men,
        birthday(city.people.birth[person], MEN_RETIRE_AT + 8),
        birthday(city.people.birth[person], WOMEN_RETIRE_AT + 13),
    )
    kept = started < LAST
    return Jobs(
        np.concatenate([known.person, person[kept]]),
        np.concatenate([known.kind, np.full(int(kept.sum()), EMPLOYED, dtype=np.int32)]),
        np.concatenate([works_for, employer[kept]]),
        np.concatenate([known.started, started[kept]]).astype(np.int32),
        np.concatenate([retired, ends[kept]]).astype(np.int32),
    )


JOBS: Final[Topic[Jobs]] = Topic(
    "jobs",
    (ENTERPRISES,),
    lambda city: _with_settled(city, jobs(city.draws("jobs"), city.locals, city.away(), city[ENTERPRISES])),
)
