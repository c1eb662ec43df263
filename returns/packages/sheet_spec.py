"""Sheets as data: what a returned table shows is declared in `<name>.yaml` beside its SQL.

Here they are read and turned into what the workbook writer, the CSV file and its Frictionless schema need.
Which relations the SQL may name is said in `returns.packages.sheet_views`; the keys of a declaration are described in
docs/sheets.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from quality.tickets.states import VERDICTS
from returns.workbook.model import ReturnSheet, SheetColumn, TextSheet
from schemas.contract.model import LOGICAL_TYPES, LogicalType
from schemas.document import ContractError, Document, plain_yaml, read_document
from schemas.emit.spreadsheet import DESCRIPTION
from schemas.lints.problem import did_you_mean

FOLDER = Path(__file__).parent / "sheets"
INSTRUCTIONS = "_instructions.yaml"

# Lists that a column's `choices` may name.
CHOICES: Mapping[str, tuple[str, ...]] = {"verdicts": tuple(VERDICTS)}

# Kind of a column → its type in a Frictionless Table Schema (https://specs.frictionlessdata.io/table-schema/).
FRICTIONLESS = {"text": "string", "integer": "integer", "number": "number", "date": "date"}


_REQUIRED = ("title", "heading", "frozen_columns", "protected")
_KEYS = (*_REQUIRED, "notes", "columns", "measures", "attributes", "group", "totals", "about")
_COLUMN_REQUIRED = ("name", "title", "width")
_TITLED = ("title",)

_Item = TypeVar("_Item")


class SheetError(ContractError):
    """A declared sheet that cannot be read: the file, the line, what is wrong, what to do."""


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
    """Figures of a report: one for each code in use of the column `each`, and one for all other values."""

    each: str
    codes: str
    title: str


@dataclass(frozen=True)
class SheetSpec:
    """One declared table: how it looks and the query that fills it, with `unit_code` to part it by.

    Attributes:
        attributes: `<governance table>.<attribute>` → type, for attributes that the SQL names and that a
            contract may not feed: an attribute without a source is an empty column.
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

    def sheet(self, rows: pl.DataFrame, facts: Mapping[str, object], notice: str = "") -> ReturnSheet:
        """The sheet of one unit; `facts` fill the heading and the notes, `notice` goes before the notes."""
        return ReturnSheet(
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
    """The shipped sheet called `name`.

    Raises:
        SheetError: see `read_sheet`.
    """
    return read_sheet(FOLDER / f"{name}.yaml")


def read_sheet(path: Path) -> SheetSpec:
    """Read a declared sheet and the SQL beside it; the file's name is the sheet's.

    Raises:
        SheetError: the declaration says something that a sheet does not have, or lacks something; names the file, the
            line, what is wrong and what to do.
    """
    try:
        document = read_document(path)
    except ContractError as error:
        raise SheetError(error.path, error.line, error.message) from None
    return _Reader(document).sheet()


class _Reader:
    """Turns one document into a sheet."""

    def __init__(self, document: Document) -> None:
        self.document, self.facts = document, document.data

    def error(self, message: str, *place: str | int) -> SheetError:
        return SheetError(self.document.path, self.document.line(*place), message)

    def sheet(self) -> SheetSpec:
        path = self.document.path
        self.known(self.facts, _KEYS, _REQUIRED)
        if ("columns" in self.facts) == ("measures" in self.facts):
            raise self.error("write either columns, or measures for a report")
        sql = path.with_suffix(".sql")
        if not sql.is_file():
            raise self.error(f"there is no {sql.name} beside it: write the query there that gives the rows")
        columns = list(self.items("columns", _column, _fields(SheetColumn) | {"needs"}, _COLUMN_REQUIRED))
        attributes = self.attributes()
        try:
            return SheetSpec(
                name=path.stem,
                title=self.text("title"),
                heading=self.text("heading"),
                notes=self.texts("notes"),
                frozen_columns=int(self.facts["frozen_columns"]),
                protected=bool(self.facts["protected"]),
                columns=tuple(columns),
                sql=sql.read_text(encoding="utf-8"),
                attributes=attributes,
                needs=self.needs(attributes),
                measures=tuple(
                    self.items("measures", _measure, _fields(Measure) | _fields(Breakdown), _TITLED)
                ),
                **{name: self.text(name) for name in ("group", "totals", "about") if name in self.facts},
            )
        except (TypeError, ValueError) as error:
            raise self.error(str(error)) from None

    def known(
        self, facts: object, keys: Collection[str], required: Collection[str], *place: str | int
    ) -> None:
        """Refuse a mapping with keys that nobody reads, or without those that are needed."""
        if not isinstance(facts, Mapping):
            raise self.error("write a mapping {name: …, title: …}", *place)
        for key in facts:
            if key not in keys:
                raise self.error(f"unknown key {key}: {did_you_mean(str(key), keys)}", *place, str(key))
        if missing := [key for key in required if key not in facts]:
            raise self.error(f"{missing[0]} is missing: add it", *place)

    def items(
        self,
        name: str,
        read: Callable[[Mapping[str, Any]], _Item],
        keys: Collection[str],
        required: Collection[str],
    ) -> Iterator[_Item]:
        """The items of a list, each read by itself, so that an error has its line."""
        found = self.facts.get(name, [])
        if not isinstance(found, list):
            raise self.error(f"{name} is no list: write one", name)
        for index, item in enumerate(found):
            self.known(item, keys, required, name, index)
            try:
                yield read(item)
            except (KeyError, TypeError, ValueError) as error:
                raise self.error(f"{name}: {error}", name, index) from None

    def text(self, name: str) -> str:
        value = self.facts[name]
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{name} is {value!r}: write a text", name)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.facts.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{name} is no list of texts: write one", name)
        return tuple(value)

    def attributes(self) -> Mapping[str, LogicalType]:
        value = self.facts.get("attributes", {})
        self.known(value, value if isinstance(value, Mapping) else (), (), "attributes")
        for name, kind in value.items():
            if kind not in LOGICAL_TYPES:
                message = f"{name} is {kind}: write one of {', '.join(LOGICAL_TYPES)}"
                raise self.error(message, "attributes", name)
        return dict(value)

    def needs(self, attributes: Mapping[str, LogicalType]) -> Mapping[str, tuple[str, ...]]:
        needs = {}
        for index, column in enumerate(self.facts.get("columns", [])):
            if "needs" in column:
                needs[str(column["name"])] = tuple(column["needs"])
                if undeclared := [need for need in column["needs"] if need not in attributes]:
                    message = f"needs {undeclared}, which are not among its attributes: declare them there"
                    raise self.error(message, "columns", index, "needs")
        return needs


def _fields(cls: type) -> set[str]:
    return {field.name for field in fields(cls)}


def _is_fed(attribute: str, known: Mapping[str, frozenset[str]]) -> bool:
    table, _, name = attribute.partition(".")
    return name in known.get(table, ())


def _measure(facts: Mapping[str, Any]) -> Measure | Breakdown:
    return Breakdown(**facts) if "each" in facts else Measure(**facts)


def _column(facts: Mapping[str, object]) -> SheetColumn:
    declared = {key: value for key, value in facts.items() if key != "needs"}
    if "choices" in declared:
        name = str(declared["choices"])
        if name not in CHOICES:
            raise ValueError(f"choices is {name}: write {', '.join(CHOICES)}")
        declared["choices"] = CHOICES[name]
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
