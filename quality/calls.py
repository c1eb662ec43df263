"""Calls that several checks make of the same row, computed once: whether an ID number is one, for instance.

DuckDB computes an expression as often as it stands in the branches of CASE, and a checksum is the dearest
thing a rule asks for. The functions of our library fail for no value, so that asking early is harmless.
Which checks there are is `quality.rules`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from quality.rules import ROW, Check
from schemas.emit.sql import quote
from schemas.expressions import DIALECT, parse
from schemas.functions import load_functions

# What of a check is SQL over its row.
_PARTS = ("violates", "suggestion", "evidence")


def share_calls(checks: Sequence[Check]) -> tuple[Mapping[str, str], list[Check]]:
    """Take what is asked of a row at least twice, or on behalf of another call, out of the checks.

    What no check asks, only a suggestion or an evidence, is left where it is: few rows need it.

    Returns:
        New columns of the row with the SQL that computes them, and the checks that read them there.
    """
    trees = [{part: parse(text) for part in _PARTS if (text := getattr(check, part))} for check in checks]
    asked = Counter(call for parts in trees for tree in parts.values() for call in _asked(tree))
    judging = {call for parts in trees for call in _asked(parts["violates"])}
    # A function of ours is SQL that may name an argument many times, and what is asked there is computed as often.
    argued = {_text(node) for parts in trees for node in _calls(parts["violates"]) if _is_ours(node.parent)}
    wanted = argued | {call for call in judging if asked[call] > 1}
    # No column of a contract has a blank in its name.
    names = {call: f"asked {number}" for number, call in enumerate(sorted(wanted))}
    read = []
    for check, parts in zip(checks, trees, strict=True):
        said = {part: _reading(tree, names) for part, tree in parts.items() if _asked(tree) & names.keys()}
        read.append(
            replace(
                check,
                violates=said.get("violates", check.violates),
                suggestion=said.get("suggestion", check.suggestion),
                evidence=said.get("evidence", check.evidence),
            )
        )
    return {name: call for call, name in names.items()}, read


def _calls(tree: exp.Expr) -> Iterable[exp.Anonymous]:
    """Calls of our functions with nothing but columns of the row at hand as arguments."""
    for node in tree.find_all(exp.Anonymous):
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


def _asked(tree: exp.Expr) -> set[str]:
    return {_text(node) for node in _calls(tree)}


def _reading(tree: exp.Expr, names: Mapping[str, str]) -> str:
    for node in list(_calls(tree)):
        if _text(node) in names:
            column = exp.column(names[_text(node)], table=ROW, quoted=True)
            if node is tree:
                return str(column.sql(dialect=DIALECT))
            node.replace(column)
    return str(tree.sql(dialect=DIALECT, comments=False))
