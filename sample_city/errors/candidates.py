"""Which records could carry an error: what several departments ask of the person that each record speaks of.

A question that one department asks alone is in its module. Which of the candidates are struck belongs to faults.
"""

from collections.abc import Callable
from typing import TypeAlias

from sample_city.declarations import Presence
from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import NEVER
from sample_city.world.city import City

Persons: TypeAlias = Callable[[City], Ints]
"""The person of every record of an extract."""
Candidates: TypeAlias = Callable[[City, Presence], Mask]


def staying(persons: Persons) -> Candidates:
    """Whose registration stands to the end of the calendar."""

    def stays(city: City, named: Presence) -> Mask:
        mask: Mask = city.people.cancelled[persons(city)] == NEVER
        return mask

    return stays


def certified_dead(persons: Persons) -> Candidates:
    """Whose death the health department certifies at some time."""
    return lambda city, named: named.by("health.death")[persons(city)]


def named_by_the_police_alone(persons: Persons, dataset: str) -> Candidates:
    """Whom beside this extract only the registered population names."""
    return lambda city, named: ~named.beside(dataset, "police.population")[persons(city)]
