"""A contract as SQL: the table with its types and a comment on everything, in DuckDB's dialect."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.contract.model import Contract, LogicalType

SQL_TYPES: Mapping[LogicalType, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
}


def quote(name: str) -> str:
    """An identifier in SQL quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant in SQL quotes. For constants of contracts, never for delivered values."""
    return "'" + text.replace("'", "''") + "'"


def create_table(contract: Contract) -> str:
    """The statements that create a dataset's standard table and describe it."""
    table = f"{quote(contract.department)}.{quote(contract.dataset)}"
    columns = ",\n".join(f"  {quote(column.name)} {SQL_TYPES[column.type]}" for column in contract.columns)
    statements = [
        f"CREATE SCHEMA IF NOT EXISTS {quote(contract.department)};",
        f"CREATE TABLE {table} (\n{columns}\n);",
        f"COMMENT ON TABLE {table} IS {literal(contract.comment)};",
        *(
            f"COMMENT ON COLUMN {table}.{quote(column.name)} IS {literal(column.comment)};"
            for column in contract.columns
        ),
    ]
    return "\n".join(statements) + "\n"
