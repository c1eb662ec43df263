"""Sheets as data: what a returned table shows is declared in `returns/packages/sheets/<name>.yaml` beside its SQL.

Here they are read and turned into what the workbook writer, the CSV file and its Frictionless schema need.
Which relations the SQL may name is said in `returns.packages.sheet_views`; the keys of a declaration are described in
docs/sheets.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from quality.tickets.states import VERDICTS
from returns.workbook.model import Sheet, SheetColumn, TextSheet
from schemas.contract.model import LogicalType
from schemas.document import plain_yaml
from schemas.emit.spreadsheet import DESCRIPTION

FOLDER = Path(__file__).parent / "sheets"
INSTRUCTIONS = "_instructions.yaml"

# Lists that a column's `choices` may name.
CHOICES: Mapping[str, tuple[str, ...]] = {"verdicts": tuple(VERDICTS)}

# Kind of a column → its type in a Frictionless Table Schema (https://specs.frictionlessdata.io/table-schema/).
FRICTIONLESS = {"text": "string", "integer": "integer", "number": "number", "date": "date"}


class SheetError(Exception):
    """A declared sheet that cannot be read; names the file and what is wrong."""


@dataclass(frozen=True)
class Measure:
    """One figure of a report: how many rows there are, or the sum of `sum`, among those where `when` is true.

    `means` says in Chinese how it is computed, for the sheet's notes.
    """

    name: str
    title: str
    when: str | None = None
    sum: str | None = None
    means: str | None = None
    width: float = 11


@dataclass(frozen=True)
class Breakdown:
    """Figures of a report, one for each code in use of the column `each`, and one for what is no such code."""

    each: str
    codes: str
    title: str


@dataclass(frozen=True)
class SheetSpec:
    """One declared table: how it looks and the query that fills it, with `unit_code` to part it by.

    Attributes:
        attributes: `<governance table>.<attribute>` → type, of what the SQL names though it may be that no
            contract feeds it: such a column is empty then.
        needs: column → what it shows of `attributes`: without a source of any, the column is left out.
        measures: what makes it a report, see `returns.packages.reports`; its SQL gives the rows to be counted.
        group: the column whose runs of equal values are shown as groups.
        totals: the column that says 合计 in rows of totals.
        about: the entity whose rows it shows: where no dataset establishes that, the sheet is left out.
    """

    name: str
    title: str
    heading: str
    notes: tuple[str, ...]
    frozen_columns: int
    protected: bool
    columns: tuple[SheetColumn, ...]
    sql: str
    attributes: Mapping[str, LogicalType] = field(default_factory=dict, hash=False)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    measures: tuple[Measure | Breakdown, ...] = ()
    group: str | None = None
    totals: str | None = None
    about: str | None = None

    def fed_by(self, known: Mapping[str, frozenset[str]]) -> SheetSpec:
        """The sheet without the columns that nothing feeds.

        Args:
            known: the attributes of each governance table that some contract feeds.
        """
        lost = {name for name, needed in self.needs.items() if not any(_is_fed(n, known) for n in needed)}
        return replace(self, columns=tuple(c for c in self.columns if c.name not in lost))

    def sheet(self, rows: pl.DataFrame, facts: Mapping[str, object], notice: str = "") -> Sheet:
        """The sheet of one unit; `facts` fill the heading and the notes, `notice` goes before the notes."""
        return Sheet(
            title=self.title,
            columns=self.columns,
            rows=rows,
            heading=self.heading.format(**facts),
            notes=(*filter(None, [notice]), *(note.format(**facts) for note in self.notes)),
            frozen_columns=self.frozen_columns,
            protected=self.protected,
            group=self.group,
            totals=self.totals,
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
        return {"description": DESCRIPTION, "fields": fields, "missingValues": [""]}


@cache
def sheet_standard(name: str) -> SheetSpec:
    """The declared sheet called `name`.

    Raises:
        SheetError: the declaration says something that a sheet does not have, or lacks something.
    """
    path = FOLDER / f"{name}.yaml"
    try:
        return _sheet_standard(name, plain_yaml(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError) as error:
        raise SheetError(f"{path}: {error}") from error


def _sheet_standard(name: str, facts: Mapping[str, object]) -> SheetSpec:
    declared = dict(facts)
    columns, notes, measures = (_list(declared, key) for key in ("columns", "notes", "measures"))
    needs = {str(c["name"]): tuple(c["needs"]) for c in columns if "needs" in c}
    standard = SheetSpec(
        name=name,
        columns=tuple(_column(column) for column in columns),
        notes=tuple(str(note) for note in notes),
        sql=sheet_text(f"{name}.sql"),
        needs=needs,
        measures=tuple(_measure(measure) for measure in measures),
        **declared,  # type: ignore[arg-type]
    )
    undeclared = {need for every in needs.values() for need in every} - set(standard.attributes)
    if undeclared:
        raise ValueError(f"needs {sorted(undeclared)}, which are not among its attributes")
    return standard


def _list(declared: dict[str, object], key: str) -> list[Any]:
    found = declared.pop(key, [])
    if not isinstance(found, list):
        raise ValueError(f"{key} is a list")
    return found


def _is_fed(attribute: str, known: Mapping[str, frozenset[str]]) -> bool:
    table, _, name = attribute.partition(".")
    return name in known.get(table, ())


def _measure(facts: Mapping[str, object]) -> Measure | Breakdown:
    return Breakdown(**facts) if "each" in facts else Measure(**facts)  # type: ignore[arg-type]  # the sheet is ours


def _column(facts: Mapping[str, object]) -> SheetColumn:
    declared = {key: value for key, value in facts.items() if key != "needs"}
    if "choices" in declared:
        declared["choices"] = CHOICES[str(declared["choices"])]
    return SheetColumn(**declared)  # type: ignore[arg-type]


def instructions(audience: str, facts: Mapping[str, object]) -> TextSheet:
    """The 说明 sheet for townships or departments; a paragraph that its facts leave empty is left out."""
    texts = plain_yaml(sheet_text(INSTRUCTIONS))[audience]
    return TextSheet(
        title="说明",
        heading=texts["heading"].format(**facts),
        paragraphs=tuple(filter(None, (line.format(**facts) for line in texts["paragraphs"]))),
    )


def sheet_text(file: str) -> str:
    """The text of a file beside the declarations."""
    return (FOLDER / file).read_text(encoding="utf-8")


def sheets_digest() -> str:
    """A fingerprint of everything declared: what was made of other sheets is out of date."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.*")):
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
