"""The police (公安局): the registered population, and the registrations that were cancelled."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, ErrorKind, Extract, Presence
from sample_city.errors import corruption
from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.tables import table
from sample_city.world.basis.timeline import BASE, NEVER, iso, years
from sample_city.world.city import City
from sample_city.world.population.households import HEAD, SPOUSE
from sample_city.world.population.households import MARRIED as IN_MARRIAGE
from sample_city.world.topics.dwellings import addresses
from sample_city.world.topics.endings import CANCELLED
from sample_city.world.topics.insurance import ENROLMENTS, PENSIONS
from sample_city.world.topics.marriages import DIVORCE, MARRIAGE, REGISTRATIONS, WEDDING_DAYS
from sample_city.world.views import (
    SEXES,
    at_the_last_day,
    everything,
    labelled,
    marital_statuses,
    overdue,
    registered,
    relations,
    village_codes,
    where,
)

STATUSES: Final = {10: "未婚", 20: "已婚", 30: "丧偶", 40: "离婚"}

POPULATION: Final = CityDelivery(
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
CANCELLATION: Final = CityDelivery(
    dataset="police.cancellation",
    stem="户口注销",
    form="dbf",
    key="resident_id",
    headers={
        "resident_id": "GMSFHM",
        "name": "XM",
        "sex": "XB",
        "cancelled_on": "ZXRQ",
        "reason": "ZXYY",
        "destination": "QWD",
        "household_no": "YHH",
        "village_code": "YCJDM",
    },
    coded={"sex": "sex", "reason": "cancellation_reason"},
    widths={
        "resident_id": 20,
        "name": 60,
        "sex": 4,
        "cancelled_on": 8,
        "reason": 20,
        "destination": 40,
        "household_no": 15,
        "village_code": 15,
    },
    spellings={"cancelled_on": (0, 1)},
)
REASONS: Final = {1: "死亡", 2: "迁出市外", 3: "出国定居"}
ABROAD: Final = 800
"""Of ten thousand who leave."""
DESTINATIONS: Final = (
    "山东省青岛市", "山东省济南市", "山东省威海市", "山东省潍坊市",
    "北京市", "上海市", "天津市", "辽宁省大连市", "江苏省南京市", "广东省深圳市",
)  # fmt: skip


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


def reasons(city: City, persons: Ints) -> Ints:
    """Why the registration of each was cancelled: 1 death, 2 moved out of the city, 3 settled abroad."""
    abroad = noise(city.seed, "settled abroad", persons) < ABROAD
    abroad &= city.people.birth[persons] > BASE - years(50)
    left = np.where(abroad, 3, 2)
    return np.where(city.people.death[persons] == NEVER, left, 1).astype(np.int32)


def cancellation(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of police.cancellation."""
    people, persons = city.people, city[CANCELLED][records]
    why = reasons(city, persons)
    lot = noise(city.seed, "destination", persons) % len(DESTINATIONS)
    inland = pl.Series(DESTINATIONS).gather(lot)
    return pl.DataFrame(
        {
            "resident_id": people.resident_id.gather(persons),
            "name": people.name.gather(persons),
            "sex": labelled(people.sex[persons], SEXES),
            "cancelled_on": iso(people.cancelled[persons] - 1),
            "reason": labelled(why, REASONS),
            "destination": inland.zip_with(pl.Series(why == 2), pl.Series([""])),
            "household_no": city.homes.household_no.gather(people.household[persons]),
            "village_code": village_codes(city, persons),
        }
    )


EXTRACTS: Final = (
    Extract(POPULATION, registered, population, lambda city: (everything(city.people.sex),)),
    Extract(
        CANCELLATION,
        lambda city, on: where(city.people.cancelled[city[CANCELLED]] <= on),
        cancellation,
        lambda city: (city[CANCELLED],),
    ),
)


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
    kept, wed = city[REGISTRATIONS], np.zeros(len(city.people.sex), dtype=np.bool_)
    for value, kind in ((True, MARRIAGE), (False, DIVORCE)):
        rows = kept.kind == kind
        wed[kept.male[rows]] = wed[kept.female[rows]] = value
    return wed


def _wed_on(city: City) -> Ints:
    """The day from which the police should call somebody married."""
    since = city[WEDDING_DAYS].copy()
    since[since == NEVER] = 0
    return since


