"""Sheets as data: what a returned table shows is declared in `returns/sheets/<name>.yaml` beside its SQL.

Here they are read and turned into what the workbook writer, the CSV file and its Frictionless schema need.
Which relations the SQL may name is said in `returns.packages`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import yaml

from quality.tickets import VERDICTS
from returns.workbook.model import Sheet, SheetColumn, TextSheet

FOLDER = Path(__file__).parent / "sheets"
INSTRUCTIONS = "_instructions.yaml"

# Lists that a column's `choices` may name.
CHOICES: Mapping[str, tuple[str, ...]] = {"verdicts": tuple(VERDICTS)}

# Kind of a column → its type in a Frictionless Table Schema (https://specs.frictionlessdata.io/table-schema/).
FRICTIONLESS = {"text": "string", "integer": "integer", "number": "number", "date": "date"}


class SheetError(Exception):
    """A declared sheet that cannot be read; names the file and what is wrong."""


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
    """The declared sheet called `name`.

    Raises:
        SheetError: the declaration says something that a sheet does not have, or lacks something.
    """
    path = FOLDER / f"{name}.yaml"
    try:
        return _sheet_standard(name, yaml.safe_load(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError) as error:
        raise SheetError(f"{path}: {error}") from error


def _sheet_standard(name: str, facts: Mapping[str, object]) -> SheetStandard:
    declared = dict(facts)
    columns = declared.pop("columns")
    if not isinstance(columns, list):
        raise ValueError("columns is a list")
    notes = declared.pop("notes", [])
    if not isinstance(notes, list):
        raise ValueError("notes is a list")
    return SheetStandard(
        name=name,
        columns=tuple(_column(column) for column in columns),
        notes=tuple(notes),
        sql=(FOLDER / f"{name}.sql").read_text(encoding="utf-8"),
        **declared,  # type: ignore[arg-type]
    )


def _column(facts: Mapping[str, object]) -> SheetColumn:
    declared = dict(facts)
    if "choices" in declared:
        declared["choices"] = CHOICES[str(declared["choices"])]
    return SheetColumn(**declared)  # type: ignore[arg-type]


def instructions(audience: str, facts: Mapping[str, object]) -> TextSheet:
    """The 说明 sheet for townships or departments."""
    texts = yaml.safe_load((FOLDER / INSTRUCTIONS).read_text(encoding="utf-8"))[audience]
    return TextSheet(
        title="说明",
        heading=texts["heading"].format(**facts),
        paragraphs=tuple(line.format(**facts) for line in texts["paragraphs"]),
    )


def sheets_digest() -> str:
    """A fingerprint of everything declared: what was made of other sheets is out of date."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.*")):
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
