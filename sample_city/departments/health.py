"""Health (卫生健康委): certificates of birth and of death."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints, noise
from sample_city.world.basis.timeline import iso, whole_years
from sample_city.world.city import City
from sample_city.world.topics.births import BIRTHS, NOBODY
from sample_city.world.topics.endings import DEATH_NOS, DECEASED
from sample_city.world.views import SEXES, labelled, where

BIRTH: Final = CityDelivery(
    dataset="health.birth",
    stem="出生医学证明",
    form="csv",
    encoding="gbk",
    key="certificate_no",
    headers={
        "certificate_no": "出生证编号",
        "child_name": "新生儿姓名",
        "child_id": "新生儿身份证号",
        "sex": "新生儿性别",
        "birth_date": "出生日期",
        "mother_name": "母亲姓名",
        "mother_id": "母亲身份证号",
        "mother_age": "母亲年龄",
        "father_name": "父亲姓名",
        "father_id": "父亲身份证号",
        "hospital": "接生机构",
        "issued_on": "签发日期",
    },
    coded={"sex": "sex"},
    spellings={"birth_date": (60, 20, 10, 10), "issued_on": (60, 20, 10, 10)},
)
UNREGISTERED: Final = 60
"""Days within which a child ought to be registered with the police."""

DEATH: Final = CityDelivery(
    dataset="health.death",
    stem="死亡医学证明",
    form="sqlite",
    key="certificate_no",
    headers={
        column: column for column in ("certificate_no", "resident_id", "name", "sex", "death_date", "place")
    },
    coded={},
    spellings={"death_date": (100, 0, 0, 0)},
    table="death_certificate",
)


def birth(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of health.birth; the child's number comes back from the police after the registration."""
    certified, people = city[BIRTHS], city.people
    child, mother = certified.child[records], certified.mother[records]
    father = certified.father[records]
    known = pl.Series(father != NOBODY)
    nobody = pl.Series([""])
    number = pl.Series(records).cast(pl.String).str.zfill(7)
    hospitals = pl.Series(["人民医院", "妇幼保健院", "中医医院"])
    lot = noise(city.seed, "hospital", records)
    registered = pl.Series(people.registered[child] <= on)
    return pl.DataFrame(
        {
            "certificate_no": "W37" + number,
            "child_name": people.name.gather(child),
            "child_id": people.resident_id.gather(child).zip_with(registered, nobody),
            "sex": labelled(people.sex[child], SEXES),
            "birth_date": iso(people.birth[child]),
            "mother_name": people.name.gather(mother),
            "mother_id": people.resident_id.gather(mother),
            "mother_age": pl.Series(whole_years(people.birth[mother], people.birth[child])).cast(pl.String),
            "father_name": people.name.gather(np.maximum(father, 0)).zip_with(known, nobody),
            "father_id": people.resident_id.gather(np.maximum(father, 0)).zip_with(known, nobody),
            "hospital": city.county_names(mother) + hospitals.gather(np.searchsorted([4000, 8200], lot)),
            "issued_on": iso(certified.issued[records]),
        }
    )


def death(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of health.death; the sex is a code, as the health department's database has it."""
    person = city[DECEASED][records]
    places = pl.Series(["医疗卫生机构", "家中", "养老服务机构", "其他场所"])
    lot = noise(city.seed, "place of death", records)
    return pl.DataFrame(
        {
            "certificate_no": city[DEATH_NOS].gather(records),
            "resident_id": city.people.resident_id.gather(person),
            "name": city.people.name.gather(person),
            "sex": pl.Series(city.people.sex[person]).cast(pl.String),
            "death_date": iso(city.people.death[person]),
            "place": places.gather(np.searchsorted([4500, 8800, 9600], lot, side="right")),
        }
    )


def _fathers(city: City) -> Ints:
    """Who is named as the father; where nobody is, the mother once more."""
    father = city[BIRTHS].father
    return np.where(father == NOBODY, city[BIRTHS].mother, father)


EXTRACTS: Final = (
    Extract(
        BIRTH,
        lambda city, on: where(city[BIRTHS].issued <= on),
        birth,
        lambda city: (city[BIRTHS].child, city[BIRTHS].mother, _fathers(city)),
    ),
    Extract(
        DEATH,
        lambda city, on: where(city.people.death[city[DECEASED]] <= on),
        death,
        lambda city: (city[DECEASED],),
    ),
)
