"""Market regulation (市场监管局), special equipment office: boilers, lifts, cranes and the like."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import iso
from sample_city.world.city import City
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.equipment import EQUIPMENT, inspected, period
from sample_city.world.views import labelled, where

KINDS: Final = {
    1: "锅炉",
    2: "压力容器",
    3: "电梯",
    4: "起重机械",
    5: "场（厂）内专用机动车辆",
    6: "大型游乐设施",
    8: "压力管道",
}

SPECIAL_EQUIPMENT: Final = CityDelivery(
    dataset="market_regulation.special_equipment",
    stem="特种设备",
    form="xlsx",
    key="equipment_no",
    headers={
        "equipment_no": "设备代码",
        "kind": "设备种类",
        "manufactured_on": "制造日期",
        "uscc": "统一社会信用代码",
        "unit_name": "单位名称",
        "unit_phone": "联系电话",
        "registered_on": "登记日期",
        "inspected_on": "上次检验日期",
        "next_inspection_on": "下次检验日期",
        "status": "使用状态",
    },
    coded={"kind": "special_equipment_kind", "status": "equipment_status"},
    above=("烟台市特种设备使用登记台账",),
    below=("说明：下次检验日期为检验报告载明日期。", "填表日期：{date}"),
    groups=(("设备基本信息", 3), ("使用单位", 3), ("使用登记与检验", 3), ("", 1)),
    spellings={
        "manufactured_on": (20, 10, 10, 10, 40),
        "registered_on": (50, 0, 20, 0, 20, 10),
        "inspected_on": (50, 0, 20, 10, 20),
        "next_inspection_on": (50, 0, 20, 10, 20),
    },
)


def equipment(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of market_regulation.special_equipment."""
    kept, register = city[EQUIPMENT], city[ENTERPRISES]
    enterprise, kind = kept.enterprise[records], kept.kind[records]
    last = inspected(kept, records, on)
    stopped = (kept.stopped[records] <= on).astype(np.int32)
    return pl.DataFrame(
        {
            "equipment_no": kept.number.gather(records),
            "kind": labelled(kind // 1000, KINDS),
            "manufactured_on": iso(kept.manufactured[records]),
            "uscc": register.uscc.gather(enterprise),
            "unit_name": register.name.gather(enterprise),
            "unit_phone": register.phone.gather(enterprise),
            "registered_on": iso(kept.registered[records]),
            "inspected_on": iso(last),
            "next_inspection_on": iso((last + period(kind)).astype(np.int32)),
            "status": labelled(stopped, {0: "在用", 1: "停用"}),
        }
    )


EXTRACTS: Final = (
    Extract(
        SPECIAL_EQUIPMENT,
        lambda city, on: where(city[EQUIPMENT].registered <= on),
        equipment,
        lambda city: (city[ENTERPRISES].person[city[EQUIPMENT].enterprise],),
    ),
)
