"""Days: no row that a condition comes true for may be missed; DuckDB, asked on both days, is the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest

from quality.rules.date_triggers import DateTrigger, coming_true
from quality.rules.rule import ROW, checks
from schemas.codes import CodeLibrary
from schemas.contract.library import load_library
from schemas.expressions.parse import qualify
from warehouse.engine.connection import Engine

SINCE = date(2026, 3, 2)
UNTILS = [date(2026, 3, 3), date(2026, 6, 8), date(2028, 2, 29)]

# In words: the column, and how many days after the day in it the condition comes true.
KNOWN = {
    "came < batch_date": [("came", 0)],
    "came <= batch_date - 30": [("came", 30)],
    "batch_date - 30 > came": [("came", 30)],
    "came < batch_date + 5": [("came", -5)],
    "(batch_date) >= (came)": [("came", 0)],
    "((came < batch_date - 30))": [("came", 30)],
    "came > batch_date": [],
    "batch_date - 30 <= came": [],
    "age_at(came, batch_date) < 16": [],
    "80 > age_at(came, batch_date - 31)": [],
    "status = '1' and (note is null or note = 'a') and came < batch_date - 400": [("came", 400)],
    "came < batch_date and (status = '1' and until < batch_date - 1)": [("came", 0), ("until", 1)],
    "came > batch_date and until < batch_date": [("until", 0)],
}
UNKNOWN = [
    "came < batch_date or status = '1'",
    "not (came < batch_date)",
    "came = batch_date",
    "came <> batch_date",
    "came between batch_date - 30 and batch_date",
    "age_at(came, batch_date) >= 65",
    "came > batch_date and age_at(until, batch_date) = 3",
    "coalesce(came, until) < batch_date",
    "until < age_at(came, batch_date)",
    "age_at(batch_date, came) < 16",
    "age_at(came, batch_date) < age_at(until, batch_date)",
    "case when came < batch_date then true else false end",
]


@pytest.mark.parametrize(("condition", "known"), KNOWN.items())
def test_a_comparison_with_the_day_says_when_it_comes_true(
    condition: str, known: list[tuple[str, int]]
) -> None:
    assert coming_true(qualify(condition, ROW)) == {
        DateTrigger(ROW, column, after) for column, after in known
    }


@pytest.mark.parametrize("condition", UNKNOWN)
def test_of_anything_else_it_cannot_be_told(condition: str) -> None:
    assert coming_true(qualify(condition, ROW)) is None


def test_a_row_beside_the_one_at_hand_is_told_by_its_name() -> None:
    condition = qualify("death.on_day < batch_date - 30 and status = '1'", ROW)
    assert coming_true(condition) == {DateTrigger("death", "on_day", 30)}


@pytest.fixture(scope="module")
def rows(engine: Engine) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every day of three years around the first, in pairs, with and without the rest."""
    with engine.connect() as connection:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE every AS SELECT row_number() OVER () AS _row, * FROM ("
            "SELECT CAST(came AS DATE) AS came, CAST(until AS DATE) AS until, status, note FROM "
            "range(DATE '2024-06-01', DATE '2028-06-01', INTERVAL 1 DAY) AS one (came), "
            "(VALUES (DATE '2025-01-01'), (DATE '2026-03-02'), (DATE '2026-03-03'), (NULL)) AS two (until), "
            "(VALUES ('1'), (NULL)) AS three (status), (VALUES ('a'), ('b')) AS four (note))"
        )
        yield connection


@pytest.mark.parametrize("until", UNTILS, ids=str)
@pytest.mark.parametrize("condition", KNOWN)
def test_no_row_is_missed_that_a_condition_comes_true_for(
    rows: duckdb.DuckDBPyConnection, condition: str, until: date
) -> None:
    asked = qualify(condition, ROW)
    coming = coming_true(asked)
    assert coming is not None
    reached = " OR ".join(each.between(SINCE, until) for each in coming) or "false"

    def holding(day: date) -> str:
        return f"SELECT _row FROM (SELECT *, DATE '{day}' AS batch_date FROM every) AS {ROW} WHERE {asked}"

    newly = f"({holding(until)}) EXCEPT ({holding(SINCE)})"
    missed = f"SELECT count(*) FROM ({newly}) WHERE _row NOT IN (SELECT _row FROM every WHERE {reached})"
    assert rows.execute(missed).fetchall() == [(0,)]
    # And those that are asked again are few: the days between the two.
    days = (until - SINCE) / timedelta(days=1) + 1
    [(asked_again,)] = rows.execute(f"SELECT count(DISTINCT came) FROM every WHERE {reached}").fetchall()
    if "until" not in condition:
        assert asked_again <= days


def test_most_of_our_rules_that_look_at_the_day_are_understood() -> None:
    """A rule that is not is asked of every row every day: a change of wording here would go unnoticed."""
    library, codes = load_library(), CodeLibrary()
    dated = [c for contract in library for c in checks(contract, library, codes) if c.uses_batch_date]
    unknown = {check.rule.name for check in dated if coming_true(check.violates) is None}
    assert len(dated) > 40
    assert unknown == {"started_before_eighty", "amount_not_of_age", "grade_not_of_age", "worker_over_age"}
