"""The measure of accuracy itself, on a handful of findings counted by hand."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

SQL = Path(__file__).parents[2] / "benchmarks" / "accuracy.sql"
DAY = "DATE '2026-03-02'"


@pytest.fixture
def measured() -> duckdb.DuckDBPyConnection:
    """Four planted errors of three kinds; one missed, one stray finding of a rule that serves a kind, one of none."""
    connection = duckdb.connect()
    connection.execute(
        """
        CREATE TABLE true_errors AS FROM (VALUES
          ('a.x', '2', 'K2', 'name', 'typo', '王炜', '王伟', '1'),
          ('a.x', '3', 'K3', 'name', 'typo', '李那', '李娜', '1'),
          ('a.x', '4', 'K4', 'sex', 'other_sex', '男', '2', '1'),
          ('a.x', '5', 'K5', 'phone', 'short', '1', '13', '0')
        ) AS t (dataset, "row", record_key, field, kind, delivered, "right", derivable);
        CREATE TABLE finding AS SELECT DATE '2026-03-02' AS batch, 'F' || row_number AS finding_id, * FROM (VALUES
          ('a.x', 'agreement', 'error', 'K2', 'name', 2::BIGINT, '王伟'),
          ('a.x', 'agreement', 'error', 'K7', 'name', 7, '赵六'),
          ('a.x', 'sex_rule', 'error', 'K4', 'sex', 4, '1'),
          ('a.x', 'semantic_kind', 'error', 'K5', 'phone', 5, NULL),
          ('a.x', 'odd', 'warning', 'K9', 'name', 9, NULL)
        ) AS t (dataset, rule, severity, record_key, field, row_number, suggestion);
        CREATE TABLE person AS SELECT unnest(['1', '2', '2']) AS resident_id, '甲' AS name, '1' AS sex,
          DATE '2000-01-01' AS birth_date, '01' AS ethnic_group, 'H' AS household_no, '01' AS relation,
          '10' AS marital_status, 'V' AS village_code, NULL AS phone;
        CREATE TABLE true_person AS SELECT unnest(['1', '2', '3', '4']) AS resident_id, '甲' AS name, '2' AS sex,
          '2000-01-01' AS birth_date, '01' AS ethnic_group, 'H' AS household_no, '01' AS relation,
          '10' AS marital_status, 'V' AS village_code, '' AS phone;
        CREATE TABLE enterprise AS SELECT 'U' AS uscc, '店' AS name, 'T' AS enterprise_type, 'R' AS
          legal_representative_id, DATE '2020-01-01' AS established_on, '1' AS status, 'V' AS village_code,
          '0' AS phone;
        CREATE TABLE true_enterprise AS SELECT * REPLACE ('2020-01-01' AS established_on) FROM enterprise;
        """
    )
    connection.execute(SQL.read_text(encoding="utf-8").replace("{batch}", DAY))
    return connection


def test_each_kind_is_counted(measured: duckdb.DuckDBPyConnection) -> None:
    rows = measured.execute(
        "SELECT kind, planted, found, beside, recall, precision, derivable, suggested, suggested_right FROM kind "
        "ORDER BY kind"
    ).fetchall()
    assert rows == [
        ("other_sex", 1, 1, 0, 1.0, 1.0, 1, 1, 0),
        ("short", 1, 1, 0, 1.0, 1.0, 0, 0, 0),
        ("typo", 2, 1, 1, 0.5, 0.5, 2, 1, 1),
    ]


def test_what_serves_no_kind_is_listed(measured: duckdb.DuckDBPyConnection) -> None:
    assert measured.execute("FROM stray").fetchall() == [("a.x", "odd", "name", "warning", 1)]


def test_the_line_of_figures(measured: duckdb.DuckDBPyConnection) -> None:
    # Suggestions: two given, one right; two of the three derivable. Disputes: one on the planted row, one beside.
    assert measured.execute("FROM summary").fetchall() == [(3, 0.5, 0.5, 0.5, 0.6667, 0.5)]


def test_governance_is_held_against_the_city(measured: duckdb.DuckDBPyConnection) -> None:
    found = {
        (entity, attribute): right for entity, attribute, _, right in measured.execute("FROM file").fetchall()
    }
    assert found["person", "without duplicates"] == pytest.approx(2 / 3, abs=1e-5)
    assert (found["person", "sex"], found["person", "name"], found["person", "phone"]) == (0, 1, 1)
    assert found["enterprise", "complete"] == found["enterprise", "established_on"] == 1
    # Of four people two have a file; that one of them has two is another matter.
    assert found["person", "complete"] == 0.5
