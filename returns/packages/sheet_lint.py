"""The linter of sheets: what is wrong with a declared sheet that could be read, before a batch is returned with it.

Every query is bound to the relations that it may name, as they are where nothing was delivered yet: so an unknown
relation, a column that the query does not give, and a type that does not fit its column show without any data.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

from quality.tickets.states import no_replies
from quality.tickets.ticket_tables import update_tickets
from returns.packages.reports import settled
from returns.packages.sheet_catalogue import PACKAGES, SheetCatalogue
from returns.packages.sheet_spec import SheetSpec
from returns.packages.sheet_views import name_relations, turn_of
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.declared import Declaration
from schemas.lints.problem import NAME, Problem, did_you_mean, has_chinese
from warehouse.engine.connection import Engine
from warehouse.incremental.context import BatchContext
from warehouse.lake.store import Lake

UNIT = "unit_code"
FACTS = ("unit", "batch", "count", "sheets", "dates", "notice", "compared")
"""What heading and notes may name in braces."""

_DAY = date(2026, 1, 1)
_QUERY = "see docs/sheets.md on the query"


def sheet_problems(
    catalogue: SheetCatalogue, library: Library, codes: CodeLibrary, scratch: Path
) -> list[Problem]:
    """Every problem of every sheet, in the order of files.

    Args:
        catalogue: the sheets.
        library: the contracts, without problems of their own.
        codes: the code tables.
        scratch: an empty folder, for a lake in which nothing was delivered.
    """
    found = [
        *_unused(catalogue),
        *_titles(catalogue),
        *(
            Problem(catalogue.paths[name], 1, message, advice)
            for name, sheet in catalogue.sheets.items()
            for message, advice in _declared(sheet, library, codes)
        ),
    ]
    return sorted(found or _bound(catalogue, library, codes, scratch))


def _unused(catalogue: SheetCatalogue) -> Iterator[Problem]:
    """A sheet in no package would be read and never shown; one of those shipped may be left out on purpose."""
    listed = {name for order in catalogue.orders.values() for name in order.names}
    for name, path in catalogue.paths.items():
        if name not in listed and path.parent.name == Declaration.SHEETS:
            yield Problem(path, 1, f"no package has the sheet {name}", f"name it in {path.parent / PACKAGES}")


def _titles(catalogue: SheetCatalogue) -> Iterator[Problem]:
    """Each sheet of a package has its own title."""
    for audience in catalogue.orders:
        seen = {"说明": "the sheet of instructions"}
        for sheet in catalogue.of(audience):
            if sheet.title in seen:
                message = f"the title {sheet.title} is that of {seen[sheet.title]} too"
                yield Problem(
                    catalogue.paths[sheet.name], 1, message, "choose another: files are called by it"
                )
            seen[sheet.title] = sheet.name


def _declared(sheet: SheetSpec, library: Library, codes: CodeLibrary) -> Iterator[tuple[str, str]]:
    """What shows without a database: names, titles, texts with braces, the entity, code tables."""
    if not NAME.fullmatch(sheet.name):
        yield f"the name {sheet.name} is not lower_snake_case", "rename the files"
    if not has_chinese(sheet.title):
        yield f"the title is {sheet.title!r}", "say it in Chinese: it is the name on the tab"
    entities = [entity.name for entity in library.entities]
    if sheet.about is not None and sheet.about not in entities:
        yield f"about {sheet.about}, which is no entity", did_you_mean(sheet.about, entities)
    for text in (sheet.heading, *sheet.notes):
        try:
            text.format(**dict.fromkeys(FACTS, ""))
        except (KeyError, IndexError, ValueError) as error:
            yield f"{text!r} names {error} in braces", f"known are {', '.join(FACTS)}"
    for measure in sheet.measures:
        table = getattr(measure, "codes", None)
        if table is not None and table not in codes.ids():
            yield f"unknown code table {table}", did_you_mean(table, codes.ids())
    try:
        kinds = [statement.type for statement in duckdb.extract_statements(sheet.sql)]
    except duckdb.Error as error:
        yield f"the query cannot be read: {_said(error)}", _QUERY
        return
    if kinds != [duckdb.StatementType.SELECT]:
        yield "the SQL is not a single SELECT", _QUERY


def _bound(
    catalogue: SheetCatalogue, library: Library, codes: CodeLibrary, scratch: Path
) -> Iterator[Problem]:
    """What shows when the queries meet their relations."""
    engine, lake = Engine(scratch / "spill", codes, threads=1, folders=(scratch,)), Lake(scratch / "lake")
    with engine.connect() as connection:
        opened = BatchContext(connection, lake, library, codes, _DAY)
        update_tickets(opened, no_replies())
        known = name_relations(connection, turn_of(opened), catalogue.sheets.values())
        for name, sheet in catalogue.sheets.items():
            if sheet.about is not None and sheet.about not in known:
                continue
            try:
                _bind(connection, sheet, codes)
            except (duckdb.Error, ValueError) as error:
                yield Problem(catalogue.paths[name].with_suffix(".sql"), 1, _said(error), _QUERY)


def _bind(connection: duckdb.DuckDBPyConnection, sheet: SheetSpec, codes: CodeLibrary) -> None:
    """Ask the query for no rows, and lay out a sheet of them.

    Raises:
        duckdb.Error: the query names what is not there.
        ValueError: the rows lack a column that the sheet shows, or have it in another type.
    """
    parameters = {"batch": _DAY}
    report = settled(sheet, connection, codes, parameters)
    used = {name: value for name, value in parameters.items() if f"${name}" in report.sql}
    rows = connection.execute(f"SELECT * FROM ({report.sql}) LIMIT 0", used or None).pl()
    if UNIT not in rows.columns:
        raise ValueError(f"the query gives no column {UNIT}: by it the rows are parted among the packages")
    report.sheet(rows, dict.fromkeys(FACTS, ""))


def _said(error: Exception) -> str:
    """The first line of an error, which names the place in the query."""
    return str(error).strip().splitlines()[0]
