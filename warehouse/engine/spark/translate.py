"""Translates portable SQL from DuckDB's dialect to Spark's, including differences that sqlglot does not know.

`schemas.expressions.portable` lists the allowed SQL; a statement that is not portable is refused here too. Each case
that sqlglot would translate with another meaning has one rewriting; tests/parity proves each rewriting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlglot
from sqlglot import exp

from schemas.expressions.functions import load_functions
from schemas.expressions.portable import DIALECT, objections

# Relation alias and column name → DuckDB's type; the alias is "" for columns that are named without a relation.
Types = Mapping[tuple[str, str], str]

_OF_TYPES: Mapping[exp.DType, str] = {
    exp.DType.DOUBLE: "DOUBLE",
    exp.DType.DATE: "DATE",
    exp.DType.TIMESTAMPNTZ: "TIMESTAMP",
}
# An escape character that occurs in no text: DuckDB's LIKE has no escape, Spark's LIKE takes a backslash as one.
_NO_ESCAPE = "\x01"


class NotPortable(ValueError):
    """A statement has parts that are on no allow-list; names each part and the reason."""


def to_spark(sql: str, types: Types) -> str:
    """A statement or expression in Spark's dialect.

    Args:
        sql: portable SQL in DuckDB's dialect.
        types: the columns that are floating-point numbers, days or times; other columns are texts or whole numbers.

    Raises:
        NotPortable: a part of the statement is not on the allow-list.
    """
    if found := objections(sql):
        raise NotPortable("; ".join(f"line {o.line}: {o.message}" for o in found))
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    kinds: dict[int, str | None] = {}
    # From the leaves up, so that the children of a rewritten node are already rewritten.
    for node in reversed(list(tree.walk())):
        kinds[id(node)] = _kind(node, kinds, types)
        rewrite = _REWRITINGS.get(type(node))
        written = rewrite(node, kinds) if rewrite is not None else node
        if written is not node:
            kinds[id(written)] = kinds[id(node)]
            if node is tree:
                tree = written
            else:
                node.replace(written)
    return str(tree.sql(dialect="spark", comments=False))


def java_pattern(pattern: str) -> str:
    """A pattern of RE2 for Java: `$` only matches the end of the text, and only a line feed ends a line."""
    written, in_class, escaped = [], False, False
    for sign in pattern:
        end = sign == "$" and not in_class and not escaped
        written.append(r"\z" if end else sign)
        if not escaped:
            in_class = sign == "[" or (in_class and sign != "]")
        escaped = sign == "\\" and not escaped
    folded = pattern.startswith("(?i)")
    return f"(?diu){''.join(written)[4:]}" if folded else f"(?d){''.join(written)}"


def _kind(node: exp.Expr, kinds: Mapping[int, str | None], types: Types) -> str | None:
    """DOUBLE, DATE or TIMESTAMP, if the type is known; None for all other types."""
    if isinstance(node, exp.Column):
        return types.get((node.table, node.name))
    if isinstance(node, exp.Cast):
        return _OF_TYPES.get(node.to.this)
    if isinstance(node, exp.Anonymous) and node.name.lower() in load_functions():
        return load_functions()[node.name.lower()].returns
    if isinstance(node, exp.Div):
        return "DOUBLE"
    if isinstance(node, exp.Case):
        values = [*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default")]
    elif isinstance(node, exp.If):
        values = [node.args["true"], node.args.get("false")]
    elif isinstance(node, _LIKE_THEIR_PARTS):
        values = list(node.iter_expressions())
    else:
        return None
    found = [kind for value in values if value is not None and (kind := kinds.get(id(value)))]
    if isinstance(node, exp.Sub) and found == ["DATE", "DATE"]:
        return None
    return found[0] if found else None


_LIKE_THEIR_PARTS = (
    exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.Neg, exp.Paren, exp.Abs, exp.Round, exp.Coalesce, exp.Nullif,
    exp.Greatest, exp.Least, exp.Max, exp.Min, exp.Filter,
)  # fmt: skip

Kinds = Mapping[int, str | None]


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _text(node: exp.Expr, kind: str | None) -> exp.Expr:
    """A value as DuckDB writes it. Java writes large and small numbers differently: 1.0E7 for 10000000.0."""
    if isinstance(node, exp.Literal) and node.is_string:
        return node.copy()
    text = exp.cast(node.copy(), "TEXT")
    return _call("_double_text", text) if kind == "DOUBLE" else text


def _cast(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    if node.args["to"].is_type(exp.DType.VARCHAR, exp.DType.TEXT):
        kind = kinds.get(id(node.this))
        return _text(node.this, kind) if kind == "DOUBLE" else node
    return node


def _concat(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """NULLs are left out, as concat_ws does on both engines."""
    parts = [_text(part, kinds.get(id(part))) for part in node.expressions]
    return _call("concat_ws", exp.Literal.string(""), *parts)


def _concat_ws(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    separator, *values = node.expressions
    return _call("concat_ws", separator, *(_text(part, kinds.get(id(part))) for part in values))


def _joined_texts(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    sides = [_text(side, kinds.get(id(side))) for side in (node.this, node.expression)]
    return exp.Paren(this=exp.DPipe(this=sides[0], expression=sides[1], safe=True))


def _matches(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    pattern = exp.Literal.string(java_pattern(node.expression.name))
    return exp.Paren(this=exp.RegexpLike(this=node.this.copy(), expression=pattern))


def _replaced(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    pattern = exp.Literal.string(java_pattern(node.expression.name))
    return _call("regexp_replace", node.this, pattern, node.args["replacement"])


def _like(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    if isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string(_NO_ESCAPE))


def _division(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    sides = [exp.cast(side.copy(), "DOUBLE") for side in (node.this, node.expression)]
    return exp.Div(this=sides[0], expression=sides[1], typed=False, safe=False)


def _rounded(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """DuckDB rounds the binary number multiplied by a power of ten, Spark rounds its decimal notation."""
    places = node.args.get("decimals")
    if places is None or kinds.get(id(node.this)) != "DOUBLE":
        return node
    scale = exp.Literal.number(f"1e{int(places.name)}")
    scaled = exp.Round(this=exp.Mul(this=exp.Paren(this=node.this.copy()), expression=scale))
    return exp.Div(this=scaled, expression=scale.copy(), typed=False, safe=False)


def _days(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """A day plus or minus a number of days, or the difference of two days; arithmetic on numbers stays."""
    first, second = (kinds.get(id(side)) for side in (node.this, node.expression))
    if first == second == "DATE":
        return exp.cast(_call("datediff", node.this, node.expression), "BIGINT")
    if "DATE" in (first, second):
        day, number = (node.this, node.expression) if first == "DATE" else (node.expression, node.this)
        name = "date_sub" if isinstance(node, exp.Sub) else "date_add"
        return _call(name, day, exp.cast(number.copy(), "INT"))
    return node


def _own(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    if node.name.lower() == "map_extract_value":
        return _call("try_element_at", *node.expressions)
    return node


def _table(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """Code tables are views: Spark has no schemas for temporary views."""
    if node.text("db") != "codes":
        return node
    table = node.copy()
    table.set("db", None)
    table.set("this", exp.to_identifier(f"codes__{node.name}"))
    return table


_REWRITINGS: Mapping[type[exp.Expr], Callable[[exp.Expr, Kinds], exp.Expr]] = {
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Concat: _concat,
    exp.ConcatWs: _concat_ws,
    exp.DPipe: _joined_texts,
    exp.RegexpLike: _matches,
    exp.RegexpReplace: _replaced,
    exp.Like: _like,
    exp.Div: _division,
    exp.Round: _rounded,
    exp.Add: _days,
    exp.Sub: _days,
    exp.Anonymous: _own,
    exp.Table: _table,
}
