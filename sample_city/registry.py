"""Every department of the sample city, in the order of the standard: what they deliver.

A new department is a module under ``departments`` and a line here.
"""

from typing import Final

from sample_city.declarations import Extract
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