def _alone_at_death(city: City, named: Presence) -> Mask:
    """Their death changes nobody else's record: no spouse, no household to be headed."""
    people = city.people
    lone = (people.status != IN_MARRIAGE) | (people.widowed < people.death)
    members = np.bincount(people.household, minlength=len(city.homes.village))
    heads = (people.slot == HEAD) | (people.slot == SPOUSE)
    lone &= ~heads | (members[people.household] == 1)
    # They keep rows of the dead as ended, whatever the police say.
    kept = ("health.death", "medical_insurance.enrolment", "human_resources.pension")
    known = named.beside(POPULATION.dataset, CANCELLATION.dataset, *kept)
    only_dead: Mask = at_the_last_day(city) & lone & ~known
    return only_dead


def _insured_and_retired(city: City, named: Presence) -> Mask:
    """Whom two departments go on naming to the end, against whom the police would stand alone."""
    both = named.named["medical_insurance.enrolment"] & named.named["human_resources.pension"]
    steady: Mask = both & (city.people.cancelled == NEVER)
    return steady


def _named_twice(city: City) -> Ints:
    """The day from which both of them name somebody."""
    since = np.full(len(city.people.sex), 0, dtype=np.int32)
    since[city[ENROLMENTS].person] = city[ENROLMENTS].since
    since[city[PENSIONS].person] = np.maximum(since[city[PENSIONS].person], city[PENSIONS].started)
    return since


def _left(city: City, named: Presence) -> Mask:
    """Who moved out of the city."""
    left: Mask = (city.people.cancelled != NEVER) & (city.people.death == NEVER)
    return left


def _nowhere_else_cancelled(city: City, named: Presence) -> Mask:
    """Whom but the police no department names: neither their death nor an allowance."""
    return ~named.beside(POPULATION.dataset, CANCELLATION.dataset)[city[CANCELLED]]


def _moved_within_the_country(city: City, named: Presence) -> Mask:
    moved: Mask = reasons(city, city[CANCELLED]) == 2
    return moved


def _known_to_have_died(city: City, named: Presence) -> Mask:
    return named.by("health.death")[city[CANCELLED]]


def kinds(city: City) -> tuple[ErrorKind, ...]:
    """How the police err."""
    police, cancelled = POPULATION.dataset, CANCELLATION.dataset
    return (
        ErrorKind("deceased_still_registered", police, "resident_id", _alone_at_death, None, overdue, stays=True),
        ErrorKind("moved_out_still_registered", police, "resident_id", _left, None, lambda c: c.people.cancelled,
             stays=True),
        ErrorKind("marital_status_outdated", police, "marital_status", _newly_wed,
             corruption.always("未婚"), _wed_on),
        ErrorKind("resident_id_check_character", police, "resident_id", _police_only,
             corruption.other_resident_id_check),
        ErrorKind("duplicate_row", police, "resident_id", _police_only, None, copied=True),
        ErrorKind("birth_date_mismatch", police, "birth_date", _grown_or_child, corruption.other_birth_date),
        ErrorKind("sex_mismatch", police, "sex",
             lambda c, named: ~named.by("disabled_persons.certificate", "health.death",
                                        "civil_affairs.marriage"),
             corruption.other_sex),
        ErrorKind("name_outvoted", police, "name", _insured_and_retired, corruption.similar_name, _named_twice),
        ErrorKind("name_missing", police, "name", _anybody, corruption.nothing),
        ErrorKind("village_code_unknown", police, "village_code",
             lambda c, named: ~named.by("civil_affairs.subsistence_allowance",
                                        "disabled_persons.certificate"),
             corruption.unknown_village),
        ErrorKind("phone_malformed", police, "phone",
             lambda c, named: (c.people.phone != "").to_numpy() & ~named.by("disabled_persons.certificate"),
             corruption.missing_digit, derivable=False),
        ErrorKind("name_typo", cancelled, "name", _known_to_have_died, corruption.similar_name),
        ErrorKind("sex_mismatch", cancelled, "sex", _known_to_have_died, corruption.other_sex),
        ErrorKind("cancelled_before_death", cancelled, "cancelled_on", _known_to_have_died,
             corruption.earlier("cancelled_on", 40, 400), derivable=False),
        ErrorKind("cancelled_in_future", cancelled, "cancelled_on", _nowhere_else_cancelled,
             corruption.ten_years_later("cancelled_on"), derivable=False),
        ErrorKind("reason_missing", cancelled, "reason", _known_to_have_died, corruption.nothing),
        ErrorKind("reason_not_death", cancelled, "reason", _known_to_have_died, corruption.always("出国定居")),
        ErrorKind("destination_missing", cancelled, "destination", _moved_within_the_country,
             corruption.nothing, derivable=False),
        ErrorKind("resident_id_shortened", cancelled, "resident_id", _nowhere_else_cancelled,
             corruption.last_digits_lost, derivable=False),
    )  # fmt: skip
