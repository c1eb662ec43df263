"""Portable SQL: the allow-list of portable.yaml, and the parts of a statement that are not on it.

sqlglot translates syntax that it does not know unchanged, and some syntax that it knows wrongly. So a statement may use
only syntax that tests prove to mean the same on every engine. This module does not translate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import sqlglot
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked_dataclass
from sqlglot import TokenType, exp

from schemas.codes import CODE_IN
from schemas.document import plain_yaml
from schemas.expressions.functions import load_functions

DIALECT = "duckdb"

# sqlglot's names of functions → DuckDB's names.
_DUCKDB_NAMES = {"substring": "substr", "regexp_like": "regexp_matches"}

# Parts of patterns. RE2 and Java differ in classes of characters, word borders and named groups.
_ESCAPE = re.compile(r"\\(x\{[0-9A-Fa-f]{1,6}\}|[dDwW]|[^A-Za-z0-9])|\\(.?)", re.DOTALL)
_GROUP = re.compile(r"\(\?(?!:|i\))")
_CLASS_IN_CLASS = re.compile(r"\[\^?\]?[^\]\\\[]*(?:\\.[^\]\\\[]*)*(?:\[|&&)")


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Construct:
    """A part of SQL: the classes that sqlglot parses it into, and expressions that prove its meaning equal."""

    nodes: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True)
class AllowList:
    """The parts of portable SQL, by section of portable.yaml."""

    statements: Mapping[str, Construct]
    operators: Mapping[str, Construct]
    functions: Mapping[str, Construct]

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The classes of sqlglot that are allowed anywhere."""
        constructs = (*self.statements.values(), *self.operators.values())
        return frozenset(node for construct in constructs for node in construct.nodes)

    @property
    def proofs(self) -> tuple[str, ...]:
        """Every expression that must give the same value on every engine."""
        constructs = (*self.operators.values(), *self.functions.values())
        return tuple(proof for construct in constructs for proof in construct.proofs)


@dataclass(frozen=True, order=True)
class Objection:
    """A part of a statement that is not portable: its line, counted from 1, and the reason."""

    line: int
    message: str


@cache
def load_allow_list() -> AllowList:
    """The allow-list as portable.yaml declares it.

    Raises:
        pydantic.ValidationError: an unknown section, or an entry that is not a Construct.
    """
    text = (files("schemas") / "portable.yaml").read_text(encoding="utf-8")
    sections = TypeAdapter(dict[str, dict[str, Construct]]).validate_python(plain_yaml(text))
    return AllowList(**sections)


def objections(sql: str) -> list[Objection]:
    """The parts of a statement or expression of DuckDB's dialect that are not portable, in line order."""
    dialect = sqlglot.Dialect.get_or_raise(DIALECT)
    tokens = dialect.tokenize(sql)
    found = {
        Objection(token.line, "write `lambda x: …`: the arrow form is gone in DuckDB 2")
        for token in tokens
        if token.token_type is TokenType.ARROW
    }
    for tree in dialect.parser().parse(tokens, sql):
        for node in tree.walk() if tree is not None else ():
            if (message := objection(node)) is not None:
                found.add(Objection(_line(node), message))
    return sorted(found)


def objection(node: exp.Expr) -> str | None:
    """The reason why one node of a statement is not portable, or None. Its children are not checked."""
    allowed = load_allow_list()
    if isinstance(node, exp.Func) and type(node).__name__ not in allowed.nodes:
        name = function_name(node)
        if name not in allowed.functions and name not in load_functions() and not name.startswith(CODE_IN):
            return f"{shown(node)} calls a function that is not portable"
    elif type(node).__name__ not in allowed.nodes:
        return f"{shown(node)} is not portable"
    condition = _CONDITIONS.get(type(node))
    return condition(node) if condition is not None else None


def function_name(node: exp.Func) -> str:
    """The name of a function in our lists."""
    name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
    return _DUCKDB_NAMES.get(name, name)


