"""Common subexpressions: an expression that several checks use is computed once per row (example: an ID's checksum).

DuckDB plans and computes an expression as often as the query contains it, in the branches of CASE too, and a checksum
is the most expensive part of a rule. The functions of our library fail for no value, so early evaluation is safe.
`quality.rules.rule` declares the checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from sqlglot import exp

from quality.rules.rule import ROW, RuleCheck
from schemas.emit.sql import quote
from schemas.expressions.functions import load_functions
from schemas.expressions.parse import DIALECT, parse

# What of a check is SQL over its row: when it is violated, what is suggested, what shows it.
_Parts = tuple[str, str | None, str | None]


def share_calls(checks: Sequence[RuleCheck]) -> tuple[Mapping[str, str], list[RuleCheck]]:
    """Take what is asked of a row at least twice, or on behalf of another call, out of the checks.

    What no check asks, only a suggestion or an evidence, is left where it is: few rows need it.

    Returns:
        New columns of the row with the SQL that computes them, and the checks that read them there.
    """
    names, reading = _shared(tuple((check.violates, check.suggestion, check.evidence) for check in checks))
    return names, [
        replace(check, violates=violates, suggestion=suggestion, evidence=evidence)
        for check, (violates, suggestion, evidence) in zip(checks, reading, strict=True)
    ]


def judge_rows(checks: Sequence[RuleCheck]) -> tuple[Mapping[str, str], list[RuleCheck]]:
    """Take the conditions that look at nothing but the row out of the checks.

    Returns:
        New columns of the row with the SQL that computes them, and the checks that read them there.
    """
    columns, reading = {}, []
    for number, check in enumerate(checks):
        name = f"judged {number}"
        if not check.lookups:
            columns[name] = check.violates
        reading.append(check if check.lookups else replace(check, violates=f"{ROW}.{quote(name)}"))
    return columns, reading


# A dataset's query is asked for more than once a turn, and parsing its checks takes most of the time.
@cache
def _shared(checks: tuple[_Parts, ...]) -> tuple[Mapping[str, str], tuple[_Parts, ...]]:
    trees = [tuple(parse(text) if text else None for text in parts) for parts in checks]
    calls = [tuple(_asked(tree) for tree in parts) for parts in trees]
    asked = sum((part for parts in calls for part in parts), Counter[str]())
    judges = [tree for tree, *_ in trees]
    judging = {call for part, *_ in calls for call in part}
    # A function of ours is SQL that may name an argument many times, and what is asked there is computed as often.
    argued = {_text(node) for tree in judges for node in _calls(tree) if _is_ours(node.parent)}
    wanted = argued | {call for call in judging if asked[call] > 1}
    # As with `judged`, no column of a contract has a blank in its name.
    names = {call: f"asked {number}" for number, call in enumerate(sorted(wanted))}
    reading = []
    for texts, parts, called in zip(checks, trees, calls, strict=True):
        violates, suggestion, evidence = (
            _reading(tree, names) if tree is not None and own.keys() & names.keys() else text
            for text, tree, own in zip(texts, parts, called, strict=True)
        )
        reading.append((violates or "", suggestion, evidence))
    return MappingProxyType({name: call for call, name in names.items()}), tuple(reading)


def _calls(tree: exp.Expr | None) -> Iterable[exp.Anonymous]:
    """Calls of our functions with nothing but columns of the row at hand as arguments."""
    for node in tree.find_all(exp.Anonymous) if tree is not None else ():
        columns = [argument for argument in node.expressions if isinstance(argument, exp.Column)]
        if (
            _is_ours(node)
            and len(columns) == len(node.expressions)
            and all(column.table == ROW for column in columns)
        ):
            yield node


def _is_ours(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in load_functions()


def _text(node: exp.Anonymous) -> str:
    arguments = ", ".join(f"{ROW}.{quote(column.name)}" for column in node.expressions)
    return f"{node.name.lower()}({arguments})"


def _asked(tree: exp.Expr | None) -> Counter[str]:
    return Counter(_text(node) for node in _calls(tree))


def _reading(tree: exp.Expr, names: Mapping[str, str]) -> str:
    for node in list(_calls(tree)):
        if _text(node) in names:
            column = exp.column(names[_text(node)], table=ROW, quoted=True)
            if node is tree:
                return str(column.sql(dialect=DIALECT))
            node.replace(column)
    return str(tree.sql(dialect=DIALECT, comments=False))
