"""Checks of derived tables: names, inputs, columns, and whether a model's row depends on rows of its own key alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from schemas.contract.derived import DerivedTable
from schemas.contract.library import Library
from schemas.contract.model import LOGICAL_TYPES
from schemas.expressions.key_local import crossings
from schemas.expressions.portable import DIALECT
from schemas.lints.problem import NAME, Problem, did_you_mean, has_chinese
from schemas.tables import load_tables

_PLACE = re.compile(r"\{(\w+)\}")
# Names that publication gives to the versions of a table.
_SUFFIXES = ("_history", "_ended")


def problems(library: Library) -> Iterator[Problem]:
    """What is wrong with the derived tables of a library."""
    for table in library.derived:
        yield from _TableCheck(library, table).problems()


class _TableCheck:
    """The checks of one derived table."""

    def __init__(self, library: Library, table: DerivedTable) -> None:
        self.library, self.table = library, table

    def wrong(self, message: str, advice: str, *place: str) -> Problem:
        document = self.table.document
        return Problem(document.path, document.line(*place), f"{self.table.name}: {message}", advice)

    def wrong_model(self, message: str, advice: str) -> Problem:
        return Problem(self.table.model_path, 1, f"{self.table.name}: {message}", advice)

    def problems(self) -> Iterator[Problem]:
        found = [*self.naming(), *self.columns(), *self.inputs()]
        yield from found
        # A model can only be checked against columns and inputs without problems.
        if not found:
            yield from self.model()

    def naming(self) -> Iterator[Problem]:
        name = self.table.name
        if not NAME.fullmatch(name):
            yield self.wrong("the file's name is not lower_snake_case", "rename the file")
        if name in {entity.name for entity in self.library.entities} or name.endswith(_SUFFIXES):
            yield self.wrong("a governance table has that name", "rename the file")
        if not has_chinese(self.table.title):
            yield self.wrong(f"the title is {self.table.title!r}", "say it in Chinese", "title")

    def columns(self) -> Iterator[Problem]:
        common = {field.name for field in load_tables()["governance._common"].fields}
        names = [field.name for field in self.table.fields]
        for field in self.table.fields:
            if not NAME.fullmatch(field.name) or field.name in common:
                yield self.wrong(
                    f"column {field.name}", "rename it, in lower_snake_case", "columns", field.name
                )
            if field.type not in LOGICAL_TYPES:
                yield self.wrong(
                    f"column {field.name}: type {field.type}", did_you_mean(field.type, LOGICAL_TYPES)
                )
            if not has_chinese(field.title):
                yield self.wrong(f"column {field.name} has no Chinese title", "add it", "columns", field.name)
        if self.table.key not in names:
            yield self.wrong(f"key {self.table.key} is no column", did_you_mean(self.table.key, names), "key")
        entities = {entity.name for entity in self.library.entities}
        for column, entity in self.table.references.items():
            if column not in names:
                yield self.wrong(
                    f"references: {column} is no column", did_you_mean(column, names), "references"
                )
            if entity not in entities:
                yield self.wrong(
                    f"references: unknown entity {entity}", did_you_mean(entity, entities), "references"
                )

    def inputs(self) -> Iterator[Problem]:
        entities = {entity.name for entity in self.library.entities}
        for entity, attributes in self.table.inputs.items():
            if entity not in entities:
                yield self.wrong(f"unknown entity {entity}", did_you_mean(entity, entities), "inputs", entity)
                continue
            fed = self.library.sources(entity)
            for attribute in attributes:
                if attribute not in fed:
                    advice = did_you_mean(attribute, fed)
                    yield self.wrong(f"nothing feeds {entity}.{attribute}", advice, "inputs", entity)
            if not self.table.whole and self.table.key not in attributes:
                advice = f"add {self.table.key} to its attributes, or write whole: true"
                yield self.wrong(f"{entity} does not carry the key", advice, "inputs", entity)

    def model(self) -> Iterator[Problem]:
        places = set(_PLACE.findall(self.table.model))
        if places != self.table.inputs.keys():
            different = ", ".join(sorted(places ^ self.table.inputs.keys()))
            yield self.wrong_model(
                f"the model and inputs differ in {different}", "name the same tables in both"
            )
            return
        try:
            (query,) = parse(_PLACE.sub(r"\1", self.table.model), dialect=DIALECT)
            assert query is not None
            schema: dict[str, object] = {
                entity: dict.fromkeys(names, "VARCHAR") for entity, names in self.table.inputs.items()
            }
            query = qualify(query, dialect=DIALECT, schema=schema, validate_qualify_columns=True)
        except (SqlglotError, ValueError) as error:
            message = str(error).splitlines()[0]
            yield self.wrong_model(message, "write one SELECT that reads only what inputs says")
            return
        if not isinstance(query, exp.Query):
            yield self.wrong_model("the model is no query", "write one SELECT")
            return
        if list(query.named_selects) != [field.name for field in self.table.fields]:
            advice = "let the model select the columns in the order of the declaration"
            yield self.wrong_model(f"the model selects {', '.join(query.named_selects)}", advice)
        elif not self.table.whole:
            for message in crossings(query, self.table.key, self.table.inputs.keys()):
                advice = f"a row may depend on rows of its own {self.table.key} alone: mend it, or write whole: true"
                yield self.wrong_model(message, advice)
