"""The requests to a worker: one dataclass for each task, and the names of the files that return rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from warehouse.collect.readers.layout import Layout
from warehouse.collect.readers.text.line_hash import RecordLines

# Files in the scratch folder of a request. The worker writes rows into the first and hashes of lines into the second.
# The platform writes the numbers of the wanted rows into the third.
ROWS, HASHES, WANTED = "rows.parquet", "hashes.parquet", "wanted.npy"


@dataclass(frozen=True)
class Recognise:
    """Recognise a delivered file; answered with a `Recognition`."""

    path: Path
    layout: Layout


@dataclass(frozen=True)
class NameKind:
    """Name the kind of a file that the platform does not read; answered with a `Foreign`, or None."""

    path: Path


@dataclass(frozen=True)
class Read:
    """Read the rows of a delivered file into `ROWS` and `HASHES`; answered with a `Reading`."""

    path: Path
    layout: Layout
    scratch: Path
    threads: int


@dataclass(frozen=True)
class HashLines:
    """Hash the lines of a text into `HASHES`; answered with their number, or None if the lines are not records."""

    lines: RecordLines
    scratch: Path
    threads: int

    @property
    def path(self) -> Path:
        """The file."""
        return self.lines.path


@dataclass(frozen=True)
class ReadSome:
    """Read the rows of a text that `WANTED` lists into `ROWS`; `HASHES` lists the rows whose hashes are valid.

    Answered with a `Reading`, or None if the text does not have one record on each line.
    """

    path: Path
    layout: Layout
    lines: RecordLines
    scratch: Path
    threads: int


@dataclass(frozen=True)
class ReadSample:
    """Read the rows of a file without a contract into `ROWS`; answered with a `Sample`."""

    path: Path
    part: str | None
    scratch: Path
    threads: int


@dataclass(frozen=True)
class Unpack:
    """Unpack an archive into the scratch folder; answered with its `ArchiveMember`s, or None if it is no archive."""

    path: Path
    scratch: Path
    largest: int


@dataclass(frozen=True)
class OpenBook:
    """List the sheets of a workbook (XLSX); answered with an `OpenedBook`."""

    path: Path
    most_cells: int
    most_unpacked: int


@dataclass(frozen=True)
class LoadCells:
    """Load all cells of a sheet as text, with marks for numbers; answered with `SheetCells` and an Arrow stream."""

    book: OpenBook
    sheet: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.book.path


Request = Recognise | NameKind | Read | HashLines | ReadSome | ReadSample | Unpack | OpenBook | LoadCells

BookProblem = Literal["encrypted", "old", "foreign", "other", "unsound", "damaged", "excessive"]


@dataclass(frozen=True)
class OpenedBook:
    """The names of a workbook's sheets, or the problem; `detail` is the cell that is too much, or the actual format."""

    names: tuple[str, ...] = ()
    problem: BookProblem | None = None
    detail: str = ""


@dataclass(frozen=True)
class SheetCells:
    """The number of a sheet's columns; None if the sheet is damaged."""

    width: int | None
