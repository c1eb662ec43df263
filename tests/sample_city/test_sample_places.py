"""Grids, vehicles, equipment, premises and taxpayers: they agree with the city, and err where it is said."""

import polars as pl
import pytest

from tests.sample_city.delivered import Delivered

ENDED = ["注销", "吊销"]


@pytest.fixture(scope="module", params=["city", "later"])
def batch(request: pytest.FixtureRequest) -> Delivered:
    batch: Delivered = request.getfixturevalue(request.param)
    return batch


@pytest.fixture(scope="module")
def register(batch: Delivered) -> pl.DataFrame:
    """The market regulator's rows without an error, columns register_…"""
    return batch.unplanted("market_regulation.enterprise").select(pl.all().name.prefix("register_"))


def _registered(batch: Delivered, register: pl.DataFrame, dataset: str, key: str = "uscc") -> pl.DataFrame:
    rows = batch.unplanted(dataset)
    return rows.join(register, left_on=key, right_on="register_uscc")


def _planted(batch: Delivered, dataset: str, kind: str) -> pl.DataFrame:
    errors = batch.truth["errors"].filter((pl.col("dataset") == dataset) & (pl.col("kind") == kind))
    at = errors.select(
        pl.col("row").cast(pl.Int64).alias("_row"), pl.col("part").alias("_part"), "delivered", "right"
    )
    rows = batch.clean[dataset].join(at, on=["_row", "_part"])
    assert len(rows) == len(errors) > 0, (dataset, kind)
    return rows


def _days(column: str) -> pl.Expr:
    return pl.col(column).str.to_date("%Y-%m-%d")


def test_every_village_has_one_to_four_grids_with_a_worker_from_the_register(batch: Delivered) -> None:
    grids = batch.unplanted("grid.grid")
    assert (grids["grid_code"].str.head(12) == grids["village_code"]).all()
    sizes = batch.clean["grid.grid"].group_by(pl.col("grid_code").str.head(12)).len()["len"]
    assert set(sizes) == {1, 2, 3, 4}
    persons = batch.truth["person"].filter(pl.col("household_no") != "")
    both = grids.join(persons, left_on="worker_id", right_on="resident_id")
    assert len(both) == len(grids)
    assert (both["worker_name"] == both["name"]).all() and (both["worker_phone"] == both["phone"]).all()


def test_collected_residents_are_the_registered_people_of_seven_in_ten_villages(batch: Delivered) -> None:
    rows = batch.unplanted("grid.resident")
    persons = batch.truth["person"].filter(pl.col("household_no") != "")
    both = rows.join(persons, on="resident_id", suffix="_true")
    assert len(both) == len(rows)
    assert (both["name"] == both["name_true"]).all()
    assert (rows["grid_code"].str.head(12) == rows["village_code"]).all()
    home = both.filter(pl.col("residence_kind").is_in(["户籍人口", "1"]))
    assert (home["village_code"] == home["village_code_true"]).all()
    away = both.filter(pl.col("residence_kind").is_in(["流动人口", "2"]))
    assert len(away) > 50 and (away["village_code"] != away["village_code_true"]).all()
    villages = rows["village_code"].n_unique() / persons["village_code"].n_unique()
    assert 0.6 < villages < 0.8


def test_owners_of_vehicles_are_in_the_registers(batch: Delivered, register: pl.DataFrame) -> None:
    rows = batch.unplanted("police.vehicle")
    persons = batch.truth["person"].filter(pl.col("household_no") != "")
    private, company = rows.filter(pl.col("owner_id") != ""), rows.filter(pl.col("owner_uscc") != "")
    assert len(private) + len(company) == len(rows)
    assert len(private) > 1000 and len(company) > 100
    both = private.join(persons, left_on="owner_id", right_on="resident_id")
    assert len(private) - len(both) <= 2 and (both["owner_name"] == both["name"]).all()
    owned = company.join(register, left_on="owner_uscc", right_on="register_uscc")
    assert (owned["owner_name"] == owned["register_name"]).all()


