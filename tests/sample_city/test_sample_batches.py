"""Two batches of one city: the later one knows more, and old errors stand again."""

import polars as pl
import pytest

from sample_city.errors.kinds import declared
from tests.sample_city.delivered import Delivered


def _new(
    struck: Delivered, struck_later: Delivered, dataset: str, key: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that the later batch adds, and rows it no longer has; a key put right since is no new row."""
    before, after = struck.unplanted(dataset, key), struck_later.unplanted(dataset, key)
    wrong = struck.truth["errors"].filter((pl.col("dataset") == dataset) & (pl.col("field") == key))
    added = after.join(before, on=key, how="anti").join(wrong, left_on=key, right_on="right", how="anti")
    return added, before.join(after, on=key, how="anti")


@pytest.mark.parametrize(
    ("dataset", "key", "day"),
    [
        ("civil_affairs.marriage", "certificate_no", "registered_on"),
        ("health.death", "certificate_no", "death_date"),
        ("police.cancellation", "resident_id", "cancelled_on"),
        ("market_regulation.enterprise", "uscc", "established_on"),
    ],
)
def test_registers_only_grow_and_by_what_happened_since(
    struck: Delivered, struck_later: Delivered, dataset: str, key: str, day: str
) -> None:
    added, gone = _new(struck, struck_later, dataset, key)
    assert len(added) >= 5
    assert len(gone) == 0
    right = added.join(struck_later.unplanted(dataset), on=key, how="semi")
    happened = right.filter(pl.col(day) != "")[day]
    assert happened.min() >= "2026-03-02"
    assert happened.max() <= "2026-06-01"


def test_registered_facts_do_not_change_but_for_errors_that_come_and_go(
    struck: Delivered, struck_later: Delivered
) -> None:
    turned = pl.concat([_put_right(struck, struck_later), _put_right(struck_later, struck)])["record_key"]
    for dataset, key in (("civil_affairs.marriage", "certificate_no"), ("health.death", "certificate_no")):
        before, after = struck.raw[dataset].drop("_row"), struck_later.raw[dataset].drop("_row")
        changed = before.join(after, on=before.columns, how="anti")[key].str.strip_chars().to_list()
        assert set(changed) <= set(turned)


def test_the_police_add_births_and_cancel_who_died_or_left(
    struck: Delivered, struck_later: Delivered
) -> None:
    added, gone = _new(struck, struck_later, "police.population", "resident_id")
    assert len(added) >= 5 and len(gone) >= 5
    assert added["birth_date"].min() > "2026-02-01"
    cancelled = struck_later.clean["police.cancellation"]
    reasons = gone.join(cancelled, on="resident_id")["reason"]
    assert len(reasons) >= len(gone) - 3
    assert {"死亡", "迁出市外"} <= set(reasons)


def test_new_disability_certificates_are_issued(struck: Delivered, struck_later: Delivered) -> None:
    added, _ = _new(struck, struck_later, "disabled_persons.certificate", "certificate_no")
    assert len(added.filter(pl.col("issued_on") > "2026-03-02")) >= 3


def test_statuses_follow_marriages_and_deaths(struck: Delivered, struck_later: Delivered) -> None:
    before = struck.truth["person"].select("resident_id", "marital_status")
    both = struck_later.truth["person"].join(before, on="resident_id", suffix="_before")
    moves = both.filter(pl.col("marital_status") != pl.col("marital_status_before"))
    seen = set(moves.select("marital_status_before", "marital_status").unique().rows())
    assert {("10", "20"), ("20", "30")} <= seen <= {("10", "20"), ("20", "30"), ("20", "40")}


def test_a_dead_head_is_followed_by_spouse_or_child(struck: Delivered, struck_later: Delivered) -> None:
    before = struck.truth["person"].select("resident_id", "relation")
    both = struck_later.truth["person"].join(before, on="resident_id", suffix="_before")
    new = both.filter((pl.col("relation") == "02") & (pl.col("relation_before") != "02"))
    assert len(new) >= 2
    assert set(new["relation_before"]) <= {"10", "20", "30"}


SAME = ["dataset", "record_key", "field", "kind", "delivered"]


def _put_right(before: Delivered, after: Delivered) -> pl.DataFrame:
    """Errors of one day that do not stand on the other."""
    return before.truth["errors"].join(after.truth["errors"], on=SAME, how="anti")


def test_two_in_ten_errors_are_put_right_by_the_departments_and_new_ones_come(
    struck: Delivered, struck_later: Delivered
) -> None:
    before, after = struck.truth["errors"], struck_later.truth["errors"]
    assert len(_put_right(struck, struck_later)) / len(before) == pytest.approx(0.2, abs=0.04)
    assert len(after.join(before, on=SAME, how="anti")) / len(before) > 0.1


def test_new_errors_slip_into_old_records_but_not_of_the_registers(
    struck: Delivered, struck_later: Delivered
) -> None:
    new = _put_right(struck_later, struck)
    seen = 0
    for dataset, key in (
        ("medical_insurance.enrolment", "resident_id"),
        ("human_resources.pension", "pension_no"),
        ("housing.dwelling", "dwelling_no"),
    ):
        right_before = struck.unplanted(dataset)[key].implode()
        seen += len(new.filter(pl.col("dataset") == dataset).filter(pl.col("record_key").is_in(right_before)))
    assert seen >= 10
    old = struck.clean["police.population"]["resident_id"].implode()
    slipped = new.filter((pl.col("dataset") == "police.population") & pl.col("record_key").is_in(old))
    timed = {
        kind.name
        for kind in declared()
        if kind.dataset == "police.population" and (kind.occasion or kind.stays)
    }
    assert set(slipped["kind"]) <= timed


def test_what_is_put_right_reads_as_the_truth_said(struck: Delivered, struck_later: Delivered) -> None:
    codes = {"sex": {"1": "男", "2": "女"}}
    seen = 0
    for dataset, key, field in (
        ("medical_insurance.enrolment", "resident_id", "name"),
        ("medical_insurance.enrolment", "resident_id", "sex"),
        ("police.population", "resident_id", "phone"),
        ("housing.dwelling", "dwelling_no", "owner_name"),
    ):
        mine = _put_right(struck, struck_later).filter(
            (pl.col("dataset") == dataset) & (pl.col("field") == field)
        )
        rows = struck_later.clean[dataset].join(mine, left_on=key, right_on="record_key")
        right = rows["right"].replace(codes.get(field, {}))
        given = rows[field].replace({"1": "男", "2": "女"})
        assert (given == right).all()
        seen += len(rows)
    assert seen >= 10


def test_a_row_without_news_is_written_as_before(struck: Delivered, struck_later: Delivered) -> None:
    before = struck.raw["police.population"].drop("_row").unique()
    after = struck_later.raw["police.population"].drop("_row").unique()
    changed = before.join(after, on=before.columns, how="anti")
    assert len(changed) / len(before) < 0.02
