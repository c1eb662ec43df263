"""Puts the SQL function library and its code tables into a Spark session, as temporary functions and views.

This module knows the files of warehouse/sql/spark and the order in which they depend on each other. They define the
same functions as warehouse/sql/duckdb, under the same names; tests/parity proves that both give the same results.
"""

from __future__ import annotations

import duckdb
from pyspark.sql import SparkSession

from schemas.codes import CODE_IN, CodeLibrary, CodeTable
from warehouse.engine.connection import install_codes
from warehouse.engine.functions import install as install_on_duckdb
from warehouse.engine.functions import statements

# The views that the functions read. DuckDB computes them once from the code tables, because Spark cannot run a
# correlated sub-query that compares a text made of two rows with a text of the outer row.
_VIEWS = {
    "division_successor": """
        SELECT past.code || substr(present.code, length(past.successor) + 1) AS code, max(present.code) AS successor
        FROM codes.division AS past
        INNER JOIN codes.division AS present ON substr(present.code, 1, 9) = past.successor
        WHERE past.valid_to IS NOT NULL AND present.valid_to IS NULL
        GROUP BY ALL""",
    "area_too_early": """
        SELECT area.code || CAST(birth.year AS VARCHAR) AS code
        FROM codes.area AS area
        INNER JOIN range(2000, 2100) AS birth (year) ON CAST(area.valid_from AS INTEGER) > birth.year""",
    # For each spelling of a county: its length in two digits, code and label.
    "county_spelling": """
        SELECT map(list(spelling), list(lpad(CAST(length(spelling) AS VARCHAR), 2, '0') || code || label)) AS facts
        FROM codes.county_spelling""",
    "city_pattern": "FROM codes.city_pattern",
    "place": "SELECT name, code FROM codes.place",
}


def view_name(table: str) -> str:
    """The view of a code table: Spark has no schemas for temporary views."""
    return f"codes__{table}"


def install(session: SparkSession, codes: CodeLibrary) -> None:
    """Create a view for every code table, and every function of the library. They replace older ones.

    Args:
        session: views and functions exist in this session only.
        codes: the code tables.
    """
    with duckdb.connect() as connection:
        install_on_duckdb(connection)
        install_codes(connection, codes)
        tables = {table: f'FROM codes."{table}"' for table in codes.ids()}
        for table, query in {**tables, **_VIEWS}.items():
            rows = connection.execute(query).to_arrow_table()
            session.createDataFrame(rows).createOrReplaceTempView(view_name(table))
    for statement in statements("spark"):
        session.sql(statement)
    for table in codes.ids():
        if codes.load(table).is_labelled:
            session.sql(_look_up(f"{CODE_IN}{table}", codes.load(table)))


def _look_up(name: str, table: CodeTable) -> str:
    """The statement that creates a function which looks up a spelling."""
    entries = ", ".join(_text(text) for pair in table.spellings.items() for text in pair)
    found = f"try_element_at(map({entries}), s)"
    return f"CREATE OR REPLACE TEMPORARY FUNCTION {name}(s STRING) RETURNS STRING RETURN {found}"


def _text(text: str) -> str:
    """A text constant in Spark's SQL, where a backslash begins an escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
