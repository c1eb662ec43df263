"""What each department knows on a day: the seven extracts with clean values, not yet delivered.

Dates are ISO, coded values are labels, identifiers upper-case. Errors and the untidiness of real
files come after: see faults and forms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sample_city import departments
from sample_city.city import City
from sample_city.dwellings import NO_HOUSEHOLD, addresses
from sample_city.enterprises import COMPANY
from sample_city.households import (
    CHILD,
    DIVORCED,
    FATHER,
    HEAD,
    MARRIED,
    MOTHER,
    SPOUSE,
    WIDOWED,
)
from sample_city.streams import Ints, Mask, noise
from sample_city.tables import table
from sample_city.timeline import LAG, iso

SEXES: Final = {1: "男", 2: "女"}
STATUSES: Final = {10: "未婚", 20: "已婚", 30: "丧偶", 40: "离婚"}
DISABILITIES: Final = dict(enumerate(["视力", "听力", "言语", "肢体", "智力", "精神", "多重"], start=1))
GRADES: Final = dict(enumerate(["一级", "二级", "三级", "四级"], start=1))
USES: Final = dict(enumerate(["住宅", "商业", "办公", "其他"], start=1))


@dataclass(frozen=True)
class Extract:
    """One extract over time.

    Attributes:
        delivery: How its department sends it.
        records: Numbers of the records that stand in it on a day, ascending.
        rows: The rows of these records as of that day, columns as in ``delivery.headers``.
        people: Positions of the people each record speaks of, one array per role.
    """

    delivery: departments.Delivery
    records: Callable[[City, int], Ints]
    rows: Callable[[City, Ints, int], pl.DataFrame]
    people: Callable[[City], tuple[Ints, ...]]


def labelled(codes: npt.NDArray[np.integer], labels: dict[int, str]) -> pl.Series:
    """The label of every code."""
    by_code = np.full(max(labels) + 1, "", dtype=object)
    by_code[list(labels)] = list(labels.values())
    return pl.Series(by_code.tolist(), dtype=pl.String).gather(codes)


def _where(mask: Mask) -> Ints:
    return np.flatnonzero(mask).astype(np.int32)


def marital_statuses(city: City, persons: Ints, on: int) -> Ints:
    """Code of GB/T 2261.2 (10, 20, 30, 40) on that day."""
    status = city.people.status[persons].copy()
    status[city.married[persons] <= on] = MARRIED
    status[city.divorced[persons] <= on] = DIVORCED
    status[city.people.widowed[persons] <= on] = WIDOWED
    return status


def relations(city: City, persons: Ints, on: int) -> pl.Series:
    """Relation to the head; the spouse, then the child, takes the place of a head who is gone."""
    slot, sex = city.people.slot[persons], city.people.sex[persons]
    household = city.people.household[persons]
    headless = city.homes.head_gone[household] <= on
    orphaned = headless & (city.homes.spouse_gone[household] <= on)
    heads = (slot == HEAD) | ((slot == SPOUSE) & headless) | ((slot == CHILD) & orphaned)
    cases = [heads, slot == SPOUSE, slot == FATHER, slot == MOTHER, sex == 1]
    chosen = np.select(cases, [0, 1, 2, 3, 4], 5)
    return pl.Series(["户主", "配偶", "父亲", "母亲", "子", "女"]).gather(chosen)


def registered(city: City, on: int) -> Ints:
    """People whose registration stands on that day."""
    return _where((city.people.registered <= on) & (city.people.cancelled > on))


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


def marriage(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of civil_affairs.marriage."""
    kept, people = city.registrations, city.people
    male, female = kept.male[records], kept.female[records]
    county = city.territory.column("county").gather(city.homes.village[people.household[female]])
    return pl.DataFrame(
        {
            "certificate_no": city.marriage_nos.gather(records),
            "registration_type": labelled(kept.kind[records], {1: "结婚登记", 2: "离婚登记"}),
            "registered_on": iso(kept.on[records]),
            "male_name": people.name.gather(male),
            "male_id": people.resident_id.gather(male),
            "female_name": people.name.gather(female),
            "female_id": people.resident_id.gather(female),
            "office": county + "民政局婚姻登记处",
        }
    )


def allowance_records(city: City, on: int) -> Ints:
    """People on the allowance, or lately so, whose registration still stands."""
    paid = city.allowances
    return _where((paid.started <= on) & (city.people.cancelled[paid.person] > on))


