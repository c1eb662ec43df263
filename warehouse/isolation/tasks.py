"""The tasks of a worker: it calls the readers of `warehouse.collect` in its own process.

Rows go into a database in memory, one for each file, and from there into a file in the scratch folder. This module
does not know the platform's lake, ledger or keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from schemas.emit.sql import literal, quote
from warehouse.collect.infer.sample import TABLE as SAMPLE
from warehouse.collect.infer.sample import Sample, read_sample
from warehouse.collect.intake.archive import ArchiveMember, is_archive, unpack
from warehouse.collect.readers.foreign import Foreign, foreign_kind
from warehouse.collect.readers.layout import Reading, Recognition
from warehouse.collect.readers.registry import read, recognise
from warehouse.collect.readers.sheets.guards.xlsx_guard import (
    DamagedWorkbook,
    ExcessiveWorkbook,
    check_safe,
    is_encrypted,
)
from warehouse.collect.readers.sheets.package import OtherWorkbook
from warehouse.collect.readers.sheets.sheet import DeliveredSheet
from warehouse.collect.readers.sheets.xlsx import XlsxBook
from warehouse.collect.readers.text.delimited import read_some
from warehouse.collect.readers.text.encoding import OLE
from warehouse.collect.readers.text.line_hash import EndlessLine, Excerpt, hashes_of, keep_hashes
from warehouse.isolation.limits import Limits
from warehouse.isolation.requests import (
    HASHES,
    ROWS,
    WANTED,
    HashLines,
    LoadCells,
    NameKind,
    OpenBook,
    OpenedBook,
    Read,
    ReadSample,
    ReadSome,
    Recognise,
    SheetCells,
    Unpack,
)

_TABLE = "delivered"

Outcome = tuple[object, bytes]


def _recognise(request: Recognise, _: Limits) -> Recognition:
    return recognise(request.path, request.layout)


def _name_kind(request: NameKind, _: Limits) -> Foreign | None:
    return foreign_kind(request.path)


def _read(request: Read, limits: Limits) -> Reading:
    with _database(request.scratch, request.threads, limits) as connection:
        reading = read(request.path, request.layout, connection, _TABLE, spool=request.scratch)
        _write(connection, f"SELECT * FROM {quote(_TABLE)}", request.scratch / ROWS)
        if reading.lines is not None:
            _write(connection, f"SELECT * FROM {quote(hashes_of(_TABLE))}", request.scratch / HASHES)
    return reading


def _hash_lines(request: HashLines, limits: Limits) -> int | None:
    with _database(request.scratch, request.threads, limits) as connection:
        try:
            count = keep_hashes(connection, _TABLE, request.lines)
        except EndlessLine:
            return None
        _write(connection, f"SELECT * FROM {quote(hashes_of(_TABLE))}", request.scratch / HASHES)
    return count


def _read_some(request: ReadSome, limits: Limits) -> Reading | None:
    rows = np.load(request.scratch / WANTED, allow_pickle=False)
    with _database(request.scratch, request.threads, limits) as connection:
        hashes = quote(hashes_of(_TABLE))
        connection.register("wanted", pa.table({"_row": rows}))
        connection.execute(f"CREATE TEMP TABLE {hashes} AS SELECT _row FROM wanted")
        reading = read_some(
            request.path, request.layout, connection, _TABLE, request.scratch, Excerpt(request.lines, rows)
        )
        if reading is not None:
            _write(connection, f"SELECT * FROM {quote(_TABLE)}", request.scratch / ROWS)
            _write(connection, f"SELECT _row FROM {hashes}", request.scratch / HASHES)
    return reading


def _read_sample(request: ReadSample, limits: Limits) -> Sample:
    with _database(request.scratch, request.threads, limits) as connection:
        sample = read_sample(request.path, request.part, connection, request.scratch)
        _write(connection, f"SELECT * FROM {quote(SAMPLE)}", request.scratch / ROWS)
    return sample


def _unpack(request: Unpack, _: Limits) -> list[ArchiveMember] | None:
    if foreign_kind(request.path) is not None or not is_archive(request.path):
        return None
    return unpack(request.path, request.scratch, request.largest)


@contextmanager
def _database(scratch: Path, threads: int, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that spills into the scratch folder."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": f"{limits.engine_memory}B",
        "temp_directory": str(scratch / "spilled"),
        "max_temp_directory_size": f"{limits.output}B",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        yield connection


def _write(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write rows in their order, without dictionaries: building these is not worth it for a short-lived file."""
    options = "FORMAT parquet, COMPRESSION lz4, DICTIONARY_SIZE_LIMIT 1"
    connection.execute(f"COPY ({query}) TO {literal(str(path))} ({options})")


