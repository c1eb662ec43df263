"""File formats in which a department may deliver, one entry of formats.yaml each.

`warehouse.collect.readers.registry` binds a reader to the name of each format.
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

Reading = Literal["pieces", "block"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Format:
    """One file format; formats.yaml explains each field.

    `marks` maps the first characters of a file, one for each byte, to the name of such files.
    """

    name: str
    title: str
    names: tuple[str, ...]
    suffixes: tuple[str, ...]
    known_by: Literal["mark", "suffix", "text"]
    marks: Mapping[str, str]
    facts: tuple[str, ...]
    reading: Reading

    def takes(self, fact: str) -> bool:
        """Whether a contract may declare `fact` for the format. Only workbooks take `sheet`, only texts `delimiter`."""
        return fact in self.facts

    @property
    def signatures(self) -> tuple[tuple[bytes, str], ...]:
        """The first bytes of a file → the name of such files."""
        return tuple((mark.encode("latin-1"), called) for mark, called in self.marks.items())


@cache
def load_formats() -> Mapping[str, Format]:
    """Every format by name, in the order of formats.yaml.

    Raises:
        pydantic.ValidationError: an entry of formats.yaml is not a Format. The message names the entry.
    """
    text = (files("schemas") / "formats.yaml").read_text(encoding="utf-8")
    named = {name: {"name": name, **facts} for name, facts in plain_yaml(text).items()}
    return MappingProxyType(TypeAdapter(dict[str, Format]).validate_python(named))


def format_of(suffix: str, start: bytes) -> Format:
    """The format that a file seems to have.

    Args:
        suffix: the ending of the file's name, with the dot.
        start: the first bytes of the file.
    """
    formats = load_formats().values()
    for found in formats:
        if found.known_by == "suffix" and suffix.lower() in found.suffixes:
            return found
    for found in formats:
        if any(start.startswith(mark) for mark, _ in found.signatures):
            return found
    return next(found for found in formats if found.known_by == "text")


def accepted() -> str:
    """The formats that may be delivered, as messages list them: `CSV、XLSX、XLS、DBF 或 SQLite 数据库`."""
    *names, last = [name for found in load_formats().values() for name in found.names]
    return f"{'、'.join(names)} 或 {last}"
