"""SQL expressions in contracts: the syntax that a rule or a derived column may use.

An expression is about one row: it may name the dataset's columns, the joined rows, the batch date, and functions of a
short list. Statements, sub-queries, windows, aggregates, file functions and settings are refused before anything runs.
So is syntax that has another meaning on another engine. The engine checks the types.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import cache

import duckdb
import sqlglot
from sqlglot import TokenType, exp

from schemas.expressions.functions import Function
from schemas.expressions.portable import function_name, objection, pattern_objection

DIALECT = "duckdb"
# The most characters of an expression.
LONGEST = 10_000
_TOO_DEEP = "the expression is nested too deeply: write it flatter"
BATCH_DATE = "batch_date"

# DuckDB's own functions that an expression may call, with the fewest and the most arguments.
_MANY = 99
STANDARD_FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "abs": (1, 1),
    "cast": (1, 1),
    "coalesce": (1, _MANY),
    "concat": (1, _MANY),
    "day": (1, 1),
    "ends_with": (2, 2),
    "greatest": (1, _MANY),
    "least": (1, _MANY),
    "left": (2, 2),
    "length": (1, 1),
    "lower": (1, 1),
    "month": (1, 1),
    "nullif": (2, 2),
    "regexp_matches": (2, 2),
    "replace": (3, 3),
    "right": (2, 2),
    "round": (1, 2),
    "starts_with": (2, 2),
    "substr": (2, 3),
    "trim": (1, 2),
    "try_cast": (1, 1),
    "upper": (1, 1),
    "year": (1, 1),
}

# Operators and words, as docs/contracts.md lists them, with the classes that sqlglot parses them into.
OPERATORS: Mapping[str, tuple[type[exp.Expr], ...]] = {
    "and, or, not": (exp.And, exp.Or, exp.Not),
    "=, <>, <, <=, >, >=": (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE),
    "is null, is true, is false": (exp.Is,),
    "is distinct from": (exp.NullSafeEQ, exp.NullSafeNEQ),
    "in": (exp.In,),
    "between": (exp.Between,),
    "like": (exp.Like,),
    "+, -, *, /, %": (exp.Add, exp.Sub, exp.Neg, exp.Mul, exp.Div, exp.Mod),
    "||": (exp.DPipe,),
    "case when": (exp.Case, exp.If),
    "date": (),
}
_STRUCTURE: tuple[type[exp.Expr], ...] = (
    exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.DataType,
    *(kind for kinds in OPERATORS.values() for kind in kinds),
)  # fmt: skip

# Every mark that an expression may contain. Others are refused before parsing: `~` is a full match in DuckDB and a
# search in sqlglot, `[` begins a list, `:` a parameter.
_SYMBOLS = frozenset(
    {"(", ")", ",", ".", "=", "<>", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "||"}
)
_INSTEAD = {
    "::": ": write cast(… as varchar), parse_integer, parse_number or parse_date",
    "~": ": write regexp_matches",
    "==": ": write =",
    ";": ": write one expression",
}
_TEXTS = frozenset(
    {
        TokenType.STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING, TokenType.NUMBER,
        TokenType.IDENTIFIER,
    }
)  # fmt: skip

# The reason why a construct is refused, by the classes that sqlglot parses it into. The first match counts.
_REFUSALS: tuple[tuple[tuple[type[exp.Expr], ...], str], ...] = (
    ((exp.Query, exp.Exists), "a sub-query is not allowed: look at another dataset with join"),
    (
        (exp.Window, exp.AggFunc, exp.Filter),
        "{sql} looks at several rows: an expression is about one",
    ),
    ((exp.Lambda,), "a lambda is not allowed: an expression is about single values"),
    ((exp.Star, exp.Columns), "{sql}: name the columns one by one"),
    ((exp.Interval,), "{sql}: add or subtract days as a whole number, such as batch_date - 30"),
    ((exp.RawString, exp.ByteString), "write texts in single quotes, without a letter before them"),
)

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True)
class Scope:
    """The names that an expression may use.

    Attributes:
        columns: the dataset's columns.
        functions: our own function library.
        joined: alias of each joined row → its columns.
        dated: whether `batch_date` may be named. A derived column may not: it must not change from day to day.
    """

    columns: Collection[str]
    functions: Mapping[str, Function]
    joined: Mapping[str, Collection[str]] = field(default_factory=dict)
    dated: bool = True


def parse(expression: str) -> exp.Expr:
    """Parse one scalar expression.

    Raises:
        ValueError: the text is not one expression. The message has the place and the remedy.
    """
    _check_characters(expression)
    try:
        _check_symbols(expression)
        return sqlglot.parse_one(expression, into=exp.Condition, dialect=DIALECT)
    except sqlglot.errors.ParseError as error:
        if not error.errors:
            raise ValueError("there is no SQL expression") from None
        place = error.errors[0]
        where = f"line {place['line']}, near `{place['highlight']}`"
        raise ValueError(f"not one SQL expression ({where})") from None
    except sqlglot.errors.SqlglotError:
        raise ValueError("not SQL: a quote is not closed") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def _check_characters(expression: str) -> None:
    """Refuse characters at which an engine may end a text, or that cannot be passed to it."""
    if len(expression) > LONGEST:
        raise ValueError(f"the expression has {len(expression)} characters: write {LONGEST} or fewer")
    for place, character in enumerate(expression, start=1):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise ValueError(f"character {place} is no character of a text: take it out")


def _check_symbols(expression: str) -> None:
    for token in sqlglot.tokenize(expression, read=DIALECT):
        word = token.token_type in _TEXTS or token.text.replace("_", "").replace(" ", "").isalnum()
        if not word and token.text not in _SYMBOLS:
            hint = _INSTEAD.get(token.text, "")
            raise ValueError(f"`{token.text}` is not allowed in an expression{hint}")


def problems(expression: str, scope: Scope) -> list[str]:
    """The problems of an expression, in words; empty if it may run.

    Args:
        expression: SQL in DuckDB's dialect.
        scope: the names that it may use.
    """
    try:
        tree = parse(expression)
        return list(dict.fromkeys(_ExpressionJudge(scope).node(tree)))
    except ValueError as error:
        return [str(error)]
    except RecursionError:
        return [_TOO_DEEP]


@cache
def qualify(expression: str, alias: str) -> str:
    """The expression with `alias` as the table of every unqualified column."""
    tree = parse(expression)
    for column in tree.find_all(exp.Column):
        if not column.table:
            column.set("table", exp.to_identifier(alias))
    return str(tree.sql(dialect=DIALECT, comments=False))


@cache
def cheap_first(expression: str) -> str:
    """An equivalent condition in which the parts of an AND without library functions come first.

    So the costly functions are computed for few rows. Example: `is_phone(phone) AND status = '1'` becomes
    `status = '1' AND is_phone(phone)`. The order is free, because no function fails for any value.
    """
    tree = parse(expression)
    if not isinstance(tree, exp.And):
        return expression
    parts = sorted(tree.flatten(), key=lambda part: len(list(part.find_all(exp.Anonymous))))
    return str(exp.and_(*parts, copy=True).sql(dialect=DIALECT, comments=False))


@cache
def columns_of(expression: str, alias: str) -> frozenset[str]:
    """The columns that an expression takes from `alias`."""
    columns = parse(expression).find_all(exp.Column)
    return frozenset(column.name for column in columns if column.table == alias)


@cache
def _judge_of_patterns() -> duckdb.DuckDBPyConnection:
    """A connection that checks patterns. It is opened once: opening takes longer than all checks."""
    return duckdb.connect(config={"threads": 1})


@cache
def pattern_problem(pattern: str) -> str | None:
    """The problem of a regular expression, or None if RE2 and Java both read it, with the same meaning."""
    with _judge_of_patterns().cursor() as connection:
        try:
            connection.execute("SELECT regexp_matches('', ?)", [pattern])
        except duckdb.Error as error:
            reason = str(error).partition(": ")[2].partition("\n")[0]
            return f"`{pattern}` is not a regular expression of RE2: {reason}"
    differs = pattern_objection(pattern)
    return f"`{pattern}` is not portable: {differs}" if differs else None


def is_constant(text: str, logical_type: str) -> bool:
    """Whether a text is a value of a type in DuckDB, in the one spelling that every engine reads."""
    if logical_type == "integer":
        return _INTEGER.fullmatch(text) is not None
    if logical_type == "number":
        return _NUMBER.fullmatch(text) is not None
    shape = {"date": _DATE, "timestamp": _TIMESTAMP}.get(logical_type)
    if shape is None or not shape.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


class _ExpressionJudge:
    """Checks the nodes of one expression from the top. It reports nothing below a refused node."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def node(self, node: exp.Expr) -> Iterator[str]:
        own = list(self._own(node))
        if not own and (said := objection(node)) is not None:
            own = [said]
        yield from own
        if not own and not isinstance(node, exp.Column):
            for child in node.iter_expressions():
                yield from self.node(child)

    def _own(self, node: exp.Expr) -> Iterator[str]:
        for kinds, message in _REFUSALS:
            if isinstance(node, kinds):
                yield message.format(sql=_shown(node))
                return
        if isinstance(node, exp.Column):
            yield from self._column(node)
        elif isinstance(node, exp.Cast):
            yield from _cast(node)
        elif isinstance(node, exp.In) and not (node.expressions or node.args.get("query")):
            yield f"{_shown(node)}: write the values in brackets, such as in ('1', '2')"
        elif isinstance(node, exp.Is) and not isinstance(node.expression, exp.Null | exp.Boolean):
            yield f"{_shown(node)}: after `is` write null, true, false or distinct from"
        elif isinstance(node, exp.Func) and not isinstance(node, _STRUCTURE):
            yield from self._function(node)
        elif not isinstance(node, _STRUCTURE):
            yield f"{_shown(node)} is not allowed in an expression"

    def _column(self, node: exp.Column) -> Iterator[str]:
        joined = self.scope.joined
        if isinstance(node.this, exp.Star):
            yield f"{_shown(node)}: name the columns one by one"
        elif node.args.get("db"):
            yield f"{_shown(node)}: write <alias>.<column>, with an alias declared under join"
        elif not node.table:
            known = {*self.scope.columns, *([BATCH_DATE] if self.scope.dated else [])}
            if node.name not in known:
                yield f"unknown column {node.name}{_nearest(node.name, known)}"
        elif node.table not in joined:
            yield f"{_shown(node)}: {node.table} is not an alias under join"
        elif node.name not in joined[node.table]:
            near = _nearest(node.name, joined[node.table])
            yield f"{_shown(node)}: the joined dataset has no such column{near}"

    def _function(self, node: exp.Func) -> Iterator[str]:
        name = function_name(node)
        if name in self.scope.functions:
            fewest = most = len(self.scope.functions[name].parameters)
        elif name in STANDARD_FUNCTIONS:
            fewest, most = STANDARD_FUNCTIONS[name]
        else:
            near = _nearest(name, {*self.scope.functions, *STANDARD_FUNCTIONS}, cutoff=0.75)
            yield f"{_shown(node)} calls a function that is not in the library{near}"
            return
        given = len(list(node.iter_expressions()))
        if not fewest <= given <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            yield f"{name} takes {wanted} arguments, not {given}"
        elif isinstance(node, exp.RegexpLike):
            pattern = node.expression
            if not isinstance(pattern, exp.Literal):
                yield f"{_shown(node)}: write the pattern itself, in quotes"
            elif problem := pattern_problem(pattern.name):
                yield problem


def _cast(node: exp.Cast) -> Iterator[str]:
    if node.to.is_type(exp.DType.DATE) and isinstance(node.this, exp.Literal):
        if not is_constant(node.this.name, "date"):
            yield f"{node.this.name} is not a date: write date '2026-03-02'"
    elif not node.to.is_type(exp.DType.VARCHAR, exp.DType.TEXT) or node.to.expressions:
        yield (
            f"{_shown(node)}: cast to varchar only; a text becomes a number or a day by "
            "parse_integer, parse_number, parse_date or parse_timestamp"
        )


def _shown(node: exp.Expr) -> str:
    text = node.sql(dialect=DIALECT, comments=False)
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`"


def _nearest(name: str, known: Collection[str], cutoff: float = 0.6) -> str:
    near = get_close_matches(name.lower(), sorted(known), n=1, cutoff=cutoff)
    return f" (did you mean {near[0]}?)" if near else ""
