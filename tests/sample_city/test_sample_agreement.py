"""Departments agree with each other wherever no error was planted: recomputed from the files."""

import datetime

import polars as pl
import pytest

from tests.sample_city.delivered import Delivered

SEXES = {"1": "男", "2": "女"}


@pytest.fixture(scope="module", params=["city", "later"])
def batch(request: pytest.FixtureRequest) -> Delivered:
    batch: Delivered = request.getfixturevalue(request.param)
    return batch


@pytest.fixture(scope="module")
def police(batch: Delivered) -> pl.DataFrame:
    """Rows of the police without a planted error, by resident ID."""
    return batch.unplanted("police.population")


def _beside(batch: Delivered, police: pl.DataFrame, dataset: str, key: str = "resident_id") -> pl.DataFrame:
    """Rows of another department beside the police's (columns police_…)."""
    theirs = batch.unplanted(dataset)
    mine = police.select(pl.all().name.prefix("police_"))
    return theirs.join(mine, left_on=key, right_on="police_resident_id")


def test_police_rows_are_those_of_the_truth(batch: Delivered, police: pl.DataFrame) -> None:
    persons = batch.truth["person"]
    both = police.join(persons, on="resident_id", suffix="_true")
    assert len(both) == len(police)
    for field in ("name", "birth_date", "household_no", "village_code", "address", "phone"):
        assert (both[field] == both[f"{field}_true"]).all(), field
    assert (both["sex"] == both["sex_true"].replace(SEXES)).all()


def test_birth_date_and_sex_follow_from_the_resident_id(police: pl.DataFrame) -> None:
    ids = police["resident_id"]
    assert (ids.str.slice(6, 8) == police["birth_date"].str.replace_all("-", "")).all()
    odd = ids.str.slice(16, 1).cast(pl.Int32) % 2 == 1
    assert (odd == (police["sex"] == "男")).all()


def test_each_resident_id_stands_once(police: pl.DataFrame) -> None:
    assert police["resident_id"].is_unique().all()


def test_allowance_agrees_with_the_police(batch: Delivered, police: pl.DataFrame) -> None:
    both = _beside(batch, police, "civil_affairs.subsistence_allowance")
    assert len(both) > 100
    for field in ("name", "household_no", "village_code"):
        assert (both[field] == both[f"police_{field}"]).all(), field


def test_everybody_on_the_allowance_is_registered(batch: Delivered) -> None:
    rows = batch.unplanted("civil_affairs.subsistence_allowance")
    ids = batch.clean["police.population"]["resident_id"]
    assert rows["resident_id"].is_in(ids.implode()).all()


def test_disability_certificates_agree_with_the_police(batch: Delivered, police: pl.DataFrame) -> None:
    both = _beside(batch, police, "disabled_persons.certificate")
    assert len(both) > 400
    for field in ("name", "sex", "village_code", "phone"):
        assert (both[field] == both[f"police_{field}"]).all(), field


def test_certificate_numbers_are_made_of_id_type_and_grade(batch: Delivered) -> None:
    rows = batch.unplanted("disabled_persons.certificate")
    kinds = dict(zip(("视力", "听力", "言语", "肢体", "智力", "精神", "多重"), "1234567", strict=True))
    grades = dict(zip(("一级", "二级", "三级", "四级"), "1234", strict=True))
    parts = (
        rows["resident_id"]
        + rows["disability_type"].replace_strict(kinds)
        + rows["disability_grade"].replace_strict(grades)
    )
    assert (rows["certificate_no"] == parts).all()
    assert rows["certificate_no"].is_unique().all()
    assert rows["resident_id"].is_unique().all()


def test_police_say_what_the_registry_says_last(batch: Delivered, police: pl.DataFrame) -> None:
    registry = batch.clean["civil_affairs.marriage"]
    wrong = batch.truth["errors"].filter(pl.col("kind") == "marital_status_outdated")["record_key"]
    sides = pl.concat(
        registry.select("registration_type", "registered_on", resident_id=f"{side}_id", name=f"{side}_name")
        for side in ("male", "female")
    )
    last = sides.sort("registered_on").group_by("resident_id").last()
    both = last.join(police, on="resident_id", suffix="_police")
    said = both["registration_type"].replace({"结婚登记": "已婚", "离婚登记": "离婚"})
    assert len(both) > 300
    assert (said == both["marital_status"]).all()
    assert (both["name"] == both["name_police"]).all()
    assert wrong.is_in(sides["resident_id"].implode()).all()


