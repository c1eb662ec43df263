"""Sheets as data: what a returned table shows is declared in `returns/sheets/<name>.yaml` beside its SQL.

Here they are read and turned into what the workbook writer, the CSV file and its Frictionless schema need.
Which relations the SQL may name is said in `returns.packages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import yaml

from quality.tickets import VERDICTS
from returns.workbook.model import Sheet, SheetColumn, TextSheet

FOLDER = Path(__file__).parent / "sheets"

# Lists that a column's `choices` may name.
CHOICES: Mapping[str, tuple[str, ...]] = {"verdicts": tuple(VERDICTS)}

# Kind of a column → its type in a Frictionless Table Schema (https://specs.frictionlessdata.io/table-schema/).
FRICTIONLESS = {"text": "string", "integer": "integer", "number": "number", "date": "date"}


@dataclass(frozen=True)
class SheetStandard:
    """One declared table: how it looks and the query that fills it, with `unit_code` to part it by."""

    name: str
    title: str
    heading: str
    notes: tuple[str, ...]
    frozen_columns: int
    protected: bool
    columns: tuple[SheetColumn, ...]
    sql: str

    def sheet(self, rows: pl.DataFrame, facts: Mapping[str, object]) -> Sheet:
        """The sheet of one unit; `facts` fill the heading."""
        return Sheet(
            title=self.title,
            columns=self.columns,
            rows=rows,
            heading=self.heading.format(**facts),
            notes=self.notes,
            frozen_columns=self.frozen_columns,
            protected=self.protected,
        )

    def table(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows under the headings that a person sees, as the CSV file holds them."""
        return rows.select(pl.col(column.name).alias(column.title) for column in self.columns)

    def table_schema(self) -> dict[str, object]:
        """The Frictionless Table Schema of that CSV file."""
        fields = []
        for column in self.columns:
            field: dict[str, object] = {"name": column.title, "type": FRICTIONLESS[column.kind]}
            if column.choices:
                field["constraints"] = {"enum": list(column.choices)}
            if column.note:
                field["description"] = column.note
            fields.append(field)
        return {"fields": fields, "missingValues": [""]}


@cache
def sheet_standard(name: str) -> SheetStandard:
    """The declared sheet called `name`."""
    facts = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    columns = tuple(
        SheetColumn(
            **{**column, "choices": CHOICES[column["choices"]]} if "choices" in column else column
        )
        for column in facts["columns"]
    )
    return SheetStandard(
        name=name,
        title=facts["title"],
        heading=facts["heading"],
        notes=tuple(facts.get("notes", ())),
        frozen_columns=facts["frozen_columns"],
        protected=facts["protected"],
        columns=columns,
        sql=(FOLDER / f"{name}.sql").read_text(encoding="utf-8"),
    )


def instructions(audience: str, facts: Mapping[str, object]) -> TextSheet:
    """The 说明 sheet for townships or departments."""
    texts = yaml.safe_load((FOLDER / "_instructions.yaml").read_text(encoding="utf-8"))[audience]
    return TextSheet(
        title="说明",
        heading=texts["heading"].format(**facts),
        paragraphs=tuple(line.format(**facts) for line in texts["paragraphs"]),
    )
