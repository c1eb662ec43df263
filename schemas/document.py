"""YAML files with the line of each value, so that a message can show the place of an error.

Turns text into plain values. `schemas.contract.odcs` and `schemas.contract.library` know their meaning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# A place in a document: keys and indexes from the top, such as ("schema", 0, "properties", 3).
Place = tuple[str | int, ...]

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "<<"


class ContractError(Exception):
    """A file of a contract folder cannot be read. The message has the file, the line, the error and the remedy."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.message = path, line, message


class _Loader(yaml.CSafeLoader):
    """A YAML loader that keeps dates as text: the standard writes bounds as text, quoted or not."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def plain_yaml(text: str) -> Any:
    """The values of a YAML text of our own, without their lines.

    Read by libyaml, like documents: the loader of `yaml.safe_load` is ten times slower.
    """
    return yaml.load(text, yaml.CSafeLoader)


@dataclass(frozen=True)
class Document:
    """A YAML file whose top is a mapping.

    Attributes:
        path: the file.
        data: its content as plain values.
        lines: the 1-based line of each place.
        digest: sha256 of the file.
    """

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[Place, int]
    digest: str

    def nearest(self, *place: str | int) -> Place:
        """The place itself if the file has it, else the nearest place above it."""
        while place and place not in self.lines:
            place = place[:-1]
        return place

    def line(self, *place: str | int) -> int:
        """The line of a place, or of the nearest place above it that the file has."""
        return self.lines[self.nearest(*place)]

    def error(self, message: str, *place: str | int) -> ContractError:
        """An error that names the file and the line of a place."""
        return ContractError(self.path, self.line(*place), message)


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        ContractError: not UTF-8, not YAML, not a mapping, or a key stands twice.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ContractError(path, line, "the text is not UTF-8: save the file as UTF-8") from None
    try:
        loader = _Loader(text)
        top = loader.get_single_node()
        if not isinstance(top, yaml.MappingNode):
            raise ContractError(path, 1, "the file is not a mapping: write `key: value` lines")
        lines = _lines(path, top)
        data = loader.construct_document(top)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "the text has characters that YAML forbids"
        raise ContractError(
            path,
            mark.line + 1 if mark else 1,
            f"not YAML: {problem}: look at the indentation, quotes and colons here and on the line before",
        ) from None
    return Document(path, data, lines, hashlib.sha256(content).hexdigest())


def _lines(path: Path, top: yaml.MappingNode) -> Mapping[Place, int]:
    """Each place → its line; a key's place has the line of the key, not of its value.

    Raises:
        ContractError: a mapping has a key twice. YAML would silently keep the last one.
    """
    lines: dict[Place, int] = {}

    def walk(node: yaml.Node, place: Place) -> None:
        lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                name = str(key.value)
                if name in seen and name != _MERGE:
                    message = f"{name} is said twice, first on line {seen[name]}: keep one of them"
                    raise ContractError(path, line, message)
                seen[name] = line
                lines[(*place, name)] = line
                walk(value, (*place, name))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                walk(value, (*place, index))

    walk(top, ())
    return lines
