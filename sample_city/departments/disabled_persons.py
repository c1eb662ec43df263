"""The disabled persons' federation (残联): disability certificates."""

from typing import Final

import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import iso
from sample_city.world.city import City
from sample_city.world.topics.benefits import CERTIFICATES
from sample_city.world.views import SEXES, labelled, where

DISABILITIES: Final = dict(enumerate(["视力", "听力", "言语", "肢体", "智力", "精神", "多重"], start=1))
GRADES: Final = dict(enumerate(["一级", "二级", "三级", "四级"], start=1))

CERTIFICATE: Final = CityDelivery(
    dataset="disabled_persons.certificate",
    stem="残疾人证",
    form="xlsx",
    key="certificate_no",
    headers={
        "certificate_no": "残疾人证号",
        "resident_id": "身份证号",
        "name": "姓名",
        "sex": "性别",
        "disability_type": "残疾类别",
        "disability_grade": "残疾等级",
        "issued_on": "发证日期",
        "village_code": "村居代码",
        "phone": "联系电话",
    },
    coded={
        "sex": "sex",
        "disability_type": "disability_type",
        "disability_grade": "disability_grade",
    },
    above=("烟台市持证残疾人信息表",),
    below=("说明：残疾人证号由身份证号加残疾类别代码、残疾等级代码组成。",),
    spellings={"issued_on": (40, 20, 25, 15)},
)


def certificate(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of disabled_persons.certificate."""
    held, people = city[CERTIFICATES], city.people
    person = held.person[records]
    resident_id = people.resident_id.gather(person)
    kind, grade = held.kind[records], held.grade[records]
    village = city.homes.village[people.household[person]]
    return pl.DataFrame(
        {
            "certificate_no": resident_id + pl.Series(kind * 10 + grade).cast(pl.String),
            "resident_id": resident_id,
            "name": people.name.gather(person),
            "sex": labelled(people.sex[person], SEXES),
            "disability_type": labelled(kind, DISABILITIES),
            "disability_grade": labelled(grade, GRADES),
            "issued_on": iso(held.issued[records]),
            "village_code": city.territory.column("code").gather(village),
            "phone": people.phone.gather(person),
        }
    )


EXTRACTS: Final = (
    Extract(
        CERTIFICATE,
        lambda city, on: where(
            (city[CERTIFICATES].issued <= on) & (city.people.cancelled[city[CERTIFICATES].person] > on)
        ),
        certificate,
        lambda city: (city[CERTIFICATES].person,),
    ),
)
