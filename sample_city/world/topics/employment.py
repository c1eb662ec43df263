"""Who works in the city: for which enterprise or on their own account, from when to when.

How the register of employment shows it on a day belongs to human resources.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import FIRST, LAST, NEVER, birthday, day, years
from sample_city.world.city import Topic
from sample_city.world.population.households import MALE
from sample_city.world.population.people import People
from sample_city.world.topics.enterprises import COMPANY, ENTERPRISES, Enterprises

EMPLOYED, FLEXIBLE = 1, 2
"""For an employer; on their own account."""
WORKING: Final = 0.62
FOR_AN_EMPLOYER: Final = 0.65
REGISTERED_FROM: Final = day(date(2010, 1, 1))
NO_EMPLOYER: Final = -1

MEN_RETIRE_AT, WOMEN_RETIRE_AT = 60, 55
"""Ages at which the pensions of employees begin: State Council 1978 no. 104."""


@dataclass(frozen=True)
class Jobs:
    """Registered employment, ordered by person, who has one at most.

    Attributes:
        person: Positions.
        kind: EMPLOYED or FLEXIBLE.
        employer: Position in the register of enterprises, NO_EMPLOYER where there is none.
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


JOBS: Final[Topic[Jobs]] = Topic(
    "jobs",
    (ENTERPRISES,),
    lambda city: jobs(city.draws("jobs"), city.people, city.away(), city[ENTERPRISES]),
)
