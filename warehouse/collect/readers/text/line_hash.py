"""The lines of a text file as hashes of their bytes: known lines are recognised without decoding or splitting them.

This works for encodings in which the byte of a line feed is always a line feed, so not for UTF-16. This module does
not know whether a line is a record, nor how to read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from schemas.emit.sql import quote
from warehouse.collect.readers.text.endings import end_of_text

# The hash function's name; another version of the library may give other values.
LINE_HASH = f"polars {pl.__version__}"
_SEEDS = {"_hash": 1, "_check": 2}

_LF = 10
_CHUNK = 16 << 20
# A longer line is not a record; it is not kept in memory.
_LONGEST = 32 << 20


class EndlessLine(Exception):
    """A line of more than 32 MiB."""


@dataclass(frozen=True)
class RecordLines:
    """The records of a text file that has one record on each line below its headings.

    Attributes:
        path: the file.
        above: the number of lines down to the last heading.
        first: the row of the first record, counted from 1.
    """

    path: Path
    above: int
    first: int

    def hashed(self) -> Iterator[pa.Table]:
        """Yield each record's row `_row` and two hashes of its bytes, `_hash` and `_check`, in file order.

        Raises:
            EndlessLine: a line is too long, so that the file does not have one record on each line.
        """
        row = self.first
        for data, ends in self._pieces():
            lines = _binary(data, ends)
            hashes = {name: lines.hash(seed).rename(name) for name, seed in _SEEDS.items()}
            rows = pl.int_range(row, row + len(lines), eager=True).alias("_row")
            yield pl.DataFrame([rows, *hashes.values()]).to_arrow()
            row += len(lines)

    def excerpt(self, rows: npt.NDArray[np.int64], target: Path) -> None:
        """Write the lines above the records, and the chosen records, as a new file.

        Args:
            rows: the rows of the chosen records, ascending.
            target: the new file.
        """
        wanted = rows - self.first
        row = 0
        with target.open("wb") as out:
            with self.path.open("rb") as file:
                out.writelines(islice(file, self.above))
            for data, ends in self._pieces():
                chosen = wanted[slice(*np.searchsorted(wanted, (row, row + ends.size)))] - row
                mark = np.zeros(ends.size, np.bool_)
                mark[chosen] = True
                out.write(data[np.repeat(mark, np.diff(ends, prepend=-1))].data)
                row += ends.size

    def _pieces(self) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]]:
        """Yield whole lines below the headings, with the positions of their line feeds."""
        with self.path.open("rb") as file:
            for _ in islice(file, self.above):
                pass
            carry = b""
            end_of_file = end_of_text(self.path)
            while raw := file.read(min(_CHUNK, max(end_of_file - file.tell(), 0))):
                piece = carry + raw
                end = piece.rfind(b"\n") + 1
                carry = piece[end:]
                if len(carry) > _LONGEST:
                    raise EndlessLine
                if end:
                    yield _ended(piece[:end])
            if carry:
                yield _ended(carry + b"\n")


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some records of a text; `rows` are their row numbers, ascending."""

    lines: RecordLines
    rows: npt.NDArray[np.int64]


def hashes_of(table: str) -> str:
    """The name of the table with the hashes of a table's lines: `_row`, `_hash`, `_check`."""
    return f"{table} lines"


def keep_hashes(connection: duckdb.DuckDBPyConnection, table: str, lines: RecordLines) -> int:
    """Write the hashes of a file's records into a table, and count them.

    Raises:
        EndlessLine: a line is too long, so that the file does not have one record on each line.
    """
    name = quote(hashes_of(table))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} (_row BIGINT, _hash UBIGINT, _check UBIGINT)")
    for batch in lines.hashed():
        connection.register("hashed_batch", batch)
        try:
            connection.execute(f"INSERT INTO {name} SELECT _row, _hash, _check FROM hashed_batch")
        finally:
            connection.unregister("hashed_batch")
    return int(connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])


def lay_hashes(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Copy the hashes into the table of rows, NULL for a missing hash. A join would change the row order."""
    rows, hashes = quote(table), quote(hashes_of(table))
    connection.execute(f"ALTER TABLE {rows} ADD COLUMN _hash UBIGINT")
    connection.execute(f"ALTER TABLE {rows} ADD COLUMN _check UBIGINT")
    connection.execute(
        f"UPDATE {rows} SET _hash = beside._hash, _check = beside._check FROM {hashes} AS beside "
        f"WHERE beside._row = {rows}._row"
    )


def _ended(piece: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]:
    data = np.frombuffer(piece, np.uint8)
    return data, np.flatnonzero(data == _LF)


def _binary(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.intp]) -> pl.Series:
    """The lines, with their line feeds, as one series of bytes."""
    places = np.concatenate([[0], ends + 1]).astype(np.int64)
    lines = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), ends.size, [None, pa.py_buffer(places), pa.py_buffer(data)]
    )
    series = pl.from_arrow(lines)
    assert isinstance(series, pl.Series)
    return series
