"""SQL expressions in contracts: what a rule or a derived column may say.

An expression speaks of one row: its dataset's columns, the rows joined to it, the batch date, and functions
from a short list that means the same on every engine. Statements, sub-queries, windows, file functions and
settings are refused before anything runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlglot
from sqlglot import exp

DIALECT = "duckdb"

# Functions of the engines themselves that mean the same in DuckDB and Spark.
STANDARD_FUNCTIONS = frozenset(
    {
        "abs", "cast", "coalesce", "concat", "day", "ends_with", "greatest", "least", "left",
        "length", "lower", "month", "nullif", "regexp_matches", "replace", "right", "round",
        "starts_with", "substr", "trim", "upper", "year",
    }
)  # fmt: skip

# sqlglot parses these spellings into classes of another name.
_CLASS_NAMES = {
    "substring": "substr",
    "regexp_like": "regexp_matches",
    "regexp_full_match": "regexp_full_match",
    "char_length": "length",
}

_STRUCTURE: tuple[type[exp.Expression], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Tuple,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is,
    exp.In, exp.Between, exp.Like, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg,
    exp.Case, exp.If, exp.DataType, exp.DPipe,
)  # fmt: skip

BATCH_DATE = "batch_date"


def function_name(node: exp.Func) -> str:
    """The name under which a function stands in our lists."""
    name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
    return _CLASS_NAMES.get(name.lower(), name.lower())


def parse(expression: str) -> exp.Expression:
    """Parse one scalar expression.

    Raises:
        ValueError: it is not one expression; says why.
    """
    try:
        statements = sqlglot.parse(f"SELECT {expression}", dialect=DIALECT)
    except sqlglot.errors.SqlglotError as error:
        first = str(error).splitlines()[0]
        raise ValueError(f"not an SQL expression: {first}") from error
    select = statements[0] if len(statements) == 1 else None
    if not isinstance(select, exp.Select) or len(select.expressions) != 1:
        raise ValueError("write one SQL expression, not a statement or a list")
    others = {name for name, value in select.args.items() if value} - {"expressions", "kind"}
    if others:
        raise ValueError("write one SQL expression without from, where or order by")
    return select.expressions[0]


def problems(
    expression: str,
    columns: Collection[str],
    joined: Mapping[str, Collection[str]],
    functions: Collection[str],
) -> list[str]:
    """What is wrong with an expression, in words; empty when it may run.

    Args:
        expression: SQL in DuckDB's dialect.
        columns: the dataset's columns; the batch date is always known.
        joined: alias of each joined row → its columns.
        functions: names of our own function library.
    """
    try:
        tree = parse(expression)
    except ValueError as error:
        return [str(error)]
    found = []
    for node in tree.walk():
        if isinstance(node, exp.Column):
            found += _column_problems(node, columns, joined)
        elif isinstance(node, _STRUCTURE):
            continue
        elif isinstance(node, exp.Func):
            name = function_name(node)
            if name not in functions and name not in STANDARD_FUNCTIONS:
                found.append(
                    f"function {name} is not in the library: see `zhenjie contract functions`"
                )
        else:
            found.append(f"{node.key} is not allowed in an expression about one row")
    return found


def _column_problems(
    node: exp.Column, columns: Collection[str], joined: Mapping[str, Collection[str]]
) -> list[str]:
    if not node.table:
        if node.name in columns or node.name == BATCH_DATE:
            return []
        return [f"unknown column {node.name}"]
    if node.table not in joined:
        return [f"{node.table}.{node.name}: {node.table} is not an alias under join"]
    if node.name not in joined[node.table]:
        return [f"{node.table}.{node.name}: the joined dataset has no such column"]
    return []


def qualify(expression: str, alias: str) -> str:
    """The expression with every column that names no table told to be of `alias`."""
    tree = parse(expression).copy()
    for column in list(tree.find_all(exp.Column)):
        if not column.table:
            column.set("table", exp.to_identifier(alias))
    return tree.sql(dialect=DIALECT)


def columns_of(expression: str, alias: str) -> set[str]:
    """The columns that an expression takes from `alias`."""
    return {
        column.name for column in parse(expression).find_all(exp.Column) if column.table == alias
    }