class _Book:
    """The workbook that was opened last. It stays open, because its sheets are requested one after another."""

    def __init__(self) -> None:
        self._known: tuple[object, ...] | None = None
        self._book: XlsxBook | None = None

    def opened(self, request: OpenBook) -> XlsxBook:
        """The workbook in its present state on the disk.

        Raises:
            DamagedWorkbook, ExcessiveWorkbook, OtherWorkbook: as `check_safe` and `XlsxBook`.
        """
        found = request.path.stat()
        asked = (request, found.st_ino, found.st_size, found.st_mtime_ns)
        if self._book is None or asked != self._known:
            self.forget()
            content = request.path.read_bytes()
            try:
                check_safe(content, request.most_cells, request.most_unpacked)
            except DamagedWorkbook as error:
                raise _Unsound from error
            self._book = XlsxBook(content)
            self._known = asked
        return self._book

    def forget(self) -> None:
        """Release its memory."""
        self._known = self._book = None


class _Unsound(DamagedWorkbook):
    """The file is not a workbook, as a check before opening shows."""


_BOOK = _Book()


def _open_book(request: OpenBook, _: Limits) -> OpenedBook:
    if (foreign := foreign_kind(request.path)) is not None:
        return OpenedBook(problem="foreign", detail=foreign.name)
    with request.path.open("rb") as file:
        if file.read(len(OLE)) == OLE:
            file.seek(0)
            return OpenedBook(problem="encrypted" if is_encrypted(file.read()) else "old")
    try:
        return OpenedBook(tuple(_BOOK.opened(request).all_names))
    except ExcessiveWorkbook as error:
        return OpenedBook(problem="excessive", detail=error.cell)
    except OtherWorkbook as error:
        return OpenedBook(problem="other", detail=error.kind)
    except _Unsound:
        return OpenedBook(problem="unsound")
    except DamagedWorkbook:
        return OpenedBook(problem="damaged")


def _load_cells(request: LoadCells, _: Limits) -> tuple[SheetCells, bytes]:
    try:
        sheet = _BOOK.opened(request.book).sheet(request.sheet)
        columns = [_cells(sheet, place) for place in range(sheet.width)]
    except (DamagedWorkbook, ExcessiveWorkbook, OtherWorkbook, KeyError):
        return SheetCells(None), b""
    table = pa.table(
        [part for parts in zip(*columns, strict=True) for part in parts],
        names=[f"{kind}{place}" for kind in _CELLS for place in range(sheet.width)],
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return SheetCells(sheet.width), sink.getvalue().to_pybytes()


# The parts that are sent for each column of a sheet.
_CELLS = ("text", "number", "error", "unreadable")


def _cells(sheet: DeliveredSheet, place: int) -> tuple[pa.Array, ...]:
    """A column as a person sees it, with marks for cells that hold numbers, show errors, or cannot be read."""
    column = sheet.columns[place]
    # A percentage keeps its sign: a person must decide whether 50% means 50 or 0.5.
    text = sheet.seen(place, fractions=False).text
    return (
        text,
        *(
            pa.array(np.isin(np.arange(sheet.height), rows))
            for rows in (
                column.numbers.places,
                column.errors,
                np.concatenate([column.errors, column.uncomputed]),
            )
        ),
    )


# Task → the dataclass of its request, and the function that runs it.
_TASKS: dict[str, tuple[type, Callable[[Any, Limits], object]]] = {
    kind.__name__: (kind, task)
    for kind, task in (
        (Recognise, _recognise),
        (NameKind, _name_kind),
        (Read, _read),
        (HashLines, _hash_lines),
        (ReadSome, _read_some),
        (ReadSample, _read_sample),
        (Unpack, _unpack),
        (OpenBook, _open_book),
    )
}


def request_type(task: str) -> type:
    """The dataclass of a task."""
    return LoadCells if task == LoadCells.__name__ else _TASKS[task][0]


def carry_out(request: Any, limits: Limits) -> Outcome:
    """Run the task of a request.

    Returns:
        The answer as dataclasses and plain values, and attached bytes.

    Raises:
        UnreadableFile: the file cannot be read; the message is for its sender. Readers may raise other errors too.
    """
    if isinstance(request, LoadCells):
        return _load_cells(request, limits)
    if not isinstance(request, OpenBook):
        _BOOK.forget()
    return _TASKS[type(request).__name__][1](request, limits), b""