def test_bride_and_bridegroom_are_of_legal_age(batch: Delivered) -> None:
    rows = batch.unplanted("civil_affairs.marriage").filter(pl.col("registration_type") == "结婚登记")
    on = rows["registered_on"].str.to_date("%Y-%m-%d")
    for side, age in (("male", 22), ("female", 20)):
        birth = rows[f"{side}_id"].str.slice(6, 8).str.to_date("%Y%m%d")
        assert (birth.dt.offset_by(f"{age}y") <= on).all()


def test_offices_register_on_working_days(batch: Delivered) -> None:
    on = batch.unplanted("civil_affairs.marriage")["registered_on"].str.to_date("%Y-%m-%d")
    assert on.dt.weekday().max() <= 5


def test_who_died_more_than_thirty_days_ago_is_no_longer_registered(
    batch: Delivered, police: pl.DataFrame
) -> None:
    deaths = batch.clean["health.death"]
    long_ago = (batch.summary.batch - datetime.timedelta(days=30)).isoformat()
    before = deaths.filter(pl.col("death_date") < long_ago)
    assert len(before) > 50
    assert not before["resident_id"].is_in(police["resident_id"].implode()).any()


def test_deaths_agree_with_the_truth(batch: Delivered) -> None:
    deaths = batch.clean["health.death"]
    both = deaths.join(batch.truth["person"], on="resident_id", suffix="_true")
    assert len(both) == len(deaths) == (batch.truth["person"]["death_date"] != "").sum()
    for field in ("name", "sex", "death_date"):
        assert (both[field] == both[f"{field}_true"]).all(), field


def test_legal_representatives_are_living_residents_of_age(batch: Delivered, police: pl.DataFrame) -> None:
    both = _beside(batch, police, "market_regulation.enterprise", "legal_representative_id")
    assert len(both) > 500
    assert (both["legal_representative"] == both["police_name"]).all()
    founded = both["established_on"].str.to_date("%Y-%m-%d")
    birth = both["legal_representative_id"].str.slice(6, 8).str.to_date("%Y%m%d")
    assert (birth.dt.offset_by("18y") <= founded).all()
    known = batch.truth["person"].filter(pl.col("death_date") == "")["resident_id"]
    rows = batch.clean["market_regulation.enterprise"]
    assert rows["legal_representative_id"].is_in(known.implode()).all()


def test_homes_belong_to_grown_ups_of_their_household(batch: Delivered, police: pl.DataFrame) -> None:
    homes = batch.unplanted("housing.dwelling").filter(pl.col("household_no") != "")
    households = batch.truth["household"]
    assert homes["household_no"].is_unique().all()
    assert set(homes["household_no"]) <= set(households["household_no"])
    odd = batch.truth["unusual"].filter(pl.col("dataset") == "housing.dwelling")
    assert len(households) - len(homes) <= len(odd)
    persons = batch.truth["person"].select("resident_id", "name", home="household_no")
    both = homes.join(persons, left_on="owner_id", right_on="resident_id")
    assert len(both) == len(homes)
    assert (both["owner_name"] == both["name"]).all()
    assert (both["home"] == both["household_no"]).mean() > 0.95
    places = homes.join(households, on="household_no", suffix="_true")
    short = places["address_true"].str.replace("^山东省(烟台市)?", "")
    assert ((places["address"] == places["address_true"]) | (places["address"] == short)).all()
    assert (places["village_code"] == places["village_code_true"]).all()


def test_no_dwelling_belongs_to_somebody_who_died(batch: Delivered) -> None:
    living = batch.truth["person"].filter(pl.col("death_date") == "")["resident_id"]
    assert batch.unplanted("housing.dwelling")["owner_id"].is_in(living.implode()).all()


def test_amounts_lie_in_the_declared_range(batch: Delivered) -> None:
    amounts = batch.unplanted("civil_affairs.subsistence_allowance")["monthly_amount"].cast(pl.Float64)
    assert amounts.is_between(0, 5000).all()


def test_nothing_is_dated_after_the_batch(batch: Delivered) -> None:
    day = batch.summary.batch.isoformat()
    for dataset in batch.clean:
        rows = batch.unplanted(dataset)
        for field in rows.columns:
            if field.endswith(("_on", "_date")) and field != "next_inspection_on":
                assert rows[field].max() <= day, f"{dataset}.{field}"
