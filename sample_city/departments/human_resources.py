"""Human resources and social security (人社局): pensions."""

from typing import Final

import numpy as np
import polars as pl

from sample_city import corruption
from sample_city.city import City
from sample_city.declarations import Delivery, Extract, Kind, Presence
from sample_city.streams import Ints, Mask, noise
from sample_city.timeline import FIRST, LAG, NEVER, iso, years
from sample_city.views import labelled, overdue, township_codes, where

PENSIONS: Final = {1: "企业职工基本养老保险", 2: "城乡居民基本养老保险"}
STATUSES: Final = {1: "正常发放", 2: "暂停发放", 3: "终止发放"}
PAUSED: Final = 150
"""Of ten thousand."""

PENSION: Final = Delivery(
    dataset="human_resources.pension",
    stem="养老保险待遇",
    form="xlsx",
    key="pension_no",
    headers={
        "pension_no": "待遇编号",
        "resident_id": "社会保障号码",
        "name": "姓名",
        "birth_date": "出生日期",
        "pension_type": "险种",
        "monthly_amount": "月待遇金额(元)",
        "started_on": "待遇起始日期",
        "certified_on": "最近资格认证日期",
        "status": "发放状态",
        "township_code": "镇街代码",
    },
    coded={"pension_type": "pension_type", "status": "benefit_status"},
    above=("烟台市养老保险待遇领取人员名册", "数据截至 {date}"),
    below=("说明：资格认证每年一次，认证日期以最近一次为准。",),
    numbers=frozenset({"monthly_amount"}),
    spellings={
        "birth_date": (60, 30, 5, 5),
        "started_on": (50, 20, 20, 10),
        "certified_on": (60, 10, 20, 10),
    },
)


def pension(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of human_resources.pension; who died stands in it as ended."""
    drawn, people = city.pensions, city.people
    person = drawn.person[records]
    status = np.where(noise(city.seed, "pension paused", person) < PAUSED, 2, 1)
    status = np.where(people.death[person] < on - LAG, 3, status)
    number = pl.Series(records).cast(pl.String).str.zfill(8)
    return pl.DataFrame(
        {
            "pension_no": "YL" + number,
            "resident_id": people.resident_id.gather(person),
            "name": people.name.gather(person),
            "birth_date": iso(people.birth[person]),
            "pension_type": labelled(drawn.kind[records], PENSIONS),
            "monthly_amount": yuan(drawn.monthly[records]),
            "started_on": iso(drawn.started[records]),
            "certified_on": iso(_certified(city, person, drawn.started[records], on)),
            "status": labelled(status, STATUSES),
            "township_code": township_codes(city, person),
        }
    )


def yuan(fen: Ints) -> pl.Series:
    """Amounts as people write them: 380, 380.5."""
    return pl.Series(fen / 100).cast(pl.String).str.strip_suffix(".0")


def _certified(city: City, person: Ints, started: Ints, on: int) -> Ints:
    """Once a year on everybody's own day, as long as they live; NEVER before the first time."""
    until = np.minimum(on, city.people.death[person])
    turn = noise(city.seed, "certification", person) % 365
    last = until - (until - turn) % 365
    return np.where(last < started, NEVER, last).astype(np.int32)


def _entered_twice(rows: pl.DataFrame) -> pl.DataFrame:
    """The same pensioner under another number, with another amount."""
    amount = (pl.col("monthly_amount").cast(pl.Float64) + 50).cast(pl.String).str.strip_suffix(".0")
    number = pl.lit("YL9") + pl.col("pension_no").str.slice(3)
    return rows.with_columns(number.alias("pension_no"), amount.alias("monthly_amount"))


EXTRACTS: Final = (
    Extract(
        PENSION,
        lambda city, on: where(city.pensions.started <= on),
        pension,
        lambda city: (city.pensions.person,),
        again=_entered_twice,
    ),
)


def _living(city: City, named: Presence) -> Mask:
    living: Mask = city.people.cancelled[city.pensions.person] == NEVER
    return living


def _died(city: City, named: Presence) -> Mask:
    return named.by("health.death")[city.pensions.person]


def _nowhere_else(city: City, named: Presence) -> Mask:
    return ~named.beside(PENSION.dataset, "police.population")[city.pensions.person]


def _long_drawn_and_paid(city: City, named: Presence) -> Mask:
    """Who has drawn it for so long that a certification could be forgotten."""
    drawn = city.pensions
    paid = noise(city.seed, "pension paused", drawn.person) >= PAUSED
    long: Mask = (drawn.started < FIRST - years(6)) & paid & _living(city, named)
    return long


def kinds(city: City) -> tuple[Kind, ...]:
    """How human resources err."""
    dataset = PENSION.dataset
    return (
        Kind("deceased_on_pension", dataset, "status", _died, corruption.always("正常发放"),
             lambda c: overdue(c)[c.pensions.person]),
        Kind("resident_id_shortened", dataset, "resident_id", _nowhere_else, corruption.last_digits_lost,
             derivable=False),
        Kind("two_pensions", dataset, "resident_id", _living, None, copied=True),
        Kind("name_typo", dataset, "name", _living, corruption.similar_name),
        Kind("birth_date_mismatch", dataset, "birth_date", _living, corruption.other_birth_date),
        Kind("amount_out_of_range", dataset, "monthly_amount", _living, corruption.wrong_pension,
             derivable=False),
        Kind("certification_overdue", dataset, "certified_on", _long_drawn_and_paid,
             corruption.day_between("certified_on", FIRST - 1_500, FIRST - 500), derivable=False),
        Kind("started_under_age", dataset, "started_on", _living, corruption.earlier("started_on", 5_600, 7_000),
             derivable=False),
    )  # fmt: skip
