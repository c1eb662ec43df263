"""The standard of the platform's own published tables: names, types and meanings, declared in `schemas/tables/`.

A departmental extract has a contract. A table that the platform makes (findings, tickets, the catalogue) has an entry
in `schemas/tables/`. Both become comments in the database and rows of the data dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.contract.model import LogicalType, comment
from schemas.document import plain_yaml

NO_OTHER_KEYS = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=NO_OTHER_KEYS)
class TableField:
    """One column of a published table."""

    name: str
    type: LogicalType
    title: str
    description: str = ""

    @property
    def comment(self) -> str:
        """The database comment of the column."""
        return comment(self.title, self.description)


@dataclass(frozen=True, config=NO_OTHER_KEYS)
class TableStandard:
    """One published table, `<schema>.<name>`."""

    id: str
    title: str
    description: str
    fields: tuple[TableField, ...]

    @property
    def comment(self) -> str:
        """The database comment of the table."""
        return comment(self.title, self.description)


@cache
def load_tables() -> Mapping[str, TableStandard]:
    """Every declared table by its id. The file's name is the schema.

    Raises:
        pydantic.ValidationError: an entry is not a table's standard. The message names the entry.
    """
    tables: dict[str, Any] = {}
    for file in sorted((files("schemas") / "tables").iterdir(), key=lambda file: file.name):
        for name, facts in plain_yaml(file.read_text(encoding="utf-8")).items():
            columns = facts.pop("columns")
            table = f"{file.name.removesuffix('.yaml')}.{name}"
            fields = [{"name": field, **said} for field, said in columns.items()]
            tables[table] = {"id": table, "description": "", **facts, "fields": fields}
    return MappingProxyType(TypeAdapter(dict[str, TableStandard]).validate_python(tables))