def allowance(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of civil_affairs.subsistence_allowance."""
    paid, people = city.allowances, city.people
    person = paid.person[records]
    household = people.household[person]
    gone = people.death[person] < on - LAG
    ended = (paid.stopped[records] <= on) | gone
    yuan = pl.Series(paid.monthly[records] / 100).cast(pl.String).str.strip_suffix(".0")
    return pl.DataFrame(
        {
            "resident_id": people.resident_id.gather(person),
            "name": people.name.gather(person),
            "allowance_no": paid.allowance_no.gather(records),
            "household_no": city.homes.household_no.gather(household),
            "monthly_amount": yuan,
            "started_on": iso(paid.started[records]),
            "status": labelled(ended.astype(np.int32), {0: "在保", 1: "停保"}),
            "village_code": city.territory.column("code").gather(city.homes.village[household]),
        }
    )


def death(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of health.death; the sex is a code, as the health department's database has it."""
    person = city.deceased[records]
    places = pl.Series(["医疗卫生机构", "家中", "养老服务机构", "其他场所"])
    lot = noise(city.seed, "place of death", records)
    return pl.DataFrame(
        {
            "certificate_no": city.death_nos.gather(records),
            "resident_id": city.people.resident_id.gather(person),
            "name": city.people.name.gather(person),
            "sex": pl.Series(city.people.sex[person]).cast(pl.String),
            "death_date": iso(city.people.death[person]),
            "place": places.gather(np.searchsorted([4500, 8800, 9600], lot, side="right")),
        }
    )


def certificate(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of disabled_persons.certificate."""
    held, people = city.certificates, city.people
    person = held.person[records]
    resident_id = people.resident_id.gather(person)
    kind, grade = held.kind[records], held.grade[records]
    village = city.homes.village[people.household[person]]
    return pl.DataFrame(
        {
            "certificate_no": resident_id + pl.Series(kind * 10 + grade).cast(pl.String),
            "resident_id": resident_id,
            "name": people.name.gather(person),
            "sex": labelled(people.sex[person], SEXES),
            "disability_type": labelled(kind, DISABILITIES),
            "disability_grade": labelled(grade, GRADES),
            "issued_on": iso(held.issued[records]),
            "village_code": city.territory.column("code").gather(village),
            "phone": people.phone.gather(person),
        }
    )


def enterprise(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of market_regulation.enterprise."""
    register = city.enterprises
    person, village = register.person[records], register.village[records]
    kind, sole = register.kind[records], register.sole_owner[records] == 1
    types = pl.Series(["有限责任公司", "有限责任公司（自然人独资）", "个体工商户", "农民专业合作社"])
    ended = (register.ended[records] <= on) * (1 + register.revoked[records])
    number = pl.Series(register.number[records]).cast(pl.String)
    return pl.DataFrame(
        {
            "uscc": register.uscc.gather(records),
            "name": register.name.gather(records),
            "enterprise_type": types.gather(np.where(kind == COMPANY, sole.astype(int), kind)),
            "legal_representative": city.people.name.gather(person),
            "legal_representative_id": city.people.resident_id.gather(person),
            "established_on": iso(register.established[records]),
            "registered_capital": pl.Series(register.capital[records]).cast(pl.String),
            "status": labelled(ended, {0: "存续", 1: "注销", 2: "吊销"}),
            "village_code": city.territory.column("code").gather(village),
            "address": city.territory.column("place").gather(village) + number + "号",
            "phone": register.phone.gather(records),
        }
    )


def dwelling(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of housing.dwelling."""
    built = city.dwellings
    village, household = built.village[records], built.household[records]
    home = household != NO_HOUSEHOLD
    stands = addresses(city.territory, village, built.number[records])
    code = city.territory.column("code").gather(village)
    place = city.territory.column("place").gather(village)
    shop = pl.Series(built.number[records] + 1).cast(pl.String)
    rows = stands.with_columns(
        code=code,
        home=pl.Series(home),
        shop=shop.str.zfill(3),
        beside=place + "沿街房" + shop + "号",
        household_no=city.homes.household_no.gather(np.maximum(household, 0)),
        lived_in=pl.Series(home & inhabited(city, on)[household]),
    )
    building = pl.when("home").then("building").otherwise(pl.format("S{}", "shop"))
    room = pl.when("home").then("room").otherwise(pl.lit("00001"))
    named = rows.select(
        dwelling_no=pl.concat_str("code", building, room, separator="-"),
        building_no=pl.concat_str("code", building, separator="-"),
        address=pl.when("home").then("address").otherwise("beside"),
        village_code="code",
        household_no=pl.when("lived_in").then("household_no").otherwise(pl.lit("")),
    )
    area = pl.Series(built.area[records])
    owner = built.owner[records]
    return named.select(
        "dwelling_no",
        "building_no",
        "address",
        "village_code",
        usage=labelled(built.usage[records], USES),
        floor_area=(area // 100).cast(pl.String) + "." + (area % 100).cast(pl.String).str.zfill(2),
        owner_name=city.people.name.gather(owner),
        owner_id=city.people.resident_id.gather(owner),
        household_no="household_no",
    )


def inhabited(city: City, on: int) -> Mask:
    """Whether anybody is registered in each household on that day."""
    lives = np.zeros(len(city.homes.village), dtype=np.bool_)
    lives[city.people.household[registered(city, on)]] = True
    return lives


EXTRACTS: Final = (
    Extract(departments.POPULATION, registered, population, lambda city: (_all(city.people.sex),)),
    Extract(
        departments.MARRIAGE,
        lambda city, on: _where(city.registrations.on <= on),
        marriage,
        lambda city: (city.registrations.male, city.registrations.female),
    ),
    Extract(departments.ALLOWANCE, allowance_records, allowance, lambda city: (city.allowances.person,)),
    Extract(
        departments.DEATH,
        lambda city, on: _where(city.people.death[city.deceased] <= on),
        death,
        lambda city: (city.deceased,),
    ),
    Extract(
        departments.CERTIFICATE,
        lambda city, on: _where(
            (city.certificates.issued <= on) & (city.people.cancelled[city.certificates.person] > on)
        ),
        certificate,
        lambda city: (city.certificates.person,),
    ),
    Extract(
        departments.ENTERPRISE,
        lambda city, on: _where(city.enterprises.established <= on),
        enterprise,
        lambda city: (city.enterprises.person,),
    ),
    Extract(
        departments.DWELLING,
        lambda city, on: _all(city.dwellings.owner),
        dwelling,
        lambda city: (city.dwellings.owner,),
    ),
)
"""Departments in the order of the standard."""


def _all(column: Ints) -> Ints:
    return np.arange(len(column), dtype=np.int32)
