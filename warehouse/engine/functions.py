"""Puts the SQL function library into a DuckDB connection.

This module knows the files of warehouse/sql/duckdb and the order in which they depend on each other.
schemas/functions.yaml declares each function; the .sql files define it. A macro whose name begins with an underscore
is a step of another macro; contracts and rules cannot name it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files

import duckdb

from schemas.emit.sql import literal

# Files without functions: the code tables come first, the other files run when the code tables are filled.
_CODES, _PLACES, _KNOWN = "codes", "places", "known"

_DEFINED = re.compile(r"CREATE OR REPLACE (?:MACRO|TEMPORARY FUNCTION) (\w+)\(")
_CALLED = re.compile(r"\b(\w+)\(")


def install(con: duckdb.DuckDBPyConnection) -> None:
    """Create every function of the library in the connection's current schema, replacing older ones.

    Args:
        con: an open connection whose current database may be written to.
    """
    for script in _scripts():
        con.execute(script)


def install_places(con: duckdb.DuckDBPyConnection) -> None:
    """Compute the names that addresses use for places, from the code tables of the schema `codes`.

    Call it again after any change of the code tables.

    Args:
        con: an open connection with the code tables `division` and `area`.
    """
    con.execute(_script(_PLACES))
    _install_area_years(con)
    row = con.execute(_script(_KNOWN)).fetchone()
    if row is None or row[0] is None:
        return  # no county is in use, so no address names a county
    # The tables become constants: a sub-query is joined with every row, which can take a hundred times as long. Names
    # are values of an enumeration, because DuckDB looks these up by hash.
    cities, counties, labels, places, usual = row
    for macro in (
        f"_without_city(s) AS regexp_replace(s, {literal(cities)}, '')",
        f"_county_spelt(s) AS regexp_extract(s, {literal(counties)})",
        f"_county_label(spelt) AS list_extract(string_split({literal(labels)}, '|'), "
        "CAST(enum_code(TRY_CAST(spelt AS codes.county_name)) AS BIGINT) + 1)",
        "_place_number(name) AS CAST(enum_code(TRY_CAST(name AS codes.place_name)) AS BIGINT)",
        f"_other_place_number(name) AS {int(usual)} + "
        "CAST(enum_code(TRY_CAST(name AS codes.other_place_name)) AS BIGINT)",
        f"_place_code(number) AS rtrim(substr({literal(places)}, 12 * number + 1, 12))",
    ):
        con.execute(f"CREATE OR REPLACE MACRO {macro}")


def install_spellings(con: duckdb.DuckDBPyConnection, name: str, spellings: Mapping[str, str]) -> None:
    """Create a function that looks up a text.

    Args:
        con: an open connection.
        name: the name of the function. It takes a text and returns NULL for an unknown text.
        spellings: text → meaning.
    """
    # The table becomes a constant: a sub-query is joined with every row, which can take a hundred times as long, and a
    # map is searched from its beginning. An enumeration is looked up by hash, and a named one is made only once.
    written, meant = (", ".join(map(literal, texts)) for texts in (spellings, spellings.values()))
    con.execute(f"CREATE OR REPLACE TYPE {name} AS ENUM ({written})")
    con.execute(
        f"CREATE OR REPLACE MACRO {name}(s) AS list_extract([{meant}], enum_code(TRY_CAST(s AS {name})) + 1)"
    )


def _install_area_years(con: duckdb.DuckDBPyConnection) -> None:
    """Create the function that compares an area's position in `codes.young_area` with a year since 2000."""
    (known,) = con.execute(
        "SELECT list(areas ORDER BY year) FROM ("
        "SELECT year, count(*) FILTER (CAST(valid_from AS INTEGER) BETWEEN 2001 AND year) AS areas "
        "FROM codes.area, range(2000, 2100) AS years (year) GROUP BY year)"
    ).fetchall()[0]
    # A text with four characters for each year: the planning time of a list grows with its length. The pattern checks
    # the year, because 9e8 is a number too.
    counts = literal("".join(f"{count:<4}" for count in known or []))
    con.execute(
        "CREATE OR REPLACE MACRO _is_area_after(t, year) AS CASE WHEN regexp_matches(year, '^20[0-9]{2}$') THEN "
        "enum_code(TRY_CAST(t AS codes.young_area)) "
        f">= TRY_CAST(rtrim(substr({counts}, 4 * TRY_CAST(year AS INTEGER) - 7999, 4)) AS INTEGER) END"
    )


@cache
def library_digest() -> str:
    """A fingerprint of the library: a table that was made with other functions is out of date."""
    return hashlib.sha256("".join((*_scripts(), _script(_PLACES), _script(_KNOWN))).encode()).hexdigest()


@cache
def function_files(engine: str) -> tuple[str, ...]:
    """The names of the files that hold an engine's functions, each after those whose functions it calls.

    Raises:
        graphlib.CycleError: two files call each other.
    """
    folder = files("warehouse") / "sql" / engine
    names = sorted(file.name.removesuffix(".sql") for file in folder.iterdir() if file.name.endswith(".sql"))
    texts = {name: _script(name, engine) for name in names if name not in (_CODES, _PLACES, _KNOWN)}
    homes = {function: name for name, text in texts.items() for function in _DEFINED.findall(text)}
    calls = {
        name: sorted({homes[f] for f in _CALLED.findall(text) if f in homes} - {name})
        for name, text in texts.items()
    }
    return tuple(TopologicalSorter(calls).static_order())


@cache
def statements(engine: str) -> tuple[str, ...]:
    """The statements that create an engine's functions, for engines that cannot run a script."""
    scripts = "".join(_script(name, engine) for name in function_files(engine))
    return tuple(statement for statement in scripts.split(";\n") if statement.strip())


@cache
def _scripts() -> tuple[str, ...]:
    return tuple(_script(name) for name in (_CODES, *function_files("duckdb")))


@cache
def _script(name: str, engine: str = "duckdb") -> str:
    return (files("warehouse") / "sql" / engine / f"{name}.sql").read_text(encoding="utf-8")
