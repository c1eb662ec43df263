"""The grid centre (网格服务中心): grids with their workers, and the residents they have collected."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, ErrorKind, Extract, Presence
from sample_city.errors import corruption, mistakes
from sample_city.errors.candidates import staying
from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import iso
from sample_city.world.city import City
from sample_city.world.topics.dwellings import addresses
from sample_city.world.topics.grids import COLLECTED, GRIDS
from sample_city.world.views import at_the_last_day, everything, labelled, overdue, where

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
            "phone": people.phone.gather(person),
            "residence_kind": labelled(floating.astype(np.int32), {0: "户籍人口", 1: "流动人口"}),
            "village_code": city.territory.column("code").gather(village),
            "address": pl.select(pl.when(pl.Series(floating)).then(rented).otherwise(home)).to_series(),
            "collected_on": iso(met.on[records]),
        }
    )


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


def _grid(city: City, named: Presence) -> Mask:
    return np.ones(len(city[GRIDS].worker), dtype=np.bool_)


def _first_of_worker(city: City, named: Presence) -> Mask:
    """The first grid of each worker speaks for the worker's name."""
    first = np.zeros(len(city[GRIDS].worker), dtype=np.bool_)
    first[np.unique(city[GRIDS].worker, return_index=True)[1]] = True
    return first


_staying: Final = staying(lambda city: city[COLLECTED].person)


def _staying_at_home(city: City, named: Presence) -> Mask:
    at_home: Mask = _staying(city, named) & ~city[COLLECTED].floating
    return at_home


def _from_another_township(city: City, named: Presence) -> Mask:
    met, township = city[COLLECTED], city.territory.column("township_code").rank("dense").to_numpy()
    home = township[city.homes.village[city.people.household[met.person]]]
    away: Mask = met.floating & (home != township[city[GRIDS].village[met.grid]])
    return away


def _died_at_home(city: City, named: Presence) -> Mask:
    """Who died since being collected, and was registered for as long as the lag allows."""
    met, people = city[COLLECTED], city.people
    died: Mask = at_the_last_day(city)[met.person] & (met.on < people.death[met.person])
    return died


def kinds(city: City) -> tuple[ErrorKind, ...]:
    """How the grid centre errs."""
    met, laid = RESIDENT.dataset, GRID.dataset
    codes = city.territory.column("code")
    nobodys_id = corruption.nobodys_id(city.people.resident_id)
    return (
        ErrorKind("grid_in_other_village", laid, "village_code", _grid,
             mistakes.neighbour_village("village_code", codes)),
        ErrorKind("worker_phone_missing", laid, "worker_phone", _grid, corruption.nothing),
        ErrorKind("worker_name_typo", laid, "worker_name", _first_of_worker, mistakes.similar_text("worker_name")),
        ErrorKind("grid_unknown", met, "grid_code", _staying, mistakes.unknown_place("grid_code"),
             derivable=False),
        ErrorKind("village_not_of_grid", met, "village_code", _staying,
             mistakes.neighbour_village("village_code", codes)),
        ErrorKind("deceased_still_collected", met, "resident_id", _died_at_home, None,
             lambda c: overdue(c)[c[COLLECTED].person], stays=True),
        ErrorKind("broken_reference", met, "resident_id", _staying_at_home, nobodys_id, derivable=False),
        ErrorKind("name_typo", met, "name", _staying, corruption.similar_name),
        ErrorKind("floating_as_registered", met, "residence_kind", _from_another_township,
             corruption.always("户籍人口")),
        ErrorKind("collected_in_future", met, "collected_on", _staying, mistakes.in_the_thirties("collected_on"),
             derivable=False),
        ErrorKind("collected_twice", met, "resident_id", _staying, None, copied=True),
    )  # fmt: skip
