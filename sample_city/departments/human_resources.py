"""Human resources and social security (人社局): pensions and the register of employment."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CHANGE, CityDelivery, ErrorKind, Extract, Presence
from sample_city.errors import corruption, mistakes
from sample_city.errors.candidates import certified_dead, named_by_the_police_alone, staying
from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.timeline import FIRST, LAG, NEVER, iso, years
from sample_city.world.city import City
from sample_city.world.topics.employment import EMPLOYED, JOBS
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.insurance import EMPLOYEE, PENSIONS
from sample_city.world.views import labelled, overdue, township_codes, where

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
    return pl.DataFrame(
        {
            "registration_no": "JY" + pl.Series(records).cast(pl.String).str.zfill(9),
            "resident_id": people.resident_id.gather(person),
            "name": people.name.gather(person),
            "education": pl.Series(EDUCATIONS).gather(np.searchsorted(EDUCATED, lot, side="right")),
            "phone": people.phone.gather(person),
            "employment_type": labelled(jobs.kind[records], {1: "单位就业", 2: "灵活就业"}),
            "employer_uscc": city[ENTERPRISES].uscc.gather(employer).zip_with(hired, nobody),
            "employer_name": city[ENTERPRISES].name.gather(employer).zip_with(hired, nobody),
            "started_on": iso(jobs.started[records]),
        }
    )


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


_living: Final = staying(_pensioners)
_died: Final = certified_dead(_pensioners)
_nowhere_else: Final = named_by_the_police_alone(_pensioners, PENSION.dataset)
_working: Final = staying(_workers)


def _long_drawn_and_paid(city: City, named: Presence) -> Mask:
    """Who has drawn it for so long that a certification could be forgotten."""
    drawn = city[PENSIONS]
    paid = noise(city.seed, "pension paused", drawn.person) >= PAUSED
    long: Mask = (drawn.started < FIRST - years(6)) & paid & _living(city, named)
    return long


def _hired(city: City, named: Presence) -> Mask:
    hired: Mask = _working(city, named) & (city[JOBS].kind == EMPLOYED)
    return hired


def _died_at_work(city: City, named: Presence) -> Mask:
    died: Mask = city.people.death[city[JOBS].person] < city[JOBS].retired
    return died


def _pensioned_from(city: City) -> Ints:
    """The day from which each worker draws an employee's pension; NEVER if not at all."""
    since = np.full(len(city.people.sex), NEVER, dtype=np.int32)
    drawn = city[PENSIONS]
    mine = (drawn.kind == EMPLOYEE) & (noise(city.seed, "pension paused", drawn.person) >= PAUSED)
    since[drawn.person[mine]] = drawn.started[mine]
    from_then: Ints = since[city[JOBS].person]
    return from_then


def _retires(city: City, named: Presence) -> Mask:
    retires: Mask = (_pensioned_from(city) != NEVER) & _hired(city, named)
    return retires


def _young(city: City, named: Presence) -> Mask:
    """Whose first job lies so near their eighteenth birthday that some years less are too few."""
    jobs = city[JOBS]
    soon: Mask = jobs.started - city.people.birth[jobs.person] < years(22)
    return soon & _working(city, named)


def _with_phone(city: City, named: Presence) -> Mask:
    has = (city.people.phone != "").to_numpy()
    phoned: Mask = has[city[JOBS].person] & _working(city, named)
    return phoned


def kinds(city: City) -> tuple[ErrorKind, ...]:
    """How human resources err."""
    dataset, jobs_of = PENSION.dataset, EMPLOYMENT.dataset
    return (
        ErrorKind("deceased_on_pension", dataset, "status", _died, corruption.always("正常发放"),
             lambda c: overdue(c)[c[PENSIONS].person]),
        ErrorKind("resident_id_shortened", dataset, "resident_id", _nowhere_else, corruption.last_digits_lost,
             derivable=False),
        ErrorKind("two_pensions", dataset, "resident_id", _living, None, copied=True),
        ErrorKind("name_typo", dataset, "name", _living, corruption.similar_name),
        ErrorKind("birth_date_mismatch", dataset, "birth_date", _living, corruption.other_birth_date),
        ErrorKind("amount_out_of_range", dataset, "monthly_amount", _living, corruption.wrong_pension,
             derivable=False),
        ErrorKind("certification_overdue", dataset, "certified_on", _long_drawn_and_paid,
             corruption.day_between("certified_on", FIRST - 1_500, FIRST - 500), derivable=False),
        ErrorKind("started_under_age", dataset, "started_on", _living, corruption.earlier("started_on", 5_600, 7_000),
             derivable=False),
        ErrorKind("deceased_still_employed", jobs_of, "resident_id", _died_at_work, None,
             lambda c: overdue(c)[c[JOBS].person], stays=True),
        ErrorKind("retired_still_employed", jobs_of, "resident_id", _retires, None, _pensioned_from, stays=True),
        ErrorKind("registered_twice", jobs_of, "resident_id", _working, None, copied=True),
        ErrorKind("employer_unknown", jobs_of, "employer_uscc", _hired, mistakes.nobodys_uscc("employer_uscc"),
             derivable=False),
        ErrorKind("employer_missing", jobs_of, "employer_uscc", _hired, corruption.nothing, derivable=False),
        ErrorKind("name_typo", jobs_of, "name", _working, corruption.similar_name),
        ErrorKind("phone_malformed", jobs_of, "phone", _with_phone, corruption.missing_digit,
             derivable=False),
        ErrorKind("education_unknown", jobs_of, "education", _working, corruption.always("文凭不详"),
             derivable=False),
        ErrorKind("started_under_sixteen", jobs_of, "started_on", _young,
             corruption.earlier("started_on", 2_400, 3_200), derivable=False),
    )  # fmt: skip
