"""Households make sense: heads, couples, children, ages, statuses, addresses."""

import polars as pl
import pytest

from tests.sample_city.delivered import Delivered

HEAD, SPOUSE, SON, DAUGHTER, FATHER, MOTHER = "02", "10", "20", "30", "51", "52"


@pytest.fixture(scope="module", params=["city", "later"])
def registered(request: pytest.FixtureRequest) -> pl.DataFrame:
    """Everybody registered, with the age in years on the day."""
    batch: Delivered = request.getfixturevalue(request.param)
    on = pl.lit(batch.summary.batch)
    born = pl.col("birth_date").str.to_date("%Y-%m-%d")
    persons = batch.truth["person"].filter(pl.col("household_no") != "")
    return persons.with_columns(age=(on - born).dt.total_days() / 365.2425)


def _beside(registered: pl.DataFrame, relations: list[str]) -> pl.DataFrame:
    """Members with these relations, beside the head of their household (columns head_…)."""
    heads = registered.filter(pl.col("relation") == HEAD)
    heads = heads.select("household_no", pl.exclude("household_no").name.prefix("head_"))
    return registered.filter(pl.col("relation").is_in(relations)).join(heads, on="household_no")


def test_every_household_has_exactly_one_head(registered: pl.DataFrame) -> None:
    heads = registered.group_by("household_no").agg(n=(pl.col("relation") == HEAD).sum())
    assert (heads["n"] == 1).all()


def test_every_delivered_household_has_exactly_one_head(city: Delivered) -> None:
    rows = city.unplanted("police.population")
    planted = city.truth["errors"].filter(pl.col("dataset") == "police.population")
    late = planted.filter(pl.col("kind") == "deceased_still_registered")["record_key"]
    alone = city.clean["police.population"].filter(pl.col("resident_id").is_in(late.implode()))
    assert (alone.join(rows, on="household_no", how="anti")["relation"] == "户主").all()
    copies = planted.filter(pl.col("kind") == "duplicate_row")["row"].cast(pl.Int64)
    single = city.clean["police.population"].filter(~pl.col("_row").is_in(copies.implode()))
    heads = single.group_by("household_no").agg(n=(pl.col("relation") == "户主").sum())
    assert (heads["n"] == 1).all()


def test_heads_are_grown_up(registered: pl.DataFrame) -> None:
    assert registered.filter(pl.col("relation") == HEAD)["age"].min() >= 18


def test_spouses_are_of_the_other_sex_similar_age_and_equally_married(registered: pl.DataFrame) -> None:
    couples = _beside(registered, [SPOUSE])
    assert len(couples) > 1_500
    assert (couples["sex"] != couples["head_sex"]).all()
    assert (couples["age"] - couples["head_age"]).abs().max() < 12
    assert (couples["marital_status"] == "20").all()
    assert (couples["head_marital_status"] == "20").all()


def test_parents_are_of_an_age_to_have_their_children(registered: pl.DataFrame) -> None:
    children = _beside(registered, [SON, DAUGHTER])
    gap = children["head_age"] - children["age"]
    assert gap.min() > 17.9
    assert gap.max() < 60
    parents = _beside(registered, [FATHER, MOTHER])
    assert (parents["age"] - parents["head_age"]).min() > 16
    assert parents["age"].max() < 105


def test_relations_agree_with_sex(registered: pl.DataFrame) -> None:
    said = {SON: "1", DAUGHTER: "2", FATHER: "1", MOTHER: "2"}
    for relation, sex in said.items():
        assert (registered.filter(pl.col("relation") == relation)["sex"] == sex).all()


def test_children_mostly_bear_the_surname_of_the_father(registered: pl.DataFrame) -> None:
    fathers = _beside(registered, [SON, DAUGHTER]).filter(pl.col("head_sex") == "1")
    same = fathers["name"].str.head(1) == fathers["head_name"].str.head(1)
    assert 0.92 < same.mean() < 0.99


def test_one_household_has_one_address_and_village(registered: pl.DataFrame) -> None:
    places = registered.group_by("household_no").agg(pl.col("address", "village_code").n_unique())
    assert (places["address"] == 1).all()
    assert (places["village_code"] == 1).all()


def test_nobody_is_married_before_the_legal_age(registered: pl.DataFrame) -> None:
    ever = registered.filter(pl.col("marital_status") != "10")
    assert ever.filter(pl.col("sex") == "1")["age"].min() >= 22
    assert ever.filter(pl.col("sex") == "2")["age"].min() >= 20


def test_the_city_is_an_ageing_one(registered: pl.DataFrame) -> None:
    assert 0.22 < (registered["age"] >= 60).mean() < 0.32
    assert 0.10 < (registered["age"] < 15).mean() < 0.18
    assert 0.46 < (registered["sex"] == "1").mean() < 0.53


def test_names_of_all_sorts_occur(registered: pl.DataFrame) -> None:
    names = registered["name"]
    assert names.str.contains("^(王|张|李|刘)").mean() > 0.25
    assert 0.1 < (names.str.len_chars() == 2).mean() < 0.25
    assert names.str.contains("·").sum() >= 1
    assert names.str.contains("^(欧阳|司马|上官|诸葛|东方|尉迟|夏侯|皇甫|慕容|司徒|端木)").sum() >= 1
    assert registered["ethnic_group"].n_unique() >= 5
    assert (registered["ethnic_group"] == "01").mean() > 0.97


def test_truth_tells_each_household_once(city: Delivered) -> None:
    households = city.truth["household"]
    sizes = city.truth["person"].filter(pl.col("household_no") != "").group_by("household_no").len()
    both = households.join(sizes, on="household_no")
    assert len(both) == len(households) == len(sizes)
    assert (both["members"].cast(pl.UInt32) == both["len"]).all()
    heads = city.truth["person"].filter(pl.col("relation") == HEAD)["resident_id"]
    assert set(households["head_id"]) == set(heads)
