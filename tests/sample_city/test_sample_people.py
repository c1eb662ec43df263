"""Extracts about people beside the register: they agree with it, follow the calendar, and err as declared."""

import datetime

import polars as pl
import pytest
from stdnum.cn import ric

from tests.sample_city.delivered import Delivered

GRADES = {
    f"{stage}{numeral}年级": number
    for number, (stage, numeral) in enumerate(
        [("小学", n) for n in "一二三四五六"] + [(s, n) for s in ("初中", "高中") for n in "一二三"], start=1
    )
}
NAMED = {
    "police.cancellation": "resident_id",
    "medical_insurance.enrolment": "resident_id",
    "human_resources.pension": "resident_id",
    "human_resources.employment": "resident_id",
    "education.school_roll": "resident_id",
    "civil_affairs.elderly_allowance": "resident_id",
    "health.birth": "mother_id",
}


@pytest.fixture(scope="module", params=["city", "later"])
def batch(request: pytest.FixtureRequest) -> Delivered:
    batch: Delivered = request.getfixturevalue(request.param)
    return batch


@pytest.fixture(scope="module")
def persons(batch: Delivered) -> pl.DataFrame:
    return batch.truth["person"]


def day(column: str) -> pl.Expr:
    return pl.col(column).str.to_date("%Y-%m-%d")


def born(column: str) -> pl.Expr:
    return pl.col(column).str.slice(6, 8).str.to_date("%Y%m%d")


def age(birth: pl.Expr, on: pl.Expr) -> pl.Expr:
    """Full years; polars moves the 29th of February to the 28th where the year lacks it."""
    years = on.dt.year() - birth.dt.year()
    return years - (birth.dt.offset_by(pl.format("{}y", years)) > on).cast(pl.Int32)


@pytest.mark.parametrize("dataset", NAMED)
def test_everybody_named_is_in_the_register_or_was_with_the_same_facts(
    batch: Delivered, persons: pl.DataFrame, dataset: str
) -> None:
    key = NAMED[dataset]
    rows = batch.unplanted(dataset)
    both = rows.join(persons, left_on=key, right_on="resident_id", suffix="_true")
    assert len(both) == len(rows) > 100
    name = "mother_name" if dataset == "health.birth" else "name"
    assert (both[name] == both["name_true" if name == "name" else "name"]).all()
    if "village_code" in rows.columns:
        assert (both["village_code"] == both["village_code_true"]).all()
    if "birth_date" in rows.columns and dataset != "health.birth":
        assert (both["birth_date"] == both["birth_date_true"]).all()


def test_who_is_cancelled_is_no_longer_registered(batch: Delivered, persons: pl.DataFrame) -> None:
    cancelled = batch.unplanted("police.cancellation")
    registered = persons.filter(pl.col("household_no") != "")
    gone = persons.filter(pl.col("household_no") == "")
    assert set(cancelled["resident_id"]) <= set(gone["resident_id"])
    assert not cancelled["resident_id"].is_in(registered["resident_id"].implode()).any()
    both = cancelled.join(persons, on="resident_id", suffix="_true")
    assert ((both["reason"] == "死亡") == (both["death_date"] != "")).all()
    late = both.filter(pl.col("reason") == "死亡").select(
        (day("cancelled_on") - day("death_date")).dt.total_days()
    )
    assert late.to_series().is_between(0, 30).all()
    assert ((both["reason"] == "迁出市外") == (both["destination"] != "")).all()


def test_children_are_certified_by_parents_of_age(batch: Delivered) -> None:
    rows = batch.unplanted("health.birth")
    mothers = rows.select(
        age=age(born("mother_id"), day("birth_date")), said=pl.col("mother_age").cast(pl.Int32)
    )
    assert (mothers["age"] == mothers["said"]).all()
    assert mothers["age"].is_between(18, 50).all()
    assert rows["mother_id"].str.slice(16, 1).cast(pl.Int32).is_in([0, 2, 4, 6, 8]).all()
    fathers = rows.filter(pl.col("father_id") != "")
    assert fathers["father_id"].str.slice(16, 1).cast(pl.Int32).is_in([1, 3, 5, 7, 9]).all()
    days = rows.select(
        known=(pl.lit(batch.summary.batch) - day("birth_date")).dt.total_days(),
        issued=(day("issued_on") - day("birth_date")).dt.total_days(),
    )
    assert days["issued"].is_between(0, 7).all()
    unregistered = rows.filter(pl.col("child_id") == "").height
    assert unregistered < len(rows) / 10
    assert (rows["child_id"] != "").filter(days["known"] > 60).all()


def test_nearly_everybody_is_insured_and_nobody_who_died_long_ago(
    batch: Delivered, persons: pl.DataFrame
) -> None:
    rows = batch.unplanted("medical_insurance.enrolment")
    both = rows.join(persons, on="resident_id", suffix="_true")
    registered = both.filter(pl.col("household_no") != "")
    assert 0.82 < len(registered) / persons.filter(pl.col("household_no") != "").height < 0.92
    dead = both.filter(pl.col("death_date") != "").select(
        "status", ago=(pl.lit(batch.summary.batch) - day("death_date")).dt.total_days()
    )
    assert ((dead["status"] == "终止参保") == (dead["ago"] > 30)).all()
    employees = rows.filter(pl.col("insured_type") == "职工基本医疗保险")
    assert employees.select(age(born("resident_id"), pl.lit(batch.summary.batch))).to_series().min() >= 16


