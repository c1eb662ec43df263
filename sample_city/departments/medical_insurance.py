"""Medical insurance (医保局): who is enrolled."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.timeline import LAG, NEVER, iso
from sample_city.world.city import City
from sample_city.world.topics.insurance import ENROLMENTS
from sample_city.world.views import SEXES, labelled, township_codes, where

INSURANCES: Final = {1: "职工基本医疗保险", 2: "城乡居民基本医疗保险"}
STATUSES: Final = {1: "正常参保", 2: "暂停参保", 3: "终止参保"}
PAUSED: Final = 200
"""Of ten thousand."""

ENROLMENT: Final = CityDelivery(
    dataset="medical_insurance.enrolment",
    stem="医保参保",
    form="csv",
    encoding="gb18030",
    key="resident_id",
    headers={
        "resident_id": "证件号码",
        "name": "姓名",
        "sex": "性别",
        "insured_type": "险种类型",
        "status": "参保状态",
        "insured_on": "首次参保日期",
        "township_code": "镇街代码",
    },
    coded={"sex": "sex", "insured_type": "insured_type", "status": "insurance_status"},
    spellings={"insured_on": (97, 1, 1, 1)},
)


def enrolment(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of medical_insurance.enrolment; who died or left stands in it as ended."""
    insured, people = city[ENROLMENTS], city.people
    person = insured.person[records]
    status = np.where(noise(city.seed, "insurance paused", person) < PAUSED, 2, 1)
    gone = (people.death[person] < on - LAG) | _left(city, person, on)
    return pl.DataFrame(
        {
            "resident_id": people.resident_id.gather(person),
            "name": people.name.gather(person),
            "sex": labelled(people.sex[person], SEXES),
            "insured_type": labelled(insured.kind[records], INSURANCES),
            "status": labelled(np.where(gone, 3, status), STATUSES),
            "insured_on": iso(insured.since[records]),
            "township_code": township_codes(city, person),
        }
    )


def _left(city: City, person: Ints, on: int) -> Mask:
    left: Mask = (city.people.cancelled[person] <= on) & (city.people.death[person] == NEVER)
    return left


def _insured(city: City) -> Ints:
    return city[ENROLMENTS].person


EXTRACTS: Final = (
    Extract(
        ENROLMENT,
        lambda city, on: where(city[ENROLMENTS].since <= on),
        enrolment,
        lambda city: (_insured(city),),
    ),
)
