"""The measure of accuracy itself, on a handful of findings counted by hand."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

SQL = Path(__file__).parents[2] / "benchmarks" / "accuracy.sql"
DAY = "DATE '2026-03-02'"


@pytest.fixture
def measured() -> duckdb.DuckDBPyConnection:
    """Four planted errors of three kinds, two unusual rows that are right, five findings and six tickets."""
    connection = duckdb.connect()
    connection.execute(
        """
        CREATE TABLE true_errors AS SELECT *, '' AS part, 'here' AS side, 'why' AS why FROM (VALUES
          ('a.x', '2', 'K2', 'name', 'typo', 'C1', '1', '王伟'),
          ('a.x', '3', 'K3', 'name', 'typo', 'C2', '1', '李娜'),
          ('a.x', '4', 'K4', 'sex', 'other_sex', 'C3', '1', '2'),
          ('a.x', '5', 'K5', 'phone', 'short', 'C4', '0', '13')
        ) AS t (dataset, "row", record_key, field, kind, cause, knowable, "right");
        CREATE TABLE true_unusual AS FROM (VALUES
          ('elsewhere', 'a.x', 'K7'),
          ('twins', 'a.x', 'K9')
        ) AS t (kind, dataset, record_key);
        CREATE TABLE finding AS SELECT DATE '2026-03-02' AS batch, NULL::VARCHAR AS sheet, * FROM (VALUES
          ('a.x', 'agreement', 'error', 'K2', 'name', 2::BIGINT, '王伟'),
          ('a.x', 'agreement', 'error', 'K7', 'name', 7, '赵六'),
          ('a.x', 'sex_rule', 'error', 'K4', 'sex', 4, '1'),
          ('a.x', 'semantic_kind', 'error', 'K5', 'phone', 5, NULL),
          ('a.x', 'odd', 'warning', 'K9', 'name', 9, NULL)
        ) AS t (dataset, rule, severity, record_key, field, row_number, suggestion);
        -- The slip on K4 has a second ticket.
        CREATE TABLE ticket AS SELECT batch AS first_batch, dataset, rule, severity, record_key, field FROM finding
        UNION ALL SELECT DATE '2026-03-02', 'a.x', 'other', 'error', 'K4', 'name';
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
        "SELECT kind, planted, knowable, found, recall, suggested, suggested_right, suggested_wrong, unknowable "
        "FROM kind ORDER BY kind"
    ).fetchall()
    assert rows == [
        ("other_sex", 1, 1, 1, 1.0, 1, 0, 1, None),
        ("short", 1, 0, 1, 1.0, 0, 0, 0, "why"),
        ("typo", 2, 2, 1, 0.5, 1, 1, 0, None),
    ]


def test_tickets_on_right_rows_are_listed_by_rule(measured: duckdb.DuckDBPyConnection) -> None:
    assert measured.execute("FROM stray ORDER BY ALL").fetchall() == [
        ("a.x", "agreement", "name", "error", 1, 1),
        ("a.x", "odd", "name", "warning", 1, 1),
    ]


def test_a_warning_calls_no_unusual_row_an_error(measured: duckdb.DuckDBPyConnection) -> None:
    assert measured.execute("FROM unusual ORDER BY ALL").fetchall() == [
        ("elsewhere", "a.x", 1, 1, "agreement"),
        ("twins", "a.x", 1, 0, None),
    ]


def test_the_line_of_figures(measured: duckdb.DuckDBPyConnection) -> None:
    found = measured.execute("FROM summary")
    names = [column[0] for column in found.description]
    (row,) = found.fetchall()
    assert dict(zip(names, row, strict=True)) == {
        "kinds": 3,
        "errors": 4,
        "recall": 0.75,
        # Of three knowable errors K3 is missed.
        "recall_knowable": 0.6667,
        # Of three suggestions the one for K2 is right.
        "suggestions_right": 0.3333,
        "suggestions_given": 0.6667,
        # K7 and K9, of six tickets.
        "tickets_on_right_rows": 0.3333,
        "unusual_called_errors": 0.5,
        # C1 and C4 have one ticket, C3 has two, C2 none.
        "one_ticket_per_cause": 0.6667,
        "side_right": 0.5,
    }


def test_governance_is_held_against_the_city(measured: duckdb.DuckDBPyConnection) -> None:
    found = {
        (entity, attribute): right for entity, attribute, _, right in measured.execute("FROM file").fetchall()
    }
    assert found["person", "without duplicates"] == pytest.approx(2 / 3, abs=1e-5)
    assert (found["person", "sex"], found["person", "name"], found["person", "phone"]) == (0, 1, 1)
    assert found["enterprise", "complete"] == found["enterprise", "established_on"] == 1
    # Of four people two have a file; that one of them has two is another matter.
    assert found["person", "complete"] == 0.5