def test_pensions_begin_with_the_age_of_retirement_and_are_certified_every_year(batch: Delivered) -> None:
    rows = batch.unplanted("human_resources.pension")
    ages = rows.select("pension_type", age=age(born("resident_id"), day("started_on")))
    assert ages["age"].min() >= 55
    assert ages.filter(pl.col("pension_type").str.starts_with("城乡"))["age"].min() >= 60
    paid = rows.filter((pl.col("status") == "正常发放") & (pl.col("certified_on") != ""))
    waited = paid.select((pl.lit(batch.summary.batch) - day("certified_on")).dt.total_days()).to_series()
    assert waited.min() >= 0 and waited.max() < 400
    assert rows["resident_id"].is_unique().all()


def test_grades_follow_from_the_birthday_and_the_september(batch: Delivered) -> None:
    rows = batch.unplanted("education.school_roll")
    on = batch.summary.batch
    begun = on.year if on.month >= 9 else on.year - 1
    by_september = age(born("resident_id"), pl.lit(datetime.date(begun, 8, 31)))
    grades = rows.select(
        expected=by_september - 5, said=pl.col("grade").replace_strict(GRADES, return_dtype=pl.Int32)
    )
    assert (grades["expected"] == grades["said"]).all()
    assert (rows["student_no"] == "G" + rows["resident_id"]).all()
    stages = rows.select(
        pl.col("school_name").str.contains("小学") == pl.col("grade").str.starts_with("小学")
    )
    assert stages.to_series().all()


def test_the_elderly_get_what_their_age_calls_for(batch: Delivered) -> None:
    rows = batch.unplanted("civil_affairs.elderly_allowance").with_columns(
        age=age(born("resident_id"), pl.lit(batch.summary.batch)),
        at_start=age(born("resident_id"), day("started_on")),
    )
    assert rows["at_start"].min() >= 80
    bands = {range(80, 90): "100", range(90, 100): "300", range(100, 130): "800"}
    for ages, amount in bands.items():
        assert set(rows.filter(pl.col("age").is_in(list(ages)))["monthly_amount"]) <= {amount}
    assert rows["card_no"].is_unique().all()


def test_workers_work_for_enterprises_that_exist(batch: Delivered) -> None:
    rows = batch.unplanted("human_resources.employment")
    register = batch.clean["market_regulation.enterprise"].select("uscc", "status")
    known = batch.unplanted("market_regulation.enterprise").select("uscc", "established_on")
    hired = rows.filter(pl.col("employment_type") == "单位就业")
    both = hired.join(register, left_on="employer_uscc", right_on="uscc")
    assert len(both) == len(hired) > 500
    assert (both["status"] == "存续").all()
    since = hired.join(known, left_on="employer_uscc", right_on="uscc")
    assert (since["started_on"] > since["established_on"]).all()
    assert (rows.filter(pl.col("employment_type") != "单位就业")["employer_uscc"] == "").all()
    ages = rows.select(age=age(born("resident_id"), day("started_on")))["age"]
    assert ages.is_between(18, 60).all()


def errors_of(batch: Delivered, dataset: str, kind: str) -> pl.DataFrame:
    errors = batch.truth["errors"].filter((pl.col("dataset") == dataset) & (pl.col("kind") == kind))
    at = errors.select(pl.col("row").cast(pl.Int64).alias("_row"), pl.col("part").alias("_part"), "right")
    return batch.clean[dataset].join(at, on=["_row", "_part"])


def test_spreadsheets_lose_the_last_digits_of_numbers(batch: Delivered) -> None:
    for dataset in ("police.cancellation", "medical_insurance.enrolment", "human_resources.pension"):
        for number, right in (
            errors_of(batch, dataset, "resident_id_shortened").select("resident_id", "right").rows()
        ):
            assert number == right[:15] + "000"
            assert number[-1] != ric.calc_check_digit(number) or not ric.is_valid(number)
    fathers = errors_of(batch, "health.birth", "father_id_shortened")
    assert fathers["father_id"].str.contains(r"^\d\.\d{5}E\+17$").all()


def test_a_later_batch_goes_on_from_the_earlier(city: Delivered, later: Delivered) -> None:
    for dataset, key in (
        ("health.birth", "certificate_no"),
        ("human_resources.pension", "pension_no"),
        ("medical_insurance.enrolment", "resident_id"),
    ):
        before, after = city.unplanted(dataset, key), later.unplanted(dataset, key)
        assert len(before.join(after, on=key, how="anti")) <= 3, dataset
        assert len(after.join(before, on=key, how="anti")) >= 3, dataset
    first, second = (each.unplanted("human_resources.pension") for each in (city, later))
    both = first.join(second, on="pension_no", suffix="_later")
    both = both.filter((pl.col("certified_on") != "") & (pl.col("certified_on_later") != ""))
    assert (both["certified_on_later"] >= both["certified_on"]).all()
    assert (both["certified_on_later"] > both["certified_on"]).sum() > 100
