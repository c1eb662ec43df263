"""How a column's values are written in SQL: its type, how delivered text becomes a value, how it is shown.

One place for each of the three, so that a correction typed into a workbook, a suggestion, a bound in a
contract and a delivered cell all go the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from schemas.kinds import load_kinds

from schemas.codes import CodeLibrary
from schemas.contract import Column, LogicalType
from schemas.emit.sql import SQL_TYPES, literal

_READERS: Mapping[LogicalType, str] = {
    "integer": "parse_integer({0})",
    "number": "parse_number({0})",
    "date": "parse_date({0})",
    "timestamp": "try_cast(clean_text({0}) AS TIMESTAMP)",
    "boolean": "parse_boolean({0})",
}

# A code table longer than this is looked up by its codes alone: its labels are names, not spellings of a code.
LABELLED_CODES = 200


def delivered_name(column: Column) -> str:
    """The column that keeps the text which would not convert."""
    return f"{column.name}__delivered"


def value_of(column: Column, text: str, codes: CodeLibrary) -> str:
    """The SQL that turns delivered text into the column's value, NULL when it will not convert.

    Args:
        column: the column of the contract.
        text: an SQL expression of type VARCHAR.
        codes: the code tables; a label that a department writes becomes its code, an unknown one stays.
    """
    if column.type != "string":
        return _READERS[column.type].format(text)
    kind = load_kinds()[column.kind] if column.kind else None
    cleaned = f"{kind.normalise}({text})" if kind else f"clean_text({text})"
    return _coded(cleaned, column.codes, codes) if column.codes else cleaned


def _coded(cleaned: str, table: str, codes: CodeLibrary) -> str:
    spellings = codes.load(table).spellings.filter(pl.col("spelling") != pl.col("code"))
    if spellings.height > LABELLED_CODES:
        return cleaned
    by_code: dict[str, list[str]] = {}
    for spelling, code in spellings.sort("code", "spelling").iter_rows():
        by_code.setdefault(code, []).append(literal(spelling))
    branches = " ".join(
        f"WHEN {cleaned} IN ({', '.join(words)}) THEN {literal(code)}"
        for code, words in by_code.items()
    )
    return f"CASE {branches} ELSE {cleaned} END" if branches else cleaned


def shown(expression: str, logical_type: LogicalType) -> str:
    """The SQL that writes a value as text, the way a person writes it: 380 rather than 380.0."""
    if logical_type == "string":
        return expression
    text = f"CAST({expression} AS VARCHAR)"
    if logical_type == "number":
        return f"regexp_replace({text}, '\\.0$', '')"
    return text


def bound(text: str, logical_type: LogicalType) -> str:
    """A bound of a contract as an SQL constant of the column's type."""
    return f"CAST({literal(text)} AS {SQL_TYPES[logical_type]})"
