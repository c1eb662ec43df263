"""Semantic kinds: what a column means beyond its type, declared in kinds.yaml: all that is said of one stands there.

Here: the declaration as frozen data. Which column has which kind is the contract's business, applying the
named functions is the warehouse's, the findings are quality's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from schemas.document import read_document

Role = Literal["identifier", "name", "township", "fact"]

KINDS = Path(__file__).with_name("kinds.yaml")

_NO_OTHER_KEYS = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Judgement:
    """What makes a finding of a value of a kind.

    `valid` is the name of a function of the library, of one text. `suggest` and `evidence` are SQL
    expressions in which `{value}` stands for the normalised text; see `of`. `typed` says what becomes of such a value
    where a person types it as an answer: it is refused, or refused only where no note explains it.
    """

    valid: str
    severity: Literal["error", "warning"]
    dimension: Literal["conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"]
    message: str
    typed: Literal["refuse", "explain"]
    name: str | None = None
    suggest: str | None = None
    evidence: str | None = None

    @property
    def rule(self) -> str:
        """The name of the built-in rule: `semantic_kind`, or `semantic_kind_<name>` of a further judgement."""
        return "semantic_kind" if self.name is None else f"semantic_kind_{self.name}"


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Identified:
    """The entity that an identifier names, and the dataset that knows its township, if one does."""

    entity: str
    township_by: str | None = None


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Recognised:
    """How a column of a sample is recognised: by its values, by `heading` too, or only as a known column.

    `codes` is a code table that must know the values.
    """

    by: Literal["values", "heading", "known"]
    heading: re.Pattern[str] | None = None
    codes: str | None = None


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Examples:
    """Texts as delivered: right ones with what they become, and wrong ones by the rule that speaks of them."""

    right: Mapping[str, str]
    wrong: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class SemanticKind:
    """One semantic kind.

    `normalise` and `valid` are names of the function library, each of one text. `valid` recognises an
    undoubted value. Findings come from `judgements`: in their order, and one speaks only where those before it
    are content. `role` is what such a column does in a row. `least` matches whatever could be meant as a value of the
    kind, and a column whose values do not match holds something else. `masked` is whether exports hide part of the
    values behind asterisks.
    """

    name: str
    title: str
    normalise: str
    valid: str | None
    classification: Literal["L1", "L2", "L3", "L4"]
    role: Role
    recognise: Recognised
    examples: Examples
    identifies: Identified | None = None
    least: re.Pattern[str] | None = None
    masked: bool = False
    judgements: tuple[Judgement, ...] = ()


_KIND = TypeAdapter(SemanticKind)


def of(expression: str | None, value: str) -> str | None:
    """A judgement's `suggest` or `evidence` for `value`, itself an SQL expression; None for None."""
    return None if expression is None else expression.replace("{value}", value)


@cache
def load_kinds() -> Mapping[str, SemanticKind]:
    """Every semantic kind by name, in the order of kinds.yaml.

    Raises:
        ContractError: an entry of kinds.yaml lacks something or says something unknown; names its line.
    """
    return read_kinds(KINDS)


def read_kinds(path: Path) -> Mapping[str, SemanticKind]:
    """Every semantic kind that a file declares, by name.

    Raises:
        ContractError: an entry lacks something or says something unknown; names its line.
    """
    document = read_document(path)
    kinds = {}
    for name, facts in document.data.items():
        if not isinstance(facts, dict):
            raise document.error(f"kind {name}: write a mapping", name)
        try:
            kinds[name] = _KIND.validate_python({"name": name, **facts})
        except ValidationError as error:
            first = error.errors()[0]
            at = tuple(part for part in first["loc"] if isinstance(part, str | int))
            where = ".".join(map(str, at))
            raise document.error(f"kind {name}: {where}: {first['msg']}", name, *at) from None
    return MappingProxyType(kinds)
