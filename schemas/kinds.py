"""Semantic kinds: the meaning of a column beyond its type, one entry of kinds.yaml each.

Reads the declarations as frozen data. A contract gives a column its kind, the warehouse applies the functions, quality
makes the findings.
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
    """A check of the values of a kind: an invalid value is a finding.

    `valid` is the name of a library function of one text. `suggest` and `evidence` are SQL expressions in which
    `{value}` stands for the normalised text; see `of`. `typed` is the treatment of an invalid value that a person types
    as an answer: `refuse` refuses it, `explain` refuses it only without a note.
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
    """The entity that an identifier names, and the dataset with its township, if there is one."""

    entity: str
    township_by: str | None = None


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Recognised:
    """The way to recognise a column of a sample: by values, by `heading` too, or only as a known column.

    `codes` is a code table that must have the values.
    """

    by: Literal["values", "heading", "known"]
    heading: re.Pattern[str] | None = None
    codes: str | None = None


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Examples:
    """Texts as delivered: right ones with their normalised form, and wrong ones by the rule that finds them."""

    right: Mapping[str, str]
    wrong: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class SemanticKind:
    """One semantic kind.

    `normalise` and `valid` are names of library functions of one text. `valid` recognises an undoubted value.
    Findings come from `judgements`, in their order; a judgement counts only where the ones before it pass. `role` is
    the purpose of such a column in a row. `least` matches every text that may be meant as a value of the kind: a column
    that does not match it holds something else. `masked`: exports may hide a part of the values behind asterisks.
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
        ContractError: an entry of kinds.yaml lacks a key or has an unknown one. The message names the line.
    """
    return read_kinds(KINDS)


def read_kinds(path: Path) -> Mapping[str, SemanticKind]:
    """Every semantic kind that a file declares, by name.

    Raises:
        ContractError: an entry lacks a key or has an unknown one. The message names the line.
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
