"""Births in the city that the health department certifies: whose child, and when the certificate was issued.

The children are those of the households; how an extract shows them on a day belongs to health.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import FIRST, LAST, years
from sample_city.world.city import Topic
from sample_city.world.population.households import CHILD, FEMALE, HEAD, SECOND_CHILD, SPOUSE
from sample_city.world.population.people import Homes, People

CERTIFIED_FROM: Final = FIRST - years(2)
BORN_HERE: Final = 0.95
"""Share of the children who were born in a hospital of the city."""
NOBODY: Final = -1


@dataclass(frozen=True)
class Births:
    """Certificates, ordered by day of issue; people are positions, ``father`` NOBODY where he is not known."""

    child: Ints
    mother: Ints
    father: Ints
    issued: Ints


def births(rng: np.random.Generator, homes: Homes, people: People) -> Births:
    """Every child of a mother in the city born from two years before the calendar to its end."""
    count = len(homes.village)
    parent = np.full((count, 3), NOBODY, dtype=np.int32)
    grown = np.flatnonzero((people.slot == HEAD) | (people.slot == SPOUSE)).astype(np.int32)
    parent[people.household[grown], people.sex[grown]] = grown
    young = (people.slot == CHILD) | (people.slot == SECOND_CHILD)
    young &= (people.birth >= CERTIFIED_FROM) & (people.birth <= LAST)
    young &= (rng.random(len(young)) < BORN_HERE) & (parent[people.household, FEMALE] != NOBODY)
    child = np.flatnonzero(young).astype(np.int32)
    issued = (people.birth[child] + rng.integers(1, 5, len(child))).astype(np.int32)
    order = np.lexsort((child, issued))
    home = people.household[child[order]]
    return Births(child[order], parent[home, FEMALE], parent[home, 1], issued[order])


BIRTHS: Final[Topic[Births]] = Topic(
    "births", (), lambda city: births(city.draws("certified births"), city.homes, city.locals)
)
