"""Planted errors: declared as data, struck at random, standing where the truth says, and judged knowable or not."""

from pathlib import Path

import polars as pl
import pytest
from stdnum.cn import ric, uscc

from sample_city.errors.alterations.registry import ALTERATIONS
from sample_city.errors.kinds import declared
from sample_city.errors.occasions import OCCASIONS
from sample_city.errors.whole_files import declared_mishaps
from sample_city.generate import plan_city
from sample_city.registry import EXTRACTS
from tests.sample_city.delivered import Delivered

DELIVERIES = {extract.delivery.dataset: extract.delivery for extract in EXTRACTS}


@pytest.fixture(scope="module", params=["struck", "struck_later"])
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


def test_kinds_are_declared_with_what_they_need() -> None:
    kinds = declared()
    assert len(kinds) >= 180
    assert len({kind.name for kind in kinds}) >= 180
    for kind in kinds:
        assert kind.says and kind.why, kind
        assert set(kind.fields) <= set(DELIVERIES[kind.dataset].headers), kind
        assert kind.change in ALTERATIONS or (not kind.change and (kind.stays or kind.copied)), kind
        assert kind.occasion in OCCASIONS or not kind.occasion, kind


def test_at_most_a_quarter_of_the_kinds_is_unknowable() -> None:
    unknown = [kind for kind in declared() if kind.basis == "unknown"]
    assert 0 < len(unknown) <= len(declared()) / 4


def test_every_source_has_errors_and_nine_in_ten_kinds_are_planted(batch: Delivered) -> None:
    errors = batch.truth["errors"]
    planted = set(errors.select("dataset", "kind").rows())
    kinds = {(kind.dataset, kind.name) for kind in declared()}
    assert planted <= kinds
    assert len(planted) >= 0.88 * len(kinds)
    assert set(errors["dataset"]) == set(DELIVERIES)
    rows = sum(map(len, batch.raw.values()))
    assert 0.01 < len(errors) / rows < 0.05


def test_the_summary_counts_them(batch: Delivered) -> None:
    errors = batch.truth["errors"]
    counted = {f"{d}.{k}": n for d, k, n in errors.group_by("dataset", "kind").len().rows()}
    assert counted == batch.summary.errors


def test_every_error_stands_at_its_row(batch: Delivered) -> None:
    for (dataset,), errors in batch.truth["errors"].group_by("dataset"):
        for row, part, field, delivered in errors.select("row", "part", "field", "delivered").rows():
            here = (pl.col("_row") == int(row)) & (pl.col("_part") == part)
            found = batch.raw[str(dataset)].filter(here)[field].to_list()
            assert [value.replace(".0", "") for value in found] == [delivered.replace(".0", "")], (
                dataset,
                field,
            )


def test_what_is_right_differs_from_what_was_delivered(batch: Delivered) -> None:
    errors = batch.truth["errors"]
    assert (errors["delivered"] != errors["right"]).all()
    whole = {kind.name for kind in declared() if kind.stays or kind.copied}
    kept = errors.filter(~pl.col("kind").is_in(whole))
    assert (kept["right"] != "").all()


def test_a_row_carries_one_slip_at_most(batch: Delivered) -> None:
    slips = batch.truth["errors"].select("dataset", "part", "row", "cause").unique()
    assert slips.select("dataset", "part", "row").is_unique().all()


def test_errors_strike_people_whom_others_name_as_often_as_people_whom_nobody_names(
    struck: Delivered,
) -> None:
    """Of the people of the register, nine in ten are insured or on another list; of those struck as well."""
    errors = struck.truth["errors"].filter((pl.col("dataset") == "police.population") & (pl.col("row") != ""))
    known = pl.concat(
        struck.clean[dataset].select("resident_id")
        for dataset in ("medical_insurance.enrolment", "human_resources.pension", "grid.resident")
    )
    register = struck.clean["police.population"].with_row_index("at")
    place = errors.select(_row=pl.col("row").cast(pl.Int64), field="field")
    hit = register.join(place, on="_row").filter(~pl.col("field").is_in(["resident_id"]))
    everybody = register["resident_id"].is_in(known["resident_id"].implode()).mean()
    assert everybody is not None
    assert hit["resident_id"].is_in(known["resident_id"].implode()).mean() == pytest.approx(
        everybody, abs=0.06
    )


