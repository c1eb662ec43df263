"""Read the custom properties of a contract in their types. This module does not know their meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from open_data_contract_standard.model import CustomProperty

from schemas.document import ContractError, Document, Place


class Facts:
    """The custom properties of one part of the document, each read in the type it must have."""

    def __init__(self, document: Document, owner: Place, properties: Iterable[CustomProperty] | None) -> None:
        self.document = document
        self.values: dict[str, object] = {}
        self.places: dict[str, Place] = {}
        for index, item in enumerate(properties or ()):
            name = str(item.property)
            place = (*owner, "customProperties", index)
            if name in self.values:
                raise document.error(f"custom property {name} is said twice: keep one", *place)
            self.values[name], self.places[name] = item.value, (*place, "value")

    def error(self, name: str, message: str, *below: str | int) -> ContractError:
        """The error about a wrong property, at its place or below it."""
        return self.document.error(f"{name}: {message}", *self.places[name], *below)

    def text(self, name: str) -> str | None:
        """The property as one text."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self.error(name, f"{value!r} is not text: write one text, in quotes")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """The property as a list of texts."""
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(name, "write a list of texts, such as [gb18030]")
        return tuple(value)

    def integer(self, name: str) -> int | None:
        """The property as a whole number."""
        value = self.values.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.error(name, f"{value!r} is not a whole number: write one without quotes")
        return value

    def mapping(self, name: str, shape: str) -> Mapping[str, Any]:
        """The property as a mapping. The message of the error asks for `shape`."""
        value = self.values.get(name) or {}
        if not isinstance(value, Mapping):
            raise self.error(name, f"write a mapping {shape}")
        return value
