"""Semantic kinds: what a column means beyond its type, declared in kinds.yaml.

Here: the declaration as frozen data. Which column has which kind is the contract's business, applying the
named functions is the warehouse's, the findings are quality's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.document import plain_yaml

_NO_OTHER_KEYS = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Judgement:
    """What makes a finding of a value of a kind.

    `valid` is the name of a function of the library, of one text. `suggest` and `evidence` are SQL
    expressions in which `{value}` stands for the normalised text; see `of`.
    """

    valid: str
    severity: Literal["error", "warning"]
    dimension: Literal["conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"]
    message: str
    name: str | None = None
    suggest: str | None = None
    evidence: str | None = None

    @property
    def rule(self) -> str:
        """The name of the built-in rule: `semantic_kind`, or `semantic_kind_<name>` of a further judgement."""
        return "semantic_kind" if self.name is None else f"semantic_kind_{self.name}"


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Kind:
    """One semantic kind.

    `normalise` and `valid` are names of the function library, each of one text. `valid` recognises an
    undoubted value. Findings come from `judgements`: in their order, and one speaks only where those before it
    are content.
    """

    name: str
    title: str
    normalise: str
    valid: str | None
    classification: Literal["L1", "L2", "L3", "L4"]
    judgements: tuple[Judgement, ...] = ()


def of(expression: str | None, value: str) -> str | None:
    """A judgement's `suggest` or `evidence` for `value`, itself an SQL expression; None for None."""
    return None if expression is None else expression.replace("{value}", value)


@cache
def load_kinds() -> Mapping[str, Kind]:
    """Every semantic kind by name, in the order of kinds.yaml.

    Raises:
        pydantic.ValidationError: an entry of kinds.yaml is not a Kind; names it.
    """
    text = (files("schemas") / "kinds.yaml").read_text(encoding="utf-8")
    named = {name: {"name": name, **facts} for name, facts in plain_yaml(text).items()}
    return MappingProxyType(TypeAdapter(dict[str, Kind]).validate_python(named))
