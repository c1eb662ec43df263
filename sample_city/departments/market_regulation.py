"""Market regulation (市场监管局): enterprises, sole traders and co-operatives."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, ErrorKind, Extract, Presence
from sample_city.departments.special_equipment import first_of_unit
from sample_city.errors import corruption, mistakes
from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import LAST, NEVER, iso
from sample_city.world.city import City
from sample_city.world.topics.employment import JOBS
from sample_city.world.topics.enterprises import COMPANY, ENTERPRISES
from sample_city.world.topics.equipment import EQUIPMENT
from sample_city.world.topics.premises import PREMISES
from sample_city.world.topics.taxpayers import TAXPAYERS
from sample_city.world.topics.vehicles import VEHICLES
from sample_city.world.views import labelled, where

ENTERPRISE: Final = CityDelivery(
    dataset="market_regulation.enterprise",
    stem="市场主体",
    form="csv",
    encoding="gbk",
    key="uscc",
    headers={
        "uscc": "统一社会信用代码",
        "name": "企业名称",
        "enterprise_type": "主体类型",
        "legal_representative": "法定代表人",
        "legal_representative_id": "法定代表人身份证号",
        "established_on": "成立日期",
        "registered_capital": "注册资本(万元)",
        "status": "登记状态",
        "village_code": "村居代码",
        "address": "住所",
        "phone": "联系电话",
    },
    coded={"enterprise_type": "enterprise_type", "status": "enterprise_status"},
    spellings={"established_on": (80, 4, 14, 2)},
)


def enterprise(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of market_regulation.enterprise."""
    register = city[ENTERPRISES]
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


EXTRACTS: Final = (
    Extract(
        ENTERPRISE,
        lambda city, on: where(city[ENTERPRISES].established <= on),
        enterprise,
        lambda city: (city[ENTERPRISES].person,),
    ),
)


def _any(city: City, named: Presence) -> Mask:
    return np.ones(len(city[ENTERPRISES].person), dtype=np.bool_)


def _elsewhere(city: City) -> Mask:
    """Enterprises that another extract names."""
    named = np.zeros(len(city[ENTERPRISES].person), dtype=np.bool_)
    for by in (city[TAXPAYERS], city[EQUIPMENT], city[VEHICLES], city[PREMISES]):
        named[by.enterprise[by.enterprise >= 0]] = True
    named[city[JOBS].employer[city[JOBS].employer >= 0]] = True
    return named


def _nowhere_else(city: City, named: Presence) -> Mask:
    return ~_elsewhere(city)


def _untaxed(city: City, named: Presence) -> Mask:
    """Nobody but the police can contradict these on their representative, and only once each."""
    register = city[ENTERPRISES]
    first = np.zeros(len(register.person), dtype=np.bool_)
    first[np.unique(register.person, return_index=True)[1]] = True
    first[city[TAXPAYERS].enterprise] = False
    return first


def _outvoted(city: City, named: Presence) -> Mask:
    """Both the tax bureau and the equipment office know the name."""
    both: Mask = _known_to_both(city) < LAST
    return both


def _known_to_both(city: City) -> Ints:
    """The day from which both know the name; NEVER if they do not."""
    kept = city[EQUIPMENT]
    since = np.full((2, len(city[ENTERPRISES].person)), NEVER, dtype=np.int32)
    since[0, city[TAXPAYERS].enterprise] = city[TAXPAYERS].registered
    first = first_of_unit(city)
    since[1, kept.enterprise[first]] = kept.registered[first]
    known: Ints = since.max(axis=0)
    return known


def kinds(city: City) -> tuple[ErrorKind, ...]:
    """How market regulation errs."""
    dataset = ENTERPRISE.dataset
    return (
        ErrorKind(
            "uscc_check_character",
            dataset,
            "uscc",
            _nowhere_else,
            corruption.other_uscc_check,
            derivable=False,
        ),
        ErrorKind("village_code_unknown", dataset, "village_code", _any, corruption.unknown_village),
        ErrorKind("phone_malformed", dataset, "phone", _any, corruption.missing_digit, derivable=False),
        ErrorKind(
            "capital_in_yuan",
            dataset,
            "registered_capital",
            _any,
            mistakes.times("registered_capital", 10_000),
        ),
        ErrorKind("name_typo", dataset, "name", _outvoted, mistakes.similar_text("name"), _known_to_both),
        ErrorKind(
            "representative_typo",
            dataset,
            "legal_representative",
            _untaxed,
            mistakes.similar_text("legal_representative"),
        ),
        ErrorKind(
            "established_in_future",
            dataset,
            "established_on",
            _untaxed,
            mistakes.in_the_thirties("established_on"),
            derivable=False,
        ),
    )
