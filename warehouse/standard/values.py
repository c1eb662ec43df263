"""A column's values in SQL: its type, the conversion from delivered text, and the text that is shown.

One function for each, so that a correction in a workbook, a suggestion, a bound in a contract and a delivered cell
are converted in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.codes import CODE_IN, CodeLibrary
from schemas.contract.model import Column, LogicalType
from schemas.emit.sql import SQL_TYPES, literal
from schemas.kinds import load_kinds

_READERS: Mapping[LogicalType, str] = {
    "integer": "parse_integer({0})",
    "number": "parse_number({0})",
    "date": "parse_date({0})",
    "timestamp": "parse_timestamp({0})",
    "boolean": "parse_boolean({0})",
}


def delivered_name(column: Column) -> str:
    """The name of the column that keeps the text that did not convert."""
    return f"{column.name}__delivered"


def value_of(column: Column, text: str, codes: CodeLibrary) -> str:
    """The SQL that converts delivered text to the column's value, NULL if it does not convert.

    Args:
        column: the column of the contract.
        text: an SQL expression of type VARCHAR.
        codes: the code tables; a known label becomes its code, an unknown text stays.
    """
    return coded(column, read(column, text, codes), codes)


def read(column: Column, text: str, codes: CodeLibrary) -> str:
    """The first of two steps: clean or parse the text. See `value_of` for the arguments."""
    if column.type != "string":
        return _READERS[column.type].format(text)
    if column.kind is not None:
        return f"{load_kinds()[column.kind].normalise}({text})"
    # A label such as 未知 also means a missing value: the code table must be asked before the text becomes NULL.
    return f"tidy_text({text})" if _by_label(column, codes) else f"clean_text({text})"


def coded(column: Column, cleaned: str, codes: CodeLibrary) -> str:
    """The second step: replace a spelling by its code.

    Args:
        column: the column of the contract.
        cleaned: the result of `read`, as an SQL expression. Pass a column: the expression is used twice.
        codes: the code tables.
    """
    if not _by_label(column, codes):
        return cleaned
    return f"coalesce({CODE_IN}{column.codes}({cleaned}), clean_text({cleaned}))"


def _by_label(column: Column, codes: CodeLibrary) -> bool:
    """Whether a label is also accepted for the column's code."""
    return column.codes is not None and codes.load(column.codes).is_labelled


def shown(expression: str, logical_type: LogicalType) -> str:
    """The SQL that writes a value as a person writes it: 380 instead of 380.0, 是 for true."""
    if logical_type == "string":
        return expression
    if logical_type == "boolean":
        return f"CASE WHEN {expression} THEN '是' WHEN NOT {expression} THEN '否' END"
    text = f"CAST({expression} AS VARCHAR)"
    if logical_type == "number":
        return f"regexp_replace({text}, '[.]0$', '', 'g')"
    return text


def bound(text: str, logical_type: LogicalType) -> str:
    """A bound of a contract as an SQL constant of the column's type."""
    return f"CAST({literal(text)} AS {SQL_TYPES[logical_type]})"
