"""Market regulation (市场监管局): enterprises, sole traders and co-operatives."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import iso
from sample_city.world.city import City
from sample_city.world.topics.enterprises import COMPANY, ENTERPRISES
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
