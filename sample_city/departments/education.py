"""Education (教育局): school rolls."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.identifiers import with_resident_check
from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.timeline import iso
from sample_city.world.city import City
from sample_city.world.topics.schooling import GRADES, PUPILS, TERM_BEGINS, school_year
from sample_city.world.views import SEXES, labelled, where

STAGES: Final = ("小学", "初中", "高中")
NUMERALS: Final = "一二三四五六"
GRADE_NAMES: Final = {
    grade: f"{STAGES[(grade > 6) + (grade > 9)]}{NUMERALS[(grade - 1) % 6 if grade < 7 else (grade - 1) % 3]}年级"
    for grade in range(1, GRADES + 1)
}
FORMER_NUMBER: Final = 60
"""Of ten thousand pupils."""
CLASSES: Final = 6

SCHOOL_ROLL: Final = CityDelivery(
    dataset="education.school_roll",
    stem="学籍",
    form="csv",
    encoding="utf-8-sig",
    key="student_no",
    headers={
        "student_no": "学籍号",
        "resident_id": "身份证件号",
        "name": "姓名",
        "sex": "性别",
        "birth_date": "出生日期",
        "school_code": "学校标识码",
        "school_name": "学校名称",
        "grade": "年级",
        "class_name": "班级",
        "enrolled_on": "入学日期",
    },
    coded={"sex": "sex", "grade": "school_grade"},
    spellings={"birth_date": (30, 60, 5, 5), "enrolled_on": (40, 40, 10, 10)},
)


def school_roll(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of education.school_roll."""
    people, person, entry = city.people, city[PUPILS].person[records], city[PUPILS].entry[records]
    grade = np.clip(school_year(on) - entry + 1, 1, GRADES)
    stage = (grade > 6).astype(np.int32) + (grade > 9)
    resident_id = people.resident_id.gather(person)
    former = with_resident_check(resident_id.str.head(14) + "97" + resident_id.str.slice(16, 1))
    code, school = _schools(city, person, stage)
    begun = entry + np.array([0, 6, 9])[stage]
    first = pl.Series(begun).cast(pl.String) + f"-{TERM_BEGINS:02}-01"
    number = noise(city.seed, "class", person) % CLASSES + 1
    return pl.DataFrame(
        {
            "student_no": "G" + former.zip_with(pl.Series(former_number(city, person)), resident_id),
            "resident_id": resident_id,
            "name": people.name.gather(person),
            "sex": labelled(people.sex[person], SEXES),
            "birth_date": iso(people.birth[person]),
            "school_code": code,
            "school_name": school,
            "grade": labelled(grade, GRADE_NAMES),
            "class_name": pl.Series(number).cast(pl.String) + "班",
            "enrolled_on": first,
        }
    )


def former_number(city: City, person: Ints) -> Mask:
    """Who got another resident ID since the school gave out the number, which keeps the former one."""
    former: Mask = noise(city.seed, "former number", person) < FORMER_NUMBER
    return former


def _schools(city: City, person: Ints, stage: Ints) -> tuple[pl.Series, pl.Series]:
    """Code and name: a primary and a junior school in every township, a senior one in every county."""
    place = city.territory.villages[city.homes.village[city.people.household[person]]]
    senior = pl.Series("senior", stage == 2)
    kind = pl.Series("kind", stage + 1).cast(pl.String)
    town = pl.col("township").str.replace("(街道|镇|乡)$", "")
    school = pl.Series("school", ["中心小学", "初级中学", "第一中学"]).gather(stage)
    named = place.with_columns(senior, kind, school.alias("school"))
    both = named.select(
        code=pl.when("senior").then(pl.col("county_code") + "000").otherwise("township_code")
        + pl.col("kind"),
        name=pl.when("senior").then("county").otherwise(pl.col("county") + town) + pl.col("school"),
    )
    return both["code"], both["name"]


def _enrolled_again(rows: pl.DataFrame) -> pl.DataFrame:
    """The same pupil on the roll of another school, under a provisional number."""
    number = pl.lit("L") + pl.col("student_no").str.slice(1)
    return rows.with_columns(
        number.alias("student_no"),
        pl.col("school_name").str.replace("(中心小学|初级中学|第一中学)$", "实验学校").alias("school_name"),
        (pl.col("school_code").str.head(9) + "9").alias("school_code"),
    )


def at_school(city: City, on: int) -> Ints:
    """Records of who is in one of the twelve grades on that day."""
    person, grade = city[PUPILS].person, school_year(on) - city[PUPILS].entry + 1
    here = (city.people.registered[person] <= on) & (city.people.cancelled[person] > on)
    return where(here & (grade >= 1) & (grade <= GRADES))


EXTRACTS: Final = (
    Extract(SCHOOL_ROLL, at_school, school_roll, lambda city: (city[PUPILS].person,), again=_enrolled_again),
)
