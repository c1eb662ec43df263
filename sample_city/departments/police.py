"""The police (公安局): the registered population."""

from typing import Final

import numpy as np
import polars as pl

from sample_city import corruption
from sample_city.city import City
from sample_city.declarations import Delivery, Extract, Kind, Presence
from sample_city.dwellings import addresses
from sample_city.households import HEAD, MARRIED, SPOUSE
from sample_city.marriages import DIVORCE, MARRIAGE
from sample_city.streams import Ints, Mask
from sample_city.tables import table
from sample_city.timeline import BASE, NEVER, iso, years
from sample_city.views import (
    SEXES,
    at_the_last_day,
    everything,
    labelled,
    marital_statuses,
    overdue,
    registered,
    relations,
)

STATUSES: Final = {10: "未婚", 20: "已婚", 30: "丧偶", 40: "离婚"}

POPULATION: Final = Delivery(
    dataset="police.population",
    stem="户籍人口",
    form="csv",
    encoding="gbk",
    key="resident_id",
    headers={
        "resident_id": "公民身份号码",
        "name": "姓名",
        "sex": "性别",
        "birth_date": "出生日期",
        "ethnic_group": "民族",
        "household_no": "户号",
        "relation": "与户主关系",
        "marital_status": "婚姻状况",
        "village_code": "村居代码",
        "address": "住址",
        "phone": "联系电话",
    },
    coded={
        "sex": "sex",
        "ethnic_group": "ethnic_group",
        "relation": "relation",
        "marital_status": "marital_status",
    },
    spellings={"birth_date": (1, 97, 1, 1)},
)


def population(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of police.population."""
    people, household = city.people, city.people.household[records]
    village = city.homes.village[household]
    groups = table("ethnic_groups").get_column("label")
    return pl.DataFrame(
        {
            "resident_id": people.resident_id.gather(records),
            "name": people.name.gather(records),
            "sex": labelled(people.sex[records], SEXES),
            "birth_date": iso(people.birth[records]),
            "ethnic_group": groups.gather(people.ethnic_group[records]),
            "household_no": city.homes.household_no.gather(household),
            "relation": relations(city, records, on),
            "marital_status": labelled(marital_statuses(city, records, on), STATUSES),
            "village_code": city.territory.column("code").gather(village),
            "address": addresses(city.territory, village, city.homes.number[household])["address"],
            "phone": people.phone.gather(records),
        }
    )


EXTRACTS: Final = (Extract(POPULATION, registered, population, lambda city: (everything(city.people.sex),)),)


def _anybody(city: City, named: Presence) -> Mask:
    return np.ones(len(city.people.sex), dtype=np.bool_)


def _police_only(city: City, named: Presence) -> Mask:
    return ~named.beside(POPULATION.dataset)


def _grown_or_child(city: City, named: Presence) -> Mask:
    """A birth date some days off changes no age that matters."""
    age = BASE - city.people.birth
    return ((age > years(30)) | ((age > years(3)) & (age < years(14)))) & ~named.by("civil_affairs.marriage")


def _newly_wed(city: City, named: Presence) -> Mask:
    """Married by the registry, and not divorced by it since."""
    kept, wed = city.registrations, np.zeros(len(city.people.sex), dtype=np.bool_)
    for value, kind in ((True, MARRIAGE), (False, DIVORCE)):
        rows = kept.kind == kind
        wed[kept.male[rows]] = wed[kept.female[rows]] = value
    return wed


def _wed_on(city: City) -> Ints:
    """The day from which the police should call somebody married."""
    since = city.married.copy()
    since[since == NEVER] = 0
    return since


def _alone_at_death(city: City, named: Presence) -> Mask:
    """Their death changes nobody else's record: no spouse, no household to be headed."""
    people = city.people
    lone = (people.status != MARRIED) | (people.widowed < people.death)
    members = np.bincount(people.household, minlength=len(city.homes.village))
    heads = (people.slot == HEAD) | (people.slot == SPOUSE)
    lone &= ~heads | (members[people.household] == 1)
    only_dead: Mask = at_the_last_day(city) & lone & ~named.beside(POPULATION.dataset, "health.death")
    return only_dead


def kinds(city: City) -> tuple[Kind, ...]:
    """How the police err."""
    police = POPULATION.dataset
    return (
        Kind("deceased_still_registered", police, "resident_id", _alone_at_death, None, overdue, stays=True),
        Kind("marital_status_outdated", police, "marital_status", _newly_wed,
             corruption.always("未婚"), _wed_on),
        Kind("resident_id_check_character", police, "resident_id", _police_only,
             corruption.other_resident_id_check),
        Kind("duplicate_row", police, "resident_id", _police_only, None, copied=True),
        Kind("birth_date_mismatch", police, "birth_date", _grown_or_child, corruption.other_birth_date),
        Kind("sex_mismatch", police, "sex",
             lambda c, named: ~named.by("disabled_persons.certificate", "health.death",
                                        "civil_affairs.marriage"),
             corruption.other_sex),
        Kind("name_missing", police, "name", _anybody, corruption.nothing),
        Kind("village_code_unknown", police, "village_code",
             lambda c, named: ~named.by("civil_affairs.subsistence_allowance",
                                        "disabled_persons.certificate"),
             corruption.unknown_village, derivable=False),
        Kind("phone_malformed", police, "phone",
             lambda c, named: (c.people.phone != "").to_numpy() & ~named.by("disabled_persons.certificate"),
             corruption.missing_digit, derivable=False),
    )  # fmt: skip
