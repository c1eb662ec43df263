"""Civil affairs (民政局): marriages and divorces, the subsistence and the elderly allowance."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import LAG, NEVER, iso, whole_years
from sample_city.world.city import City
from sample_city.world.topics.benefits import ALLOWANCES, ELDERS
from sample_city.world.topics.marriages import MARRIAGE_NOS, REGISTRATIONS
from sample_city.world.views import labelled, village_codes, where

MARRIAGE: Final = CityDelivery(
    dataset="civil_affairs.marriage",
    stem="婚姻登记",
    form="xlsx",
    key="certificate_no",
    headers={
        "certificate_no": "证件字号",
        "registration_type": "登记类型",
        "registered_on": "登记日期",
        "male_name": "男方姓名",
        "male_id": "男方身份证号",
        "female_name": "女方姓名",
        "female_id": "女方身份证号",
        "office": "登记机关",
    },
    coded={"registration_type": "registration_type"},
    above=("烟台市婚姻登记信息表",),
    below=("说明：1. 本表含 2021 年 1 月 1 日以来的结婚登记和离婚登记；", "2. 数据截至 {date}。"),
    spellings={"registered_on": (50, 12, 20, 18)},
)
ALLOWANCE: Final = CityDelivery(
    dataset="civil_affairs.subsistence_allowance",
    stem="最低生活保障",
    mishap="county_missing",
    form="xlsx",
    key="resident_id",
    headers={
        "resident_id": "身份证号",
        "name": "姓名",
        "allowance_no": "低保证号",
        "household_no": "户号",
        "monthly_amount": "月保障金额(元)",
        "started_on": "保障起始日期",
        "status": "保障状态",
        "village_code": "村居代码",
    },
    coded={"status": "allowance_status"},
    above=("烟台市最低生活保障对象花名册", "填报单位：烟台市民政局　　截止日期：{date}"),
    below=("说明：月保障金额为人均发放金额。",),
    numbers=frozenset({"monthly_amount"}),
    spellings={"started_on": (35, 25, 20, 20)},
)
ELDERLY: Final = CityDelivery(
    dataset="civil_affairs.elderly_allowance",
    stem="高龄津贴",
    mishap="older_state",
    form="csv",
    encoding="gb18030",
    key="resident_id",
    headers={
        "resident_id": "身份证号",
        "name": "姓名",
        "card_no": "社会保障卡号",
        "monthly_amount": "月津贴金额(元)",
        "started_on": "享受起始日期",
        "status": "发放状态",
        "village_code": "村居代码",
    },
    coded={"status": "allowance_status"},
    spellings={"started_on": (50, 30, 10, 10)},
)
BANDS: Final = ((80, 100), (90, 300), (100, 800))
"""Yuan a month from each age on."""


def marriage(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of civil_affairs.marriage."""
    kept, people = city[REGISTRATIONS], city.people
    male, female = kept.male[records], kept.female[records]
    county = city.territory.column("county").gather(city.homes.village[people.household[female]])
    return pl.DataFrame(
        {
            "certificate_no": city[MARRIAGE_NOS].gather(records),
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
    paid = city[ALLOWANCES]
    return where((paid.started <= on) & (city.people.cancelled[paid.person] > on))


def allowance(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of civil_affairs.subsistence_allowance."""
    paid, people = city[ALLOWANCES], city.people
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


def elderly(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of civil_affairs.elderly_allowance."""
    people, person = city.people, city[ELDERS].person[records]
    age = whole_years(people.birth[person], on)
    amount = np.select(
        [age >= least for least, _ in BANDS[:0:-1]], [yuan for _, yuan in BANDS[:0:-1]], BANDS[0][1]
    )
    left = (people.death[person] == NEVER) & (people.cancelled[person] <= on - LAG)
    gone = (people.death[person] < on - LAG) | left
    return pl.DataFrame(
        {
            "resident_id": people.resident_id.gather(person),
            "name": people.name.gather(person),
            "card_no": "K" + pl.Series(person).cast(pl.String).str.zfill(8),
            "monthly_amount": pl.Series(amount).cast(pl.String),
            "started_on": iso(city[ELDERS].started[records]),
            "status": labelled(gone.astype(np.int32), {0: "在保", 1: "停保"}),
            "village_code": village_codes(city, person),
        }
    )


EXTRACTS: Final = (
    Extract(
        MARRIAGE,
        lambda city, on: where(city[REGISTRATIONS].on <= on),
        marriage,
        lambda city: (city[REGISTRATIONS].male, city[REGISTRATIONS].female),
    ),
    Extract(
        ALLOWANCE,
        allowance_records,
        allowance,
        lambda city: (city[ALLOWANCES].person,),
        lambda city: city[ALLOWANCES].started,
    ),
    Extract(
        ELDERLY,
        lambda city, on: where(
            (city[ELDERS].started <= on) & (city.people.cancelled[city[ELDERS].person] > on)
        ),
        elderly,
        lambda city: (city[ELDERS].person,),
        lambda city: city[ELDERS].started,
    ),
)
