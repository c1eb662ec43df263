"""The standard of the tables we publish ourselves: names, types and meanings, declared in `schemas/tables/`.

A departmental extract has a contract; what is made here (findings, tickets, the catalogue, derived governance
tables) has an entry there. Both end as comments in the database and rows of the data dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from schemas.contract import LogicalType

FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True)
class Field:
    """One column of a published table."""

    name: str
    type: LogicalType
    title: str
    description: str = ""

    @property
    def comment(self) -> str:
        """What the database says of the column."""
        return f"{self.title}：{self.description}" if self.description else self.title


@dataclass(frozen=True)
class TableStandard:
    """One published table, `<schema>.<name>`."""

    id: str
    title: str
    description: str
    fields: tuple[Field, ...]

    @property
    def comment(self) -> str:
        """What the database says of the table."""
        return f"{self.title}：{self.description}" if self.description else self.title


@cache
def load_tables() -> dict[str, TableStandard]:
    """Every declared table by its id."""
    tables = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for name, facts in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            fields = tuple(
                Field(field, facts["columns"][field]["type"], facts["columns"][field]["title"],
                      facts["columns"][field].get("description", ""))
                for field in facts["columns"]
            )  # fmt: skip
            table_id = f"{path.stem}.{name}"
            tables[table_id] = TableStandard(table_id, facts["title"], facts.get("description", ""), fields)
    return tables
