"""The comparison's own rules: what our findings are of its table, counted by SQL that knows no contract."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl
import pytest

from benchmarks.peers.ours import check, contracts, failing, laid
from benchmarks.peers.rules import RULES
from benchmarks.peers.run import differences
from benchmarks.peers.table import make_table

COUNTS: Mapping[str, str] = {
    "presence.name": "name IS NULL",
    "presence.birth_date": "birth_date IS NULL",
    "presence.household_no": "household_no IS NULL",
    "presence.village_code": "village_code IS NULL",
    "uniqueness.resident_id": "row_no > first_row",
    "pattern.resident_id": "length(resident_id) <> 18 OR rtrim(left(resident_id, 17), '0123456789') <> '' "
    "OR strpos('0123456789X', right(resident_id, 1)) = 0",
    "pattern.household_no": "household_no[1] <> 'H' OR length(household_no) <> 11 "
    "OR try_cast(household_no[2:] AS BIGINT) IS NULL AND household_no IS NOT NULL",
    "pattern.phone": "length(phone) <> 11 OR phone NOT BETWEEN '13' AND '19999999999'",
    "pattern.village_code": "length(village_code) <> 12 OR left(village_code, 4) <> '3706'",
    "code_table.sex": "sex = 'X'",
    "code_table.ethnic_group": "ethnic_group = '99'",
    "code_table.relation": "relation = '户'",
    "code_table.marital_status": "marital_status = '00'",
    "range.birth_date": "year(birth_date) < 1900 OR birth_date > DATE '2026-03-02'",
    "range.monthly_income": "monthly_income < 0 OR monthly_income > 100000",
    "range.household_size": "household_size < 1 OR household_size > 20",
    "registered_before_birth.registered_on": "date_diff('day', birth_date, registered_on) < 0",
    "birth_year_matches_id.birth_date": "strftime(birth_date, '%Y') <> resident_id[7:10]",
    # An ID number with a letter there is no odd one.
    "sex_matches_id.sex": "sex = '1' AND resident_id[17] NOT IN ('1', '3', '5', '7', '9') "
    "OR sex = '2' AND resident_id[17] IN ('1', '3', '5', '7', '9')",
    "married_under_age.marital_status": "left(marital_status, 1) = '2' AND birth_date + INTERVAL 20 YEAR "
    "> DATE '2026-03-02'",
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("peers") / "resident.parquet"
    make_table(path, 2000, seed=1)
    return path


@pytest.fixture(scope="module")
def found(table: Path) -> pl.DataFrame:
    with laid(table) as folder:
        return failing(check(folder))


def test_our_findings_are_what_the_rules_say_counted_by_hand(table: Path, found: pl.DataFrame) -> None:
    counts = ", ".join(f'count(*) FILTER ({bad}) AS "{rule}"' for rule, bad in COUNTS.items())
    by_hand = duckdb.execute(
        f"SELECT {counts} FROM (SELECT *, min(row_no) OVER (PARTITION BY resident_id) AS first_row "
        f"FROM read_parquet('{table}'))"
    ).pl()
    assert dict(found.group_by("rule").len().iter_rows()) == by_hand.to_dicts()[0]


def test_every_rule_is_broken_by_some_rows_and_the_contract_says_no_more(found: pl.DataFrame) -> None:
    assert set(found["rule"]) == set(RULES) == set(COUNTS)
    assert len(contracts()["benchmark.resident"].rules) == 4


def test_tools_that_name_different_rows_are_told(found: pl.DataFrame, tmp_path: Path) -> None:
    other = found.with_columns(
        key=pl.when(pl.col("rule") == "code_table.sex").then(pl.col("key").reverse()).otherwise("key")
    )
    for name, frame in (("a", found), ("b", found), ("c", other)):
        frame.write_parquet(tmp_path / name)
    assert differences({"a": tmp_path / "a", "b": tmp_path / "b"}) == []
    [wrong] = differences({"a": tmp_path / "a", "c": tmp_path / "c"})
    assert wrong.startswith("code_table.sex: ")
