"""The police (公安局): the registered population, and the registrations that were cancelled."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints, noise
from sample_city.world.basis.tables import table
from sample_city.world.basis.timeline import BASE, NEVER, iso, years
from sample_city.world.city import City
from sample_city.world.topics.dwellings import addresses
from sample_city.world.topics.endings import CANCELLED
from sample_city.world.views import (
    SEXES,
    everything,
    labelled,
    marital_statuses,
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
