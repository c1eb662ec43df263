"""The tax bureau (税务局): taxpayers among the enterprises."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import iso
from sample_city.world.city import City
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.taxpayers import TAXPAYERS
from sample_city.world.views import labelled, where

TAXPAYER: Final = CityDelivery(
    dataset="tax.enterprise",
    stem="税务登记",
    form="xlsx",
    key="uscc",
    headers={
        "uscc": "纳税人识别号",
        "name": "纳税人名称",
        "legal_representative": "法定代表人（负责人）姓名",
        "legal_representative_id": "法定代表人身份证件号码",
        "taxpayer_kind": "增值税纳税人类型",
        "registered_on": "登记日期",
        "status": "纳税人状态",
        "office": "主管税务机关",
    },
    coded={"taxpayer_kind": "taxpayer_kind", "status": "taxpayer_status"},
    above=("税务登记信息查询结果", "导出日期：{date}"),
    below=("注：本表由税收征管系统导出，仅限政务共享使用。",),
    spellings={"registered_on": (55, 10, 10, 0, 0, 15, 10)},
)


def taxpayer(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of tax.enterprise."""
    known, register = city[TAXPAYERS], city[ENTERPRISES]
    enterprise = known.enterprise[records]
    person = register.person[enterprise]
    revoked = (register.ended[enterprise] <= on) & (register.revoked[enterprise] == 1)
    status = np.where(known.cleared[records] <= on, 2, revoked)
    county = city.territory.column("county").gather(register.village[enterprise])
    return pl.DataFrame(
        {
            "uscc": register.uscc.gather(enterprise),
            "name": register.name.gather(enterprise),
            "legal_representative": city.people.name.gather(person),
            "legal_representative_id": city.people.resident_id.gather(person),
            "taxpayer_kind": labelled(known.general[records], {0: "小规模纳税人", 1: "一般纳税人"}),
            "registered_on": iso(known.registered[records]),
            "status": labelled(status.astype(np.int32), {0: "正常", 1: "非正常", 2: "注销"}),
            "office": "国家税务总局" + county + "税务局",
        }
    )


def _counties(city: City, records: Ints) -> pl.Series:
    village = city[ENTERPRISES].village[city[TAXPAYERS].enterprise[records]]
    return city.territory.column("county").gather(village)


EXTRACTS: Final = (
    Extract(
        TAXPAYER,
        lambda city, on: where(city[TAXPAYERS].registered <= on),
        taxpayer,
        lambda city: (city[ENTERPRISES].person[city[TAXPAYERS].enterprise],),
        parts=_counties,
    ),
)
