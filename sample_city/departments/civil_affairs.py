"""Civil affairs (民政局): marriages and divorces, the subsistence and the elderly allowance."""

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, ErrorKind, Extract, Presence
from sample_city.errors import corruption
from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import LAG, NEVER, iso, whole_years
from sample_city.world.city import City
from sample_city.world.topics.benefits import ALLOWANCES, ELDERS
from sample_city.world.topics.marriages import DIVORCE, MARRIAGE_NOS, REGISTRATIONS
from sample_city.world.topics.marriages import MARRIAGE as WEDDING
from sample_city.world.views import at_the_last_day, labelled, overdue, village_codes, where

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


def _of_allowances(mask: Callable[[City, Presence], Mask]) -> Callable[[City, Presence], Mask]:
    return lambda city, named: mask(city, named)[city[ALLOWANCES].person]


def _living(city: City, named: Presence) -> Mask:
    return ~named.by("health.death")


def _nowhere_else(city: City, named: Presence) -> Mask:
    return ~named.beside(ALLOWANCE.dataset, "police.population")


def _no_other_source(city: City, named: Presence) -> Mask:
    return ~named.beside(ELDERLY.dataset, "police.population")


def _died_on_allowance(city: City, named: Presence) -> Mask:
    paid = city[ALLOWANCES]
    died: Mask = at_the_last_day(city)[paid.person] & (paid.stopped == NEVER)
    return died


def _of_elders(mask: Callable[[City, Presence], Mask]) -> Callable[[City, Presence], Mask]:
    return lambda city, named: mask(city, named)[city[ELDERS].person]


def _moved_away(city: City, named: Presence) -> Mask:
    moved: Mask = (city.people.cancelled != NEVER) & (city.people.death == NEVER)
    return moved


def _moved_long_ago(city: City) -> Ints:
    """The day from which somebody has been gone from the register for more than the lag."""
    gone = np.minimum(city.people.cancelled, NEVER - LAG - 1) + LAG
    return gone[city[ELDERS].person].astype(np.int32)


def _turned_eighty_on_it(city: City, named: Presence) -> Mask:
    young: Mask = (city[ELDERS].started == city[ELDERS].turned) & _living(city, named)[city[ELDERS].person]
    return young


def _weddings(city: City, named: Presence) -> Mask:
    """Weddings of couples whom the registry has not divorced since."""
    kept, wed = city[REGISTRATIONS], np.zeros(len(city.people.sex), dtype=np.bool_)
    for value, kind in ((True, WEDDING), (False, DIVORCE)):
        wed[kept.male[kept.kind == kind]] = value
    weddings: Mask = (kept.kind == WEDDING) & wed[kept.male]
    return weddings


def kinds(city: City) -> tuple[ErrorKind, ...]:
    """How civil affairs errs."""
    allowance_of = ALLOWANCE.dataset
    elderly_of = ELDERLY.dataset
    nobodys_id = corruption.nobodys_id(city.people.resident_id)
    return (
        ErrorKind("deceased_on_allowance", allowance_of, "status", _died_on_allowance,
             corruption.always("在保"), lambda c: overdue(c)[c[ALLOWANCES].person], stays=True),
        ErrorKind("broken_reference", allowance_of, "resident_id", _of_allowances(_nowhere_else), nobodys_id,
             derivable=False),
        ErrorKind("name_typo", allowance_of, "name", _of_allowances(_living), corruption.similar_name),
        ErrorKind("amount_out_of_range", allowance_of, "monthly_amount", _of_allowances(_living),
             corruption.wrong_amount, derivable=False),
        ErrorKind("deceased_on_allowance", elderly_of, "status", _of_elders(lambda c, named: at_the_last_day(c)),
             corruption.always("在保"), lambda c: overdue(c)[c[ELDERS].person], stays=True),
        ErrorKind("moved_out_on_allowance", elderly_of, "status", _of_elders(_moved_away),
             corruption.always("在保"), _moved_long_ago, stays=True),
        ErrorKind("broken_reference", elderly_of, "resident_id", _of_elders(_no_other_source), nobodys_id,
             derivable=False),
        ErrorKind("name_typo", elderly_of, "name", _of_elders(_living), corruption.similar_name),
        ErrorKind("amount_not_of_age", elderly_of, "monthly_amount", _of_elders(_living), corruption.always("500")),
        ErrorKind("started_before_eighty", elderly_of, "started_on", _turned_eighty_on_it,
             corruption.earlier("started_on", 400, 1_000), derivable=False),
        ErrorKind("card_no_malformed", elderly_of, "card_no", _of_elders(_living), corruption.cut_short("card_no"),
             derivable=False),
        ErrorKind("under_age_marriage", MARRIAGE.dataset, "registered_on", _weddings,
             corruption.under_age_date, derivable=False),
    )  # fmt: skip
