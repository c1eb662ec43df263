"""Human resources and social security (人社局): pensions and the register of employment."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CHANGE, CityDelivery, Extract
from sample_city.world.basis.identifiers import social_credit_codes
from sample_city.world.basis.streams import Ints, noise
from sample_city.world.basis.timeline import LAG, NEVER, iso
from sample_city.world.city import City
from sample_city.world.topics.employment import EMPLOYED, JOBS, NO_EMPLOYER
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.insurance import PENSIONS
from sample_city.world.views import labelled, township_codes, where

PENSION_KINDS: Final = {1: "企业职工基本养老保险", 2: "城乡居民基本养老保险"}
STATUSES: Final = {1: "正常发放", 2: "暂停发放", 3: "终止发放"}
PAUSED: Final = 150
"""Of ten thousand."""

PENSION: Final = CityDelivery(
    dataset="human_resources.pension",
    stem="养老保险待遇",
    form="csv",
    encoding="gb18030",
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
    spellings={
        "birth_date": (60, 30, 5, 5),
        "started_on": (50, 20, 20, 10),
        "certified_on": (60, 10, 20, 10),
    },
)
EMPLOYMENT: Final = CityDelivery(
    dataset="human_resources.employment",
    stem="就业登记",
    changes="就业登记变更",
    form="csv",
    encoding="utf-8-sig",
    key="registration_no",
    headers={
        "registration_no": "就业登记号",
        "resident_id": "身份证号",
        "name": "姓名",
        "education": "学历",
        "phone": "手机号码",
        "employment_type": "就业形式",
        "employer_uscc": "用人单位统一社会信用代码",
        "employer_name": "用人单位名称",
        "started_on": "就业日期",
        CHANGE: "变更类型",
    },
    coded={"education": "education", "employment_type": "employment_type"},
    spellings={"started_on": (60, 15, 15, 10)},
)
PUBLIC_BODIES: Final = (
    "民政局",
    "教育和体育局",
    "人民医院",
    "第二中学",
    "实验小学",
    "疾病预防控制中心",
    "图书馆",
)
OFFICES: Final = 2
"""The first of them are offices, the others institutions."""
EDUCATIONS: Final = ("研究生", "大学本科", "大专", "中专", "高中", "初中")
EDUCATED: Final = (300, 2200, 4200, 5600, 7000)


def pension(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of human_resources.pension; who died stands in it as ended."""
    drawn, people = city[PENSIONS], city.people
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
            "pension_type": labelled(drawn.kind[records], PENSION_KINDS),
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


def employment(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of human_resources.employment."""
    jobs, people = city[JOBS], city.people
    person, employer = jobs.person[records], np.maximum(jobs.employer[records], 0)
    hired, nobody = pl.Series(jobs.kind[records] == EMPLOYED), pl.Series([""])
    lot = noise(city.seed, "education", person)
    firm = pl.Series(jobs.employer[records] != NO_EMPLOYER)
    code, body = _public_bodies(city, person)
    return pl.DataFrame(
        {
            "registration_no": "JY" + pl.Series(records).cast(pl.String).str.zfill(9),
            "resident_id": people.resident_id.gather(person),
            "name": people.name.gather(person),
            "education": pl.Series(EDUCATIONS).gather(np.searchsorted(EDUCATED, lot, side="right")),
            "phone": people.phone.gather(person),
            "employment_type": labelled(jobs.kind[records], {1: "单位就业", 2: "灵活就业"}),
            "employer_uscc": city[ENTERPRISES]
            .uscc.gather(employer)
            .zip_with(firm, code)
            .zip_with(hired, nobody),
            "employer_name": city[ENTERPRISES]
            .name.gather(employer)
            .zip_with(firm, body)
            .zip_with(hired, nobody),
            "started_on": iso(jobs.started[records]),
        }
    )


def _public_bodies(city: City, person: Ints) -> tuple[pl.Series, pl.Series]:
    """Credit code and name of the public body of each person's county that would employ them."""
    which = noise(city.seed, "public body", person) % len(PUBLIC_BODIES)
    county = city.county(person).cast(pl.Int32).to_numpy()
    kind = np.where(which < OFFICES, 1, 2).astype(np.int32)
    code = social_credit_codes(kind, county, 500_000 + which.astype(np.int64), registrar=1)
    return code, city.county_names(person) + pl.Series(PUBLIC_BODIES).gather(which)


def at_work(city: City, on: int) -> Ints:
    """Records of jobs that have begun and that neither age nor death nor removal has ended."""
    jobs, people = city[JOBS], city.people
    ends = np.minimum(np.minimum(jobs.retired, people.death[jobs.person]), people.cancelled[jobs.person])
    return where((jobs.started <= on) & (ends > on))


def _registered_twice(rows: pl.DataFrame) -> pl.DataFrame:
    """The same job under another number."""
    return rows.with_columns(
        (pl.lit("JY9") + pl.col("registration_no").str.slice(3)).alias("registration_no")
    )


def _entered_twice(rows: pl.DataFrame) -> pl.DataFrame:
    """The same pensioner under another number, with another amount."""
    amount = (pl.col("monthly_amount").cast(pl.Float64) + 50).cast(pl.String).str.strip_suffix(".0")
    number = pl.lit("YL9") + pl.col("pension_no").str.slice(3)
    return rows.with_columns(number.alias("pension_no"), amount.alias("monthly_amount"))


def _pensioners(city: City) -> Ints:
    return city[PENSIONS].person


def _workers(city: City) -> Ints:
    return city[JOBS].person


EXTRACTS: Final = (
    Extract(
        PENSION,
        lambda city, on: where(city[PENSIONS].started <= on),
        pension,
        lambda city: (_pensioners(city),),
        again=_entered_twice,
    ),
    Extract(
        EMPLOYMENT,
        at_work,
        employment,
        lambda city: (_workers(city),),
        lambda city: city[JOBS].started,
        again=_registered_twice,
    ),
)
