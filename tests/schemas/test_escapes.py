"""Expressions that try to get out of a contract: refused wherever a contract takes SQL."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from schemas.expressions.functions import load_functions
from schemas.expressions.parse import Scope, problems

DATA = Path(__file__).parents[1] / "data" / "escapes" / "expressions.yaml"
ESCAPES: dict[str, list[str]] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
SCOPE = Scope(
    ("a", "b", "t", "u", "d", "e", "p", "q"), load_functions(), {"death": {"resident_id", "death_date"}}
)


@pytest.mark.parametrize(
    ("kind", "expression"), [(kind, e) for kind, found in ESCAPES.items() for e in found]
)
def test_an_escape_is_refused(kind: str, expression: str) -> None:
    assert problems(expression, SCOPE)


def test_there_are_a_hundred_and_fifty_escapes_and_more() -> None:
    assert len({expression for found in ESCAPES.values() for expression in found}) >= 150


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 3_000 + "a" + ")" * 3_000 + " = 1",
        "NOT " * 2_000 + "a = 1",
        "+".join(["a"] * 4_000) + " = 1",
        "a = '" + "x" * 20_000 + "'",
        "t = 'x\0y'",
        "t = '\ud800'",
    ],
)
def test_what_is_too_long_too_deep_or_no_text_is_refused(expression: str) -> None:
    assert problems(expression, SCOPE)
