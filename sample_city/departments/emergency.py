"""The emergency bureau (应急管理局): small premises and their inspections."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CHANGE, CityDelivery, Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import NEVER, iso
from sample_city.world.city import City
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.premises import NOBODY, PREMISES, VISITS
from sample_city.world.views import labelled, where

KINDS: Final = dict(
    enumerate(
        (
            "小商场", "小餐饮", "小旅馆", "小歌舞娱乐场所", "小网吧", "小美容洗浴场所", "小学校（幼儿园）",
            "小医院（诊所）", "小生产加工企业",
        ),
        start=1,
    )
)  # fmt: skip
LICENSED: Final = (3, 4, 5, 7, 8)
"""Inns, entertainment, internet cafés, schools and clinics cannot be stalls."""

SMALL_PREMISES: Final = CityDelivery(
    dataset="emergency.small_premises",
    stem="九小场所",
    form="zip",
    encoding="gbk",
    key="premises_no",
    headers={
        "premises_no": "场所编号",
        "name": "场所名称",
        "kind": "场所类别",
        "uscc": "统一社会信用代码",
        "manager": "负责人",
        "phone": "负责人电话",
        "village_code": "所在村居代码",
        "address": "详细地址",
        "floor_area": "建筑面积（㎡）",
        "recorded_on": "建档日期",
        "status": "营业状态",
    },
    coded={"kind": "small_premises_kind", "status": "business_status"},
    spellings={"recorded_on": (40, 5, 30, 5, 15, 0, 5)},
)
INSPECTION: Final = CityDelivery(
    dataset="emergency.inspection",
    stem="安全检查记录",
    changes="安全检查记录变更",
    form="csv",
    encoding="utf-8-sig",
    key="inspection_no",
    headers={
        "inspection_no": "检查编号",
        "premises_no": "场所编号",
        "inspected_on": "检查日期",
        "inspector": "检查人员",
        "result": "检查结果",
        "hazards": "隐患数量",
        "rectified_on": "整改完成日期",
        CHANGE: "变更类型",
    },
    coded={"result": "inspection_result"},
    spellings={"inspected_on": (70, 0, 20, 0, 0, 0, 10), "rectified_on": (70, 0, 20, 0, 0, 0, 10)},
)


def premises(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of emergency.small_premises."""
    kept, people, register = city[PREMISES], city.people, city[ENTERPRISES]
    enterprise, person, village = kept.enterprise[records], kept.person[records], kept.village[records]
    shop, name = pl.Series(enterprise != NOBODY), people.name.gather(person)
    where_ = np.maximum(enterprise, 0)
    place = city.territory.column("place").gather(village)
    beside = pl.Series(records % 200 + 1).cast(pl.String)
    at = pl.Series(register.number[where_]).cast(pl.String)
    rows = pl.DataFrame(
        {
            "shop": shop,
            "name": register.name.gather(where_),
            "stall": name + "摊位",
            "uscc": register.uscc.gather(where_),
            "at": place + at + "号",
            "beside": place + "集市" + beside + "号摊",
            "shop_phone": register.phone.gather(where_),
            "own_phone": people.phone.gather(person),
        }
    ).select(
        name=pl.when("shop").then("name").otherwise("stall"),
        uscc=pl.when("shop").then("uscc").otherwise(pl.lit("")),
        phone=pl.when("shop").then("shop_phone").otherwise("own_phone"),
        address=pl.when("shop").then("at").otherwise("beside"),
    )
    closed = (kept.closed[records] <= on).astype(np.int32)
    return pl.DataFrame(
        {
            "premises_no": kept.number.gather(records),
            "name": rows["name"],
            "kind": labelled(kept.kind[records], KINDS),
            "uscc": rows["uscc"],
            "manager": name,
            "phone": rows["phone"],
            "village_code": city.territory.column("code").gather(village),
            "address": rows["address"],
            "floor_area": pl.Series(kept.area[records]).cast(pl.String),
            "recorded_on": iso(kept.recorded[records]),
            "status": labelled(closed, {0: "营业", 1: "停业"}),
        }
    )


def inspection(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of emergency.inspection: what is mended later is not yet in it."""
    made = city[VISITS]
    rectified = made.rectified[records]
    results = {1: "合格", 2: "限期整改", 3: "责令停产停业"}
    return pl.DataFrame(
        {
            "inspection_no": made.number.gather(records),
            "premises_no": city[PREMISES].number.gather(made.premises[records]),
            "inspected_on": iso(made.on[records]),
            "inspector": city.people.name.gather(made.inspector[records]),
            "result": labelled(made.result[records], results),
            "hazards": pl.Series(made.hazards[records]).cast(pl.String),
            "rectified_on": iso(np.where(rectified <= on, rectified, NEVER).astype(np.int32)),
        }
    )


def _counties(city: City, records: Ints) -> pl.Series:
    return city.territory.column("county").gather(city[PREMISES].village[records])


EXTRACTS: Final = (
    Extract(
        SMALL_PREMISES,
        lambda city, on: where(city[PREMISES].recorded <= on),
        premises,
        lambda city: (city[PREMISES].person,),
        parts=_counties,
    ),
    Extract(
        INSPECTION,
        lambda city, on: where(city[VISITS].on <= on),
        inspection,
        lambda city: (city[PREMISES].person[city[VISITS].premises],),
    ),
)
