"""Housing (住房城乡建设局): dwellings and other premises."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.city import City
from sample_city.world.topics.dwellings import DWELLINGS, NO_HOUSEHOLD, addresses
from sample_city.world.views import everything, inhabited, labelled

USES: Final = dict(enumerate(["住宅", "商业", "办公", "其他"], start=1))

DWELLING: Final = CityDelivery(
    dataset="housing.dwelling",
    stem="房屋",
    form="csv",
    encoding="utf-8-sig",
    key="dwelling_no",
    headers={
        "dwelling_no": "房屋编码",
        "building_no": "楼栋编号",
        "address": "坐落",
        "village_code": "村居代码",
        "usage": "房屋用途",
        "floor_area": "建筑面积(平方米)",
        "owner_name": "产权人",
        "owner_id": "产权人身份证号",
        "household_no": "户号",
    },
    coded={"usage": "dwelling_usage"},
)


def dwelling(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of housing.dwelling."""
    built = city[DWELLINGS]
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


EXTRACTS: Final = (
    Extract(
        DWELLING,
        lambda city, on: everything(city[DWELLINGS].owner),
        dwelling,
        lambda city: (city[DWELLINGS].owner,),
    ),
)
