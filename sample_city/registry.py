"""Every department of the sample city, in the order of the standard: what they deliver, how they err.

A new department is a module under ``departments`` and a line here.
"""

from typing import Final

import numpy as np

from sample_city.declarations import ErrorKind, Extract, Presence
from sample_city.departments import (
    civil_affairs,
    disabled_persons,
    education,
    emergency,
    grid_centre,
    health,
    housing,
    human_resources,
    market_regulation,
    medical_insurance,
    police,
    police_vehicles,
    special_equipment,
    tax,
)
from sample_city.world.city import City

DEPARTMENTS: Final = (
    police,
    civil_affairs,
    health,
    disabled_persons,
    medical_insurance,
    human_resources,
    education,
    market_regulation,
    housing,
    grid_centre,
    police_vehicles,
    special_equipment,
    emergency,
    tax,
)
EXTRACTS: Final[tuple[Extract, ...]] = tuple(
    extract for department in DEPARTMENTS for extract in department.EXTRACTS
)


def presence(city: City) -> Presence:
    """Which people each department's extracts ever name."""
    masks = {}
    for extract in EXTRACTS:
        named = np.zeros(len(city.people.sex), dtype=np.bool_)
        for persons in extract.people(city):
            named[persons] = True
        masks[extract.delivery.dataset] = named
    return Presence(masks)


def kinds(city: City) -> tuple[ErrorKind, ...]:
    """Every kind of error."""
    return tuple(kind for department in DEPARTMENTS for kind in department.kinds(city))