def shown(node: exp.Expr) -> str:
    """A part of a statement, shortened for a message."""
    text = node.sql(dialect=DIALECT, comments=False)
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`"


def pattern_objection(pattern: str) -> str | None:
    """The part of a regular expression that RE2 and Java read differently, or None."""
    if any(match[1] is None for match in _ESCAPE.finditer(pattern)):
        return r"beside \d, \D, \w, \W and \x{…}, a backslash may only stand before a mark"
    if _GROUP.search(pattern.removeprefix("(?i)")):
        return "of groups only ( ) and (?: ) are portable, and (?i) in front"
    if _CLASS_IN_CLASS.search(_ESCAPE.sub("x", pattern)):
        return r"inside [ ] write \[ for a bracket, and no &&"
    return None


def _pattern(node: exp.Expr) -> str | None:
    pattern = node.expression
    if not isinstance(pattern, exp.Literal):
        return f"{shown(node)}: write the pattern itself, in quotes"
    problem = pattern_objection(pattern.name)
    return f"{shown(node)}: {problem}" if problem else None


def _replaced(node: exp.Expr) -> str | None:
    modifiers, by = node.args.get("modifiers"), node.args.get("replacement")
    if not isinstance(modifiers, exp.Literal) or modifiers.name != "g":
        return f"{shown(node)}: write 'g' behind it, Spark replaces every match"
    if not isinstance(by, exp.Literal) or re.search(r"[\\$]", by.name):
        return f"{shown(node)}: write the replacement itself, without \\ and $"
    return _pattern(node)


def _cast(node: exp.Expr) -> str | None:
    value = node.this.this if isinstance(node.this, exp.Neg) else node.this
    if isinstance(value, exp.Literal | exp.Null | exp.Boolean) and type(node) is exp.Cast:
        return None
    if node.args["to"].is_type(exp.DType.VARCHAR, exp.DType.TEXT):
        return None
    return (
        f"{shown(node)}: engines read numbers and days from text differently, "
        "write parse_integer, parse_number, parse_date or parse_timestamp"
    )


def _count(argument: str, least: int) -> Callable[[exp.Expr], str | None]:
    def condition(node: exp.Expr) -> str | None:
        count = node.args.get(argument)
        if count is None or (isinstance(count, exp.Literal) and count.is_int and int(count.name) >= least):
            return None
        return f"{shown(node)}: write the number itself, {least} or larger"

    return condition


def _divided(node: exp.Expr) -> str | None:
    by = node.expression
    by = by.this if isinstance(by, exp.Paren | exp.Neg) else by
    if isinstance(by, exp.Literal) and not by.is_string and float(by.name) != 0:
        return None
    if isinstance(by, exp.Nullif) and isinstance(by.expression, exp.Literal) and by.expression.name == "0":
        return None
    return f"{shown(node)}: divide by a number written out or by nullif(…, 0), engines differ on zero"


def _joined(node: exp.Expr) -> str | None:
    kind = " ".join(str(node.args.get(part) or "") for part in ("method", "side", "kind")).split()
    plain = not kind or kind == ["ANTI"] or kind[-1] in ("LEFT", "INNER", "CROSS", "JOIN")
    return None if plain else f"{shown(node)}: of joins only JOIN, LEFT JOIN and ANTI JOIN are portable"


def _not_by_name(node: exp.Expr) -> str | None:
    return f"{shown(node)}: BY NAME is not portable" if node.args.get("by_name") else None


def _not_replaced(node: exp.Expr) -> str | None:
    changed = node.args.get("replace") or node.args.get("rename")
    return f"{shown(node)}: of stars only EXCLUDE is portable" if changed else None


# Further conditions for constructs on the list.
_CONDITIONS: Mapping[type[exp.Expr], Callable[[exp.Expr], str | None]] = {
    exp.RegexpLike: _pattern,
    exp.RegexpReplace: _replaced,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Substring: _count("start", 1),
    exp.Left: _count("expression", 0),
    exp.Right: _count("expression", 0),
    exp.Round: _count("decimals", 0),
    exp.Div: _divided,
    exp.Mod: _divided,
    exp.Join: _joined,
    exp.Union: _not_by_name,
    exp.Star: _not_replaced,
}


def _line(node: exp.Expr) -> int:
    """The line of a node. sqlglot keeps lines for words only, not for the nodes that contain them."""
    above: exp.Expr | None = node
    while above is not None:
        lines: Iterator[int] = (int(n.meta["line"]) for n in above.walk() if "line" in n.meta)
        if (line := next(lines, None)) is not None:
            return line
        above = above.parent
    return 1
