"""Puts the SQL function library into a DuckDB connection.

Here: which files of warehouse/sql/duckdb hold the macros, and in what order they build on each other. What
each function promises is declared in schemas/functions.yaml, what it does is in the .sql files. Macros whose
name begins with an underscore are steps of another one; contracts and rules cannot name them.
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

# The files of the folder that hold no functions: the code tables come first, the others are run when these are filled.
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
    """Work out from the code tables of the schema `codes` how addresses name places; again after any change there.

    Args:
        con: an open connection with the code tables `division` and `area`.
    """
    con.execute(_script(_PLACES))
    _install_area_years(con)
    row = con.execute(_script(_KNOWN)).fetchone()
    if row is None or row[0] is None:
        return  # no county in use: no address names one
    # As constants: a sub-query joins what it finds to every row, which can take a hundred times as long. Names are
    # looked up by their hash, as those of an enumeration.
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
    """Make a function that looks a text up.

    Args:
        con: an open connection.
        name: of the function; it takes a text and gives NULL for one that is not in the table.
        spellings: what each text stands for.
    """
    # As constants: a sub-query joins the table to every row, which can take a hundred times as long, and a map is
    # searched from its beginning. An enumeration is looked up by its hash, and made once when it has a name.
    written, meant = (", ".join(map(literal, texts)) for texts in (spellings, spellings.values()))
    con.execute(f"CREATE OR REPLACE TYPE {name} AS ENUM ({written})")
    con.execute(
        f"CREATE OR REPLACE MACRO {name}(s) AS list_extract([{meant}], enum_code(TRY_CAST(s AS {name})) + 1)"
    )


def _install_area_years(con: duckdb.DuckDBPyConnection) -> None:
    """Tell from an area's place in `codes.young_area` whether it was there in a year since 2000."""
    (known,) = con.execute(
        "SELECT list(areas ORDER BY year) FROM ("
        "SELECT year, count(*) FILTER (CAST(valid_from AS INTEGER) BETWEEN 2001 AND year) AS areas "
        "FROM codes.area, range(2000, 2100) AS years (year) GROUP BY year)"
    ).fetchall()[0]
    # Text of four characters a year: a list takes as long to plan as it has members. 9e8 is a number, too.
    counts = literal("".join(f"{count:<4}" for count in known or []))
    con.execute(
        "CREATE OR REPLACE MACRO _is_area_after(t, year) AS CASE WHEN regexp_matches(year, '^20[0-9]{2}$') THEN "
        "enum_code(TRY_CAST(t AS codes.young_area)) "
        f">= TRY_CAST(rtrim(substr({counts}, 4 * TRY_CAST(year AS INTEGER) - 7999, 4)) AS INTEGER) END"
    )


@cache
def library_digest() -> str:
    """A fingerprint of the library: what was made with other functions is out of date."""
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
    """The statements that create an engine's functions one by one, for engines that take no script."""
    scripts = "".join(_script(name, engine) for name in function_files(engine))
    return tuple(statement for statement in scripts.split(";\n") if statement.strip())


@cache
def _scripts() -> tuple[str, ...]:
    return tuple(_script(name) for name in (_CODES, *function_files("duckdb")))


@cache
def _script(name: str, engine: str = "duckdb") -> str:
    return (files("warehouse") / "sql" / engine / f"{name}.sql").read_text(encoding="utf-8")
