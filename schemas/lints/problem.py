"""What the linter says of a contract, and the contract as the checks see it: with its text beside it."""

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
    """One thing to mend: the file, the 1-based line, what is wrong, what to do."""

    path: Path
    line: int
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}: {self.advice}"


@dataclass(frozen=True)
class Page:
    """One contract with its text, the library it is part of and the code tables it may name."""

    contract: Contract
    document: Document
    library: Library
    codes: CodeLibrary

    def problem(self, message: str, advice: str, *place: str | int) -> Problem:
        """A problem at a place of the text."""
        return Problem(self.contract.path, self.document.line(*place), message, advice)

    def fact(self, name: str, *below: str | int, owner: Place = ()) -> Place:
        """The place of a custom property's value, or of its owner when it is not there."""
        node = self.node(*owner)
        for index, item in enumerate(node.get("customProperties") or []):
            if item.get("property") == name:
                return (*owner, "customProperties", index, "value", *below)
        return owner

    def node(self, *place: str | int) -> Any:
        """What stands at a place of the text, as plain values."""
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
    """Advice to write one of `known`: the nearest if one is near, else all of them."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else f"write one of {', '.join(sorted(known))}"