def test_wrong_check_characters_are_wrong_and_nothing_else_is(batch: Delivered) -> None:
    rows = _rows(batch, "resident_id_check_character", "police.population")
    for number, right in rows.select("resident_id", "right").rows():
        assert number[:17] == right[:17]
        assert number[-1] != ric.calc_check_digit(number) and right[-1] == ric.calc_check_digit(right)
    codes = _rows(batch, "uscc_check_character", "market_regulation.enterprise")
    assert not any(map(uscc.is_valid, codes["uscc"]))
    assert all(map(uscc.is_valid, codes["right"]))


def test_swapped_digits_make_a_valid_number_of_somebody_else(batch: Delivered) -> None:
    for dataset in ("police.population", "medical_insurance.enrolment"):
        for number, right in (
            _rows(batch, "resident_id_swapped", dataset).select("resident_id", "right").rows()
        ):
            assert ric.calc_check_digit(number) == number[-1]
            assert number != right and sorted(number[14:16]) == sorted(right[14:16])


def test_exchanged_spouses_are_told_as_one_slip_in_two_cells(batch: Delivered) -> None:
    errors = batch.truth["errors"].filter(pl.col("kind") == "spouses_exchanged")
    for (_,), cells in errors.group_by("cause"):
        assert sorted(cells["field"]) == ["female_name", "male_name"]
        assert cells["delivered"].sort().to_list() == cells["right"].sort().to_list()


def test_a_clerk_s_number_stands_on_many_rows_with_one_cause(struck: Delivered) -> None:
    errors = struck.truth["errors"].filter(
        (pl.col("kind") == "phone_of_clerk") & (pl.col("dataset") == "grid.resident")
    )
    assert errors["cause"].n_unique() == 1
    assert errors["delivered"].n_unique() == 1
    assert len(errors) > 50


def test_a_person_under_a_second_number_is_a_further_row(struck: Delivered) -> None:
    rows = _rows(struck, "person_under_second_number", "police.population")
    for row in rows.rows(named=True):
        same = struck.clean["police.population"].filter(
            (pl.col("name") == row["name"]) & (pl.col("household_no") == row["household_no"])
        )
        assert len(same) >= 2
        assert row["resident_id"] not in set(struck.truth["person"]["resident_id"])


def test_what_contradicts_nothing_is_said_to_be_unknowable(struck: Delivered) -> None:
    """A wrong name can be known where another delivered row has the number and the right name."""
    errors = struck.truth["errors"].filter(
        (pl.col("kind") == "name_typo") & (pl.col("dataset") == "police.population")
    )
    others = pl.concat(
        rows.select(number=column)
        for dataset, rows in struck.clean.items()
        if dataset not in ("police.population", "police.vehicle")
        for column in rows.columns
        if column.endswith("_id")
    )
    for key, knowable, why in errors.select("record_key", "knowable", "why").rows():
        stated = key in set(others["number"])
        # A row that names somebody wrongly still counts as naming them: only the other direction is certain.
        assert knowable == "1" or not stated or why.startswith("unknown")
    assert (errors["knowable"] == "1").any()


def test_a_clean_city_has_no_errors_and_the_unusual_rows(city: Delivered) -> None:
    assert len(city.truth["errors"]) == 0
    kinds = set(city.truth["unusual"]["kind"])
    assert {"from_elsewhere", "foreigner", "owner_elsewhere", "public_body", "working_on", "early_retirement",
            "two_phones", "large_home"} <= kinds  # fmt: skip
    settled = city.truth["unusual"].filter(
        (pl.col("kind") == "from_elsewhere") & (pl.col("dataset") == "grid.resident")
    )
    assert len(settled) / 10_000 == pytest.approx(0.09, abs=0.02)
    assert not settled["record_key"].is_in(city.truth["person"]["resident_id"].implode()).any()


def test_a_whole_file_is_struck_only_where_it_is_asked_for(tmp_path: Path, struck: Delivered) -> None:
    assert len(struck.truth["mishaps"]) == 0
    small = plan_city(600, 3)
    plain = small.generate(tmp_path / "plain")
    before = {file.dataset: file.path.read_bytes() for file in plain.files}
    for name, mishap in declared_mishaps().items():
        if mishap.change == "same_as_before":
            continue
        made = small.generate(tmp_path / name, mishap=name)
        after = {file.dataset: file.path.read_bytes() for file in made.files}
        assert {dataset for dataset in before if before[dataset] != after[dataset]} == {mishap.dataset}, name
    with pytest.raises(ValueError, match="register_cut_40"):
        small.generate(tmp_path / "none", mishap="none")
