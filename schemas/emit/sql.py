"""A contract as SQL: the table with its types and a comment on everything, in DuckDB's dialect."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.contract import Column, Contract, LogicalType

SQL_TYPES: Mapping[LogicalType, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
}


def quote(name: str) -> str:
    """An identifier as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant as SQL writes it; for constants of contracts, never for delivered values."""
    return "'" + text.replace("'", "''") + "'"


def column_comment(column: Column) -> str:
    """What the database says of a column."""
    return f"{column.title}：{column.description}" if column.description else column.title


def create_table(contract: Contract) -> str:
    """The statements that create a dataset's standard table and describe it."""
    table = f"{quote(contract.department)}.{quote(contract.dataset)}"
    columns = ",\n".join(f"  {quote(column.name)} {SQL_TYPES[column.type]}" for column in contract.columns)
    comment = f"{contract.title}：{contract.description}" if contract.description else contract.title
    statements = [
        f"CREATE SCHEMA IF NOT EXISTS {quote(contract.department)};",
        f"CREATE TABLE {table} (\n{columns}\n);",
        f"COMMENT ON TABLE {table} IS {literal(comment)};",
        *(
            f"COMMENT ON COLUMN {table}.{quote(column.name)} IS {literal(column_comment(column))};"
            for column in contract.columns
        ),
    ]
    return "\n".join(statements) + "\n"
