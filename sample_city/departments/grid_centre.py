"""The grid centre (网格服务中心): grids with their workers, and the residents they have collected."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.identifiers import phones
from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.timeline import iso
from sample_city.world.city import City
from sample_city.world.topics.dwellings import addresses
from sample_city.world.topics.grids import COLLECTED, GRIDS
from sample_city.world.views import everything, labelled, where

GRID: Final = CityDelivery(
    dataset="grid.grid",
    stem="网格",
    form="xls",
    key="grid_code",
    headers={
        "grid_code": "网格编码",
        "grid_name": "网格名称",
        "village_code": "所属村居代码",
        "worker_name": "网格员姓名",
        "worker_id": "网格员身份证号",
        "worker_phone": "网格员电话",
    },
    coded={},
    above=("烟台市网格划分及网格员花名册",),
    below=("说明：网格编码为村居代码加三位顺序号。", "统计截至 {date}。"),
)
RESIDENT: Final = CityDelivery(
    dataset="grid.resident",
    stem="实有人口",
    form="csv",
    encoding="gbk",
    key="resident_id",
    headers={
        "grid_code": "网格编码",
        "resident_id": "证件号码",
        "name": "姓名",
        "phone": "手机号",
        "residence_kind": "人口类型",
        "village_code": "现居住村居代码",
        "address": "现住址",
        "collected_on": "采集日期",
    },
    coded={"residence_kind": "residence_kind"},
    spellings={"collected_on": (60, 5, 15, 0, 10, 0, 8, 0, 2)},
)
TWO_PHONES: Final = 300
"""Of ten thousand."""
SECOND_NUMBERS: Final = 40_000_000
ORDINALS: Final = ("第一网格", "第二网格", "第三网格", "第四网格")


def _grid_codes(city: City, grids: Ints) -> pl.Series:
    laid = city[GRIDS]
    number = pl.Series(laid.number[grids]).cast(pl.String).str.zfill(3)
    return city.territory.column("code").gather(laid.village[grids]) + number


def grid(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of grid.grid."""
    laid, people = city[GRIDS], city.people
    worker, village = laid.worker[records], laid.village[records]
    return pl.DataFrame(
        {
            "grid_code": _grid_codes(city, records),
            "grid_name": city.territory.column("village").gather(village)
            + pl.Series(ORDINALS).gather(laid.number[records] - 1),
            "village_code": city.territory.column("code").gather(village),
            "worker_name": people.name.gather(worker),
            "worker_id": people.resident_id.gather(worker),
            "worker_phone": people.phone.gather(worker),
        }
    )


def resident_records(city: City, on: int) -> Ints:
    """Who has been collected by then, and is still registered."""
    met = city[COLLECTED]
    return where((met.on <= on) & (city.people.cancelled[met.person] > on))


def resident(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of grid.resident."""
    met, people = city[COLLECTED], city.people
    person, grids, floating = met.person[records], met.grid[records], met.floating[records]
    village = city[GRIDS].village[grids]
    number = city.homes.number[people.household[person]]
    home = addresses(city.territory, village, number)["address"]
    rented = city.territory.column("place").gather(village) + "租住房"
    rented = rented + pl.Series(number % 90 + 1).cast(pl.String) + "号"
    return pl.DataFrame(
        {
            "grid_code": _grid_codes(city, grids),
            "resident_id": people.resident_id.gather(person),
            "name": people.name.gather(person),
            "phone": _phones(city, person),
            "residence_kind": labelled(floating.astype(np.int32), {0: "户籍人口", 1: "流动人口"}),
            "village_code": city.territory.column("code").gather(village),
            "address": pl.select(pl.when(pl.Series(floating)).then(rented).otherwise(home)).to_series(),
            "collected_on": iso(met.on[records]),
        }
    )


def _phones(city: City, person: Ints) -> pl.Series:
    """A few people give the grid worker their second number."""
    known = city.people.phone.gather(person)
    second = phones(person.astype(np.int64) + SECOND_NUMBERS)
    return second.zip_with((known != "") & pl.Series(second_phone(city, person)), known)


def second_phone(city: City, person: Ints) -> Mask:
    """Who gives the second of two numbers."""
    given: Mask = noise(city.seed, "second phone", person) < TWO_PHONES
    return given


def _met_again(rows: pl.DataFrame) -> pl.DataFrame:
    """A second worker writes the address in short and leaves the telephone out."""
    short = pl.col("address").str.replace("^山东省(烟台市)?", "")
    return rows.with_columns(short, phone=pl.lit(""))


EXTRACTS: Final = (
    Extract(
        GRID,
        lambda city, on: everything(city[GRIDS].worker),
        grid,
        lambda city: (city[GRIDS].worker,),
    ),
    Extract(
        RESIDENT,
        resident_records,
        resident,
        lambda city: (city[COLLECTED].person,),
        lambda city: city[COLLECTED].on,
        again=_met_again,
    ),
)
