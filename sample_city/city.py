"""The whole sample city in its calendar: a pure function of seed and residents.

Topics are put together here; what departments know of it on a day belongs to extracts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city import (
    benefits,
    births,
    dwellings,
    employment,
    enterprises,
    equipment,
    grids,
    insurance,
    marriages,
    premises,
    schooling,
    taxpayers,
    vehicles,
)
from sample_city.codebook import divisions
from sample_city.people import Homes, People, settle
from sample_city.streams import Ints, noise, stream
from sample_city.territory import Territory, territory
from sample_city.timeline import NEVER

SMALLEST, LARGEST = 100, 10_000_000
AWAY: Final = 600
"""Of ten thousand: registered here, but living, insured, employed and at school elsewhere."""


@dataclass(frozen=True)
class City:
    """Everything that is so, on any day of the calendar; people are positions in ``people``.

    Attributes:
        married: Day on which somebody marries in the course of the calendar, NEVER otherwise.
        divorced: The same for divorces.
        marriage_nos: One for each registration.
        deceased: Who dies within the calendar, by day of death.
        death_nos: One for each of them.
        cancelled: Whose registration is cancelled within the calendar, by day.
    """

    seed: int
    residents: int
    territory: Territory
    homes: Homes
    people: People
    registrations: marriages.Registrations
    married: Ints
    divorced: Ints
    marriage_nos: pl.Series
    deceased: Ints
    death_nos: pl.Series
    cancelled: Ints
    certificates: benefits.Certificates
    allowances: benefits.Allowances
    births: births.Births
    enrolments: insurance.Enrolments
    pensions: insurance.Pensions
    jobs: employment.Jobs
    pupils: schooling.Pupils
    elders: benefits.Elders
    enterprises: enterprises.Enterprises
    dwellings: dwellings.Dwellings
    taxpayers: taxpayers.Taxpayers
    equipment: equipment.Equipment
    vehicles: vehicles.Vehicles
    visits: premises.Visits
    premises: premises.Premises
    residents_met: grids.Collected
    grids: grids.Grids

    def county(self, persons: Ints) -> pl.Series:
        """County code of the household of each person."""
        village = self.homes.village[self.people.household[persons]]
        return self.territory.column("county_code").gather(village)

    def county_names(self, persons: Ints) -> pl.Series:
        """Name of the county of each person's household."""
        village = self.homes.village[self.people.household[persons]]
        return self.territory.column("county").gather(village)


def build_city(seed: int, residents: int) -> City:
    """A city with exactly that many registered residents on the base date.

    Raises:
        ValueError: Fewer than 100 or more than ten million residents are asked for.
    """
    if not SMALLEST <= residents <= LARGEST:
        raise ValueError(f"人口数应在 {SMALLEST} 至 {LARGEST} 之间，不能是 {residents}")
    land = territory(stream(seed, "territory"), residents, divisions())
    homes, people = settle(seed, residents, land)
    wedding = homes.wedding[people.household]
    registered, married, divorced = marriages.registrations(stream(seed, "marriages"), people, wedding)
    counties = land.column("county_code")
    offices = counties.gather(homes.village[people.household[registered.female]])
    deceased = _by_day(people.death)
    at_death = counties.gather(homes.village[people.household[deceased]])
    register = enterprises.enterprises(stream(seed, "enterprises"), residents, land, homes, people)
    shops = premises.premises(stream(seed, "premises"), residents, land, homes, people, register)
    laid = grids.grids(stream(seed, "grids"), land, homes, people)
    disabled = benefits.certificates(stream(seed, "disability"), people)
    everybody = np.arange(len(people.sex), dtype=np.int32)
    away = noise(seed, "away", everybody) < AWAY
    jobs = employment.jobs(stream(seed, "jobs"), people, away, register)
    employed = benefits.holders(people, jobs.person[jobs.kind == employment.EMPLOYED])
    return City(
        seed=seed,
        residents=residents,
        territory=land,
        homes=homes,
        people=people,
        registrations=registered,
        married=married,
        divorced=divorced,
        marriage_nos=marriages.certificate_numbers(registered.kind, registered.on, offices),
        deceased=deceased,
        death_nos=_death_numbers(people.death[deceased], at_death),
        cancelled=_by_day(people.cancelled),
        certificates=disabled,
        allowances=benefits.allowances(stream(seed, "allowance"), land, homes, people, disabled.person),
        births=births.births(stream(seed, "certified births"), homes, people),
        enrolments=insurance.enrolments(stream(seed, "enrolments"), people, away, employed),
        pensions=insurance.pensions(stream(seed, "pensions"), people, away),
        jobs=jobs,
        pupils=schooling.pupils(stream(seed, "pupils"), people, away),
        elders=benefits.elders(stream(seed, "elderly allowance"), people, away),
        enterprises=register,
        dwellings=dwellings.dwellings(stream(seed, "dwellings"), land, homes, people),
        taxpayers=taxpayers.taxpayers(stream(seed, "taxpayers"), register),
        equipment=equipment.equipment(stream(seed, "equipment"), residents, land, register),
        vehicles=vehicles.vehicles(stream(seed, "vehicles"), residents, people, register),
        premises=shops,
        visits=premises.visits(stream(seed, "visits"), residents, land, people, shops),
        grids=laid,
        residents_met=grids.collected(stream(seed, "collection"), land, homes, people, laid, away),
    )


def _by_day(on: Ints) -> Ints:
    """The people to whom it happens within the calendar, in order."""
    struck: Ints = np.flatnonzero(on != NEVER).astype(np.int32)
    return struck[np.argsort(on[struck], kind="stable")]


def _death_numbers(on: Ints, county: pl.Series) -> pl.Series:
    """Numbers such as 3706022026000123: county, year, running number of that year."""
    year = pl.Series("year", on).cast(pl.Int32).cast(pl.Date).dt.year()
    rows = pl.DataFrame({"county": county, "year": year})
    number = pl.int_range(1, pl.len() + 1).over("county", "year").cast(pl.String).str.zfill(6)
    return rows.select(pl.format("{}{}{}", "county", "year", number)).to_series()
