"""Planted errors: each stands where the truth says, and is an error."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml
from stdnum.cn import ric, uscc

import sample_city
from sample_city.registry import EXTRACTS
from schemas.codes import load_code_table
from tests.sample_city.delivered import Delivered

KEYS = {extract.delivery.dataset: extract.delivery.key for extract in EXTRACTS}
RATES = yaml.safe_load((Path(sample_city.__file__).parent / "data" / "errors.yaml").read_text("utf-8"))
WITHOUT_RIGHT = {
    "collected_twice",
    "deceased_still_collected",
    "deceased_still_employed",
    "deceased_still_registered",
    "duplicate_row",
    "moved_out_still_registered",
    "registered_twice",
    "retired_still_employed",
    "two_pensions",
    "two_school_rolls",
}
"""Where the row itself is the error."""
WRONG_KEYS = ["resident_id_check_character", "duplicate_row", "broken_reference", "resident_id_shortened"]


@pytest.fixture(scope="module", params=["city", "later"])
def batch(request: pytest.FixtureRequest) -> Delivered:
    batch: Delivered = request.getfixturevalue(request.param)
    return batch


def _rows(batch: Delivered, kind: str, dataset: str) -> pl.DataFrame:
    """Errors of a kind beside their delivered rows (clean, with `delivered` and `right`)."""
    errors = batch.truth["errors"].filter((pl.col("kind") == kind) & (pl.col("dataset") == dataset))
    assert len(errors), (kind, dataset)
    place = (pl.col("row").cast(pl.Int64).alias("_row"), pl.col("part").alias("_part"))
    at = errors.select(*place, "delivered", "right", "record_key", "field")
    return batch.clean[dataset].join(at, on=["_row", "_part"], how="inner")


def _everywhere(batch: Delivered, kind: str) -> Iterator[pl.DataFrame]:
    """The same, dataset by dataset, with the wrong value as it stands in the clean row in `now`."""
    datasets = batch.truth["errors"].filter(pl.col("kind") == kind)["dataset"].unique().sort()
    assert len(datasets), kind
    for dataset in datasets:
        rows = _rows(batch, kind, dataset)
        yield rows.with_columns(rows[rows["field"][0]].alias("now"))


def test_nine_in_ten_of_the_declared_kinds_are_planted_in_a_city_of_ten_thousand(batch: Delivered) -> None:
    errors = batch.truth["errors"]
    counted = errors.group_by("dataset", "kind", "field").len()
    declared = {(dataset, kind) for dataset, rates in RATES.items() for kind in rates}
    planted = set(counted.select("dataset", "kind").rows())
    assert planted <= declared
    assert len(planted) >= 0.9 * len(declared) >= 100
    rows = sum(map(len, batch.raw.values()))
    assert 0.01 < len(errors) / rows < 0.025


def test_the_summary_counts_them(batch: Delivered) -> None:
    errors = batch.truth["errors"]
    counted = {f"{d}.{k}": n for d, k, n in errors.group_by("dataset", "kind").len().rows()}
    assert counted == batch.summary.errors


def test_every_error_stands_at_its_row_with_its_key(batch: Delivered) -> None:
    for (dataset,), errors in batch.truth["errors"].group_by("dataset"):
        columns = ("row", "part", "field", "delivered", "record_key")
        for row, part, field, delivered, key in errors.select(columns).rows():
            here = (pl.col("_row") == int(row)) & (pl.col("_part") == part)
            raw, clean = batch.raw[dataset].filter(here), batch.clean[dataset].filter(here)
            assert raw[field].to_list() == [delivered]
            assert clean[KEYS[dataset]].to_list() == [key]


def test_what_is_right_differs_from_what_was_delivered(batch: Delivered) -> None:
    errors = batch.truth["errors"]
    assert (errors["delivered"] != errors["right"]).all()
    without = errors.filter(pl.col("right") == "")["kind"].unique().sort().to_list()
    assert set(without) <= WITHOUT_RIGHT
    assert {"duplicate_row", "deceased_still_registered", "collected_twice"} <= set(without)


def test_nobody_carries_two_errors(batch: Delivered) -> None:
    errors = batch.truth["errors"]
    assert errors.select("dataset", "part", "row").is_unique().all()
    persons = []
    for dataset, row, part, field, right in errors.select("dataset", "row", "part", "field", "right").rows():
        rows = batch.clean[dataset].filter((pl.col("_row") == int(row)) & (pl.col("_part") == part))
        roles = [
            c for c in rows.columns if c in ("resident_id", "male_id", "female_id", "legal_representative_id")
        ]
        persons += [right if field == role and right else rows[role][0] for role in roles]
    assert len(persons) == len(set(persons))


def test_wrong_keys_strike_only_people_whom_nobody_else_names_but_the_police(batch: Delivered) -> None:
    errors = batch.truth["errors"]
    struck = errors.filter(pl.col("kind").is_in(WRONG_KEYS) & pl.col("field").str.ends_with("_id"))
    # What the grid centre collects is looked up by nobody, and a copy leaves its original in place.
    copies = (pl.col("kind") == "duplicate_row") & (pl.col("dataset") != "police.population")
    struck = struck.filter((pl.col("dataset") != "grid.resident") & ~copies)
    true_ids = pl.select(
        pl.when(struck["right"] == "").then(struck["record_key"]).otherwise(struck["right"])
    ).to_series()
    for dataset, rows in batch.clean.items():
        mine = true_ids.filter(struck["dataset"] != dataset)
        if not dataset.startswith("police."):
            for column in (name for name in rows.columns if name.endswith("_id")):
                assert not mine.is_in(rows[column].implode()).any(), dataset


def test_wrong_check_characters_are_wrong_and_nothing_else_is(batch: Delivered) -> None:
    rows = _rows(batch, "resident_id_check_character", "police.population")
    for number, right in rows.select("resident_id", "right").rows():
        assert number[:17] == right[:17]
        assert number[-1] != ric.calc_check_digit(number) and right[-1] == ric.calc_check_digit(right)
    codes = _rows(batch, "uscc_check_character", "market_regulation.enterprise")
    assert not any(map(uscc.is_valid, codes["uscc"]))
    assert all(map(uscc.is_valid, codes["right"]))


def test_wrong_birth_dates_and_sexes_contradict_the_resident_id(batch: Delivered) -> None:
    dates = _rows(batch, "birth_date_mismatch", "police.population")
    assert (dates["delivered"] != dates["resident_id"].str.slice(6, 8)).all()
    assert dates["delivered"].str.to_date("%Y%m%d").is_not_null().all()
    assert (dates["right"].str.replace_all("-", "") == dates["resident_id"].str.slice(6, 8)).all()
    sexes = _rows(batch, "sex_mismatch", "police.population")
    odd = sexes["resident_id"].str.slice(16, 1).cast(pl.Int32) % 2 == 1
    assert (odd == (sexes["sex"] == "女")).all()
    assert (odd == (sexes["right"] == "1")).all()


def test_missing_names_are_empty(batch: Delivered) -> None:
    rows = _rows(batch, "name_missing", "police.population")
    assert (rows["name"] == "").all()
    known = rows.join(batch.truth["person"], on="resident_id", suffix="_true")
    assert (known["right"] == known["name_true"]).all()


def test_unknown_villages_are_not_in_the_code_table(batch: Delivered) -> None:
    codes = load_code_table("division").rows["code"]
    for rows in _everywhere(batch, "village_code_unknown"):
        assert not rows["village_code"].is_in(codes.implode()).any()
        assert rows["right"].is_in(codes.implode()).all()
        assert (rows["village_code"].str.head(9) == rows["right"].str.head(9)).all()


def test_a_duplicate_is_an_exact_copy_of_a_row_further_up(batch: Delivered) -> None:
    errors = batch.truth["errors"].filter(pl.col("kind") == "duplicate_row")
    assert errors["dataset"].n_unique() >= 3
    for dataset, row in errors.select("dataset", "row").rows():
        lines = batch.raw[dataset]
        copy = lines.filter(pl.col("_row") == int(row)).drop("_row")
        above = lines.filter(pl.col("_row") < int(row)).drop("_row")
        assert len(above.join(copy, on=copy.columns, how="semi")) == 1


def test_outdated_statuses_contradict_the_registry(batch: Delivered) -> None:
    rows = _rows(batch, "marital_status_outdated", "police.population")
    registry = batch.clean["civil_affairs.marriage"].filter(pl.col("registration_type") == "结婚登记")
    wed = pl.concat([registry["male_id"].rename("id"), registry["female_id"].rename("id")])
    assert (rows["marital_status"] == "未婚").all()
    assert (rows["right"] == "20").all()
    assert rows["resident_id"].is_in(wed.implode()).all()


def test_the_overdue_died_more_than_thirty_days_ago(batch: Delivered) -> None:
    deaths = batch.clean["health.death"].select("resident_id", "death_date")
    for kind, dataset in (
        ("deceased_still_registered", "police.population"),
        ("deceased_on_allowance", "civil_affairs.subsistence_allowance"),
        ("deceased_still_collected", "grid.resident"),
    ):
        rows = _rows(batch, kind, dataset).join(deaths, on="resident_id", how="left")
        died = rows["death_date"].str.to_date("%Y-%m-%d")
        assert ((pl.Series([batch.summary.batch]) - died).dt.total_days() > 30).all()
    on_allowance = _rows(batch, "deceased_on_allowance", "civil_affairs.subsistence_allowance")
    assert (on_allowance["status"] == "在保").all()
    assert (on_allowance["right"] == "2").all()


def test_malformed_phones_are_one_digit_short(batch: Delivered) -> None:
    for rows in _everywhere(batch, "phone_malformed"):
        assert (rows["now"].str.len_chars() == 10).all()
        assert (rows["right"].str.len_chars() == 11).all()


def test_under_age_marriages_are_under_age_and_the_right_date_is_not(batch: Delivered) -> None:
    rows = _rows(batch, "under_age_marriage", "civil_affairs.marriage")
    for date, legal in (("registered_on", False), ("right", True)):
        on = rows[date].str.to_date("%Y-%m-%d")
        man = rows["male_id"].str.slice(6, 8).str.to_date("%Y%m%d").dt.offset_by("22y") <= on
        woman = rows["female_id"].str.slice(6, 8).str.to_date("%Y%m%d").dt.offset_by("20y") <= on
        assert ((man & woman) == legal).all()


def test_name_typos_differ_in_one_character(batch: Delivered) -> None:
    for rows in _everywhere(batch, "name_typo"):
        for name, right in rows.select("now", "right").rows():
            assert len(name) == len(right)
            assert sum(a != b for a, b in zip(name, right, strict=True)) == 1


def test_amounts_impossible_dates_and_codes_are_what_they_are_called(batch: Delivered) -> None:
    amounts = _rows(batch, "amount_out_of_range", "civil_affairs.subsistence_allowance")
    assert not amounts["monthly_amount"].cast(pl.Float64).is_between(0, 5000).any()
    assert amounts["right"].cast(pl.Float64).is_between(0, 5000).all()
    dates = _rows(batch, "date_impossible", "disabled_persons.certificate")
    assert (dates["issued_on"] == "").all()
    assert dates["right"].str.to_date("%Y-%m-%d").is_not_null().all()
    grades = _rows(batch, "code_unknown", "disabled_persons.certificate")
    spellings = load_code_table("disability_grade").spellings
    assert not grades["disability_grade"].is_in(list(spellings)).any()
    assert (grades["right"] == grades["certificate_no"].str.slice(19)).all()


def test_broken_references_are_well_formed_and_name_nobody(batch: Delivered) -> None:
    persons = batch.truth["person"]["resident_id"]
    for rows in _everywhere(batch, "broken_reference"):
        for number, right in rows.select("now", "right").rows():
            assert number[-1] == ric.calc_check_digit(number)
            assert number[:14] == right[:14] and sorted(number[:17]) == sorted(right[:17])
            assert number != right
        assert not rows["now"].is_in(persons.implode()).any()
        assert rows["right"].is_in(persons.implode()).all()


def test_mismatched_certificate_numbers_name_another_grade(batch: Delivered) -> None:
    rows = _rows(batch, "certificate_number_mismatch", "disabled_persons.certificate")
    assert (rows["certificate_no"].str.head(19) == rows["right"].str.head(19)).all()
    assert (rows["certificate_no"].str.slice(19) != rows["right"].str.slice(19)).all()
