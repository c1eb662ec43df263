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

import yaml
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Kind:
    """One semantic kind.

    `normalise` and `valid` are names of the function library, each of one text. `suggest` is an SQL
    expression in which `{value}` stands for the normalised text; see `suggestion`.
    """

    name: str
    title: str
    normalise: str
    valid: str | None
    severity: Literal["error", "warning"]
    dimension: Literal["conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"]
    message: str
    suggest: str | None
    classification: Literal["L1", "L2", "L3", "L4"]

    def suggestion(self, value: str) -> str | None:
        """The SQL expression that suggests a better value for `value`, itself an SQL expression."""
        return None if self.suggest is None else self.suggest.replace("{value}", value)


@cache
def load_kinds() -> Mapping[str, Kind]:
    """Every semantic kind by name, in the order of kinds.yaml.

    Raises:
        pydantic.ValidationError: an entry of kinds.yaml is not a Kind; names it.
    """
    text = (files("schemas") / "kinds.yaml").read_text(encoding="utf-8")
    named = {name: {"name": name, **facts} for name, facts in yaml.safe_load(text).items()}
    return MappingProxyType(TypeAdapter(dict[str, Kind]).validate_python(named))
