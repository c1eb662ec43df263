"""The one way into the readers: which functions read the formats that `schemas.formats` declares.

A new format is a record there, a module with `recognise` and `read`, a function in `specimens`, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.collect.readers import specimens, sqlite, workbook
from warehouse.collect.readers.dbf import dbase
from warehouse.collect.readers.layout import Layout, Reading, Recognition
from warehouse.collect.readers.specimens import Specimen
from warehouse.collect.readers.text import delimited

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class FormatReader:
    """How files of one format are recognised and read, and how one that no contract describes is opened."""

    recognise: Callable[[Path, Layout], Recognition]
    read: Callable[[Path, Layout, Connection, str, Path], Reading]
    specimen: Callable[[Path, str | None], Specimen]


READERS: Mapping[str, FormatReader] = {
    "csv": FormatReader(delimited.recognise, delimited.read, specimens.delimited),
    "xlsx": FormatReader(workbook.recognise, workbook.read, specimens.workbook),
    "sqlite": FormatReader(sqlite.recognise, sqlite.read, specimens.database),
    "dbf": FormatReader(dbase.recognise, dbase.read, specimens.dbase),
}


def recognise(path: Path, layout: Layout) -> Recognition:
    """What a delivered file is and which columns it has; of delimited text only the first part is read.

    Raises:
        UnreadableFile: it cannot be read as the layout says; the message is for the department.
    """
    return READERS[layout.form].recognise(path, layout)


def read(path: Path, layout: Layout, connection: Connection, table: str, *, spool: Path) -> Reading:
    """Read a delivered file into a table of text, in the order of the file.

    The table replaces one of that name. It has `_row BIGINT`, the row as a person sees it in the file (in a
    database the place in the table, from 1; of several sheets the row in each, with `_sheet` beside it), and every
    column of the layout as VARCHAR, as delivered and not even trimmed; what is empty or was not delivered is NULL.
    Blank rows count and are left out.

    Args:
        path: the file.
        layout: what the contract says of it.
        connection: where the table is made; its order of insertion is kept whatever its settings.
        table: the table's name, unquoted.
        spool: a folder for scratch files as large as the file; it is left as it was found.

    Raises:
        UnreadableFile: it cannot be read as the layout says; the message is for the department.
    """
    return READERS[layout.form].read(path, layout, connection, table, spool)
