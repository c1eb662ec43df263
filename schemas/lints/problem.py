"""The problems that the linter reports, and a contract with its text for the checks."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import Contract
from schemas.document import Document, Place

NAME = re.compile(r"[a-z][a-z0-9_]*")

_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True, order=True)
class Problem:
    """One problem: the file, the line counted from 1, the description, the remedy."""

    path: Path
    line: int
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}: {self.advice}"


@dataclass(frozen=True)
class Page:
    """One contract with its text, its library and the code tables that it may name."""

    contract: Contract
    document: Document
    library: Library
    codes: CodeLibrary

    def problem(self, message: str, advice: str, *place: str | int) -> Problem:
        """A problem at a place of the text."""
        return Problem(self.contract.path, self.document.line(*place), message, advice)

    def fact(self, name: str, *below: str | int, owner: Place = ()) -> Place:
        """The place of a custom property's value, or of its owner if the property is missing."""
        node = self.node(*owner)
        for index, item in enumerate(node.get("customProperties") or []):
            if item.get("property") == name:
                return (*owner, "customProperties", index, "value", *below)
        return owner

    def node(self, *place: str | int) -> Any:
        """The plain values at a place of the text."""
        found: Any = self.document.data
        for part in place:
            found = found[part]
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the contract's columns."""
        return frozenset(column.name for column in self.contract.columns)


def has_chinese(text: str) -> bool:
    """Whether a text has at least one Chinese character."""
    return _CHINESE.search(text) is not None


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Advice to write a name of `known`: the nearest name if there is a near one, else all names."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else f"write one of {', '.join(sorted(known))}"
