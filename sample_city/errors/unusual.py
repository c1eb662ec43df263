"""Rows that are unusual but right: which they are, and why. No error may be called on them.

Each entry names a reason, in Chinese, and the records of the datasets that it makes unusual.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import Extract
from sample_city.departments.education import former_number
from sample_city.departments.grid_centre import second_phone
from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.tables import table
from sample_city.world.basis.timeline import BASE, years
from sample_city.world.city import City
from sample_city.world.population.households import CHILD, DIVORCED, SECOND_CHILD
from sample_city.world.topics.births import BIRTHS
from sample_city.world.topics.dwellings import DWELLINGS
from sample_city.world.topics.employment import EMPLOYED, JOBS, NO_EMPLOYER
from sample_city.world.topics.grids import COLLECTED
from sample_city.world.topics.insurance import EARLY, EMPLOYEE, PENSIONS
from sample_city.world.topics.marriages import DIVORCE_DAYS
from sample_city.world.topics.schooling import PUPILS
from sample_city.world.topics.vehicles import VEHICLES
from sample_city.world.views import everything, remarried_elsewhere

LARGE_HOME: Final = 45_000
"""Hundredths of a square metre."""
OF_STRANGERS: Final = (
    "grid.resident", "human_resources.employment", "medical_insurance.enrolment", "education.school_roll",
    "civil_affairs.marriage",
)  # fmt: skip
TIDYING: Final = ("yuan", "yuan_sign", "of_himself", "decimal")


@dataclass(frozen=True)
class Unusual:
    """One reason in one dataset: a mask over its records."""

    kind: str
    says: str
    dataset: str
    records: Mask


def unusual(city: City, extracts: tuple[Extract, ...]) -> Iterator[Unusual]:
    """Every reason in every dataset in which it shows."""
    people, jobs, drawn = city.people, city[JOBS], city[PENSIONS]
    by_name = {extract.delivery.dataset: extract for extract in extracts}
    for dataset in OF_STRANGERS:
        roles = by_name[dataset].people(city)
        settled = np.logical_or.reduce([_in(role, city.guests.settled) for role in roles])
        foreign = np.logical_or.reduce([_in(role, city.guests.foreign) for role in roles])
        yield Unusual("from_elsewhere", "外地来的人，户籍不在本市", dataset, settled)
        yield Unusual("foreigner", "与外国人的婚姻，证件是护照", dataset, foreign)
    yield Unusual("owner_elsewhere", "产权人住在外市", "housing.dwelling",
                  _in(city[DWELLINGS].owner, city.guests.owners))  # fmt: skip
    yield Unusual(
        "owner_elsewhere", "车主住在外市", "police.vehicle", _in(city[VEHICLES].owner, city.guests.owners)
    )
    yield Unusual("large_home", "很大的住房", "housing.dwelling",
                  (city[DWELLINGS].area > LARGE_HOME) & (city[DWELLINGS].household >= 0))  # fmt: skip
    yield Unusual("public_body", "用人单位是机关或事业单位", "human_resources.employment",
                  (jobs.kind == EMPLOYED) & (jobs.employer == NO_EMPLOYER))  # fmt: skip
    age = BASE - people.birth[jobs.person]
    old = age > np.where(people.sex[jobs.person] == 1, years(60), years(55))
    yield Unusual("working_on", "退休后仍受聘用", "human_resources.employment", old)
    early = (drawn.kind == EMPLOYEE) & (noise(city.seed, "early retirement", drawn.person) < EARLY)
    yield Unusual("early_retirement", "特殊工种提前退休", "human_resources.pension", early)
    everybody = everything(people.sex)
    divorced = (people.status == DIVORCED) | (city[DIVORCE_DAYS] <= BASE)
    divorced &= people.widowed > BASE
    yield Unusual("remarried_elsewhere", "离婚后在外市再婚", "police.population",
                  divorced & remarried_elsewhere(city, everybody))  # fmt: skip
    twins = _twins(city)
    yield Unusual("twins", "双胞胎", "police.population", twins)
    yield Unusual("twins", "双胞胎", "health.birth", twins[city[BIRTHS].child])
    met = city[COLLECTED].person
    yield Unusual("two_phones", "有两个电话号码", "grid.resident",
                  second_phone(city, met) & (people.phone.gather(met) != "").to_numpy())  # fmt: skip
    yield Unusual("former_number", "学籍号沿用原身份证号", "education.school_roll",
                  former_number(city, city[PUPILS].person))  # fmt: skip
    yield from _untidy(city, by_name)


def _in(persons: Ints, bounds: tuple[int, int]) -> Mask:
    inside: Mask = (persons >= bounds[0]) & (persons < bounds[1])
    return inside


def _twins(city: City) -> Mask:
    """Children born on the same day into the same home."""
    people = city.people
    child = np.isin(people.slot, (CHILD, SECOND_CHILD))
    born = pl.DataFrame({"home": people.household, "birth": people.birth})
    same = born.select(pl.len().over("home", "birth")).to_series().to_numpy()
    twins: Mask = child & (same > 1) & (np.arange(len(child)) < len(city.locals.sex))
    return twins


def _untidy(city: City, by_name: dict[str, Extract]) -> Iterator[Unusual]:
    """Amounts with their unit, telephones with a remark: untidy writing that is no error."""
    for dataset, field, treatment, share in (
        table("untidy").select("dataset", "field", "treatment", "share").rows()
    ):
        if treatment in TIDYING:
            records = everything(by_name[dataset].people(city)[0])
            lot = noise(city.seed, f"{dataset}.{field} {treatment}", records)
            yield Unusual(f"untidy_{treatment}", "写法不整齐但无误", dataset, lot < int(share))