def test_plates_and_vehicle_numbers_are_well_formed_and_distinct(batch: Delivered) -> None:
    rows = batch.unplanted("police.vehicle")
    plates = rows["plate_no"].str.to_uppercase()
    assert plates.str.contains("^鲁[FY]([A-HJ-NP-Z0-9]{5}|[DF][A-HJ-NP-Z0-9][0-9]{4})$").all()
    assert plates.is_unique().all()
    new_energy = rows["plate_kind"].is_in(["小型新能源汽车", "52"])
    assert ((plates.str.len_chars() == 8) == new_energy).all()
    assert rows["vin"].is_unique().all()


def test_the_ninth_character_of_a_vehicle_number_checks_the_others(batch: Delivered) -> None:
    worth = dict(
        zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "012345678912345678123457923456789"), strict=True)
    )
    weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
    for vin in batch.clean["police.vehicle"]["vin"].head(200):
        total = sum(worth[character] * weight for character, weight in zip(vin, weights, strict=True))
        assert vin[8] == "0123456789X"[total % 11]


def test_taxpayers_agree_with_the_register(batch: Delivered, register: pl.DataFrame) -> None:
    rows = _registered(batch, register, "tax.enterprise")
    assert len(rows) > 300
    for field in ("name", "legal_representative", "legal_representative_id"):
        assert (rows[field] == rows[f"register_{field}"]).all(), field
    struck = rows.filter(pl.col("register_status") == "注销")
    assert len(struck) > 3 and struck["status"].is_in(["注销", "3"]).all()
    late = rows.select(
        (_days("registered_on") - _days("register_established_on")).dt.total_days()
    ).to_series()
    assert late.is_between(1, 30).all()


def test_equipment_is_inspected_in_time_while_it_is_in_use(batch: Delivered) -> None:
    rows = batch.unplanted("market_regulation.special_equipment")
    day = batch.summary.batch.isoformat()
    used = rows.filter(pl.col("status").is_in(["在用", "1"]))
    assert len(used) > 100 and (used["next_inspection_on"] >= day).all()
    assert (rows["manufactured_on"] <= rows["registered_on"]).all()
    assert (rows["registered_on"] <= rows["inspected_on"]).all()


def test_premises_stand_where_their_enterprise_is(batch: Delivered, register: pl.DataFrame) -> None:
    rows = _registered(batch, register, "emergency.small_premises")
    assert len(rows) > 100
    for field in ("name", "village_code", "phone"):
        assert (rows[field] == rows[f"register_{field}"]).all(), field
    stalls = batch.unplanted("emergency.small_premises").filter(pl.col("uscc") == "")
    assert len(stalls) > 20 and stalls["name"].str.ends_with("摊位").all()


def test_what_inspectors_find_is_mended_within_thirty_days(batch: Delivered) -> None:
    rows = batch.unplanted("emergency.inspection")
    assert rows["premises_no"].is_in(batch.clean["emergency.small_premises"]["premises_no"].implode()).all()
    passed = rows["result"].is_in(["合格", "1"])
    assert ((rows["hazards"] == "0") == passed).all()
    found = rows.filter(~passed)
    open_, mended = found.filter(pl.col("rectified_on") == ""), found.filter(pl.col("rectified_on") != "")
    taken = mended.select((_days("rectified_on") - _days("inspected_on")).dt.total_days()).to_series()
    assert taken.is_between(1, 30).all()
    waiting = (
        pl.Series([batch.summary.batch]) - open_.select(_days("inspected_on")).to_series()
    ).dt.total_days()
    assert waiting.is_between(0, 30).all()


def test_registers_of_the_places_only_grow(city: Delivered, later: Delivered) -> None:
    for dataset, key in (
        ("grid.grid", "grid_code"),
        ("police.vehicle", "vin"),
        ("market_regulation.special_equipment", "equipment_no"),
        ("emergency.small_premises", "premises_no"),
        ("emergency.inspection", "inspection_no"),
        ("tax.enterprise", "uscc"),
    ):
        before, after = city.unplanted(dataset, key), later.clean[dataset]
        mistyped = later.truth["errors"].filter(pl.col("field") == key)["right"]
        assert set(before.join(after, on=key, how="anti")[key]) <= set(mistyped), dataset
        assert len(after) >= len(before)
