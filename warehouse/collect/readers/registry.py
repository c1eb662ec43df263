"""The entry to the readers: for each format that `schemas.formats` declares, the functions that read it.

A new format needs a record there, a module with `recognise` and `read`, a function in `specimens`, and a line here.
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
    """The functions that recognise and read files of a format, and open a sample without a contract."""

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
    """Recognise the form and the columns of a delivered file; of delimited text only the first part is read.

    Raises:
        UnreadableFile: the file does not fit the layout; the message is for the department.
    """
    return READERS[layout.form].recognise(path, layout)


def read(path: Path, layout: Layout, connection: Connection, table: str, *, spool: Path) -> Reading:
    """Read a delivered file into a table of text, in the order of the file.

    The table replaces a table of the same name. Its column `_row BIGINT` is the row number that a person sees in the
    file; for a database it is the position in the table, from 1. If several sheets are read as one, `_row` counts in
    each sheet, and `_sheet` names the sheet. Every column of the layout is VARCHAR, exactly as delivered; empty or
    missing cells are NULL. Blank rows are left out, but count in the numbering.

    Args:
        path: the file.
        layout: the contract's description of the file.
        connection: the connection that gets the table; rows keep their insertion order under any setting.
        table: the table's name, unquoted.
        spool: a folder for scratch files as large as the file; the reader removes its files again.

    Raises:
        UnreadableFile: the file does not fit the layout; the message is for the department.
    """
    return READERS[layout.form].read(path, layout, connection, table, spool)
