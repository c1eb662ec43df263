"""What a worker can be asked: one dataclass for each task, and the files through which rows come back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from warehouse.collect.readers.layout import Layout
from warehouse.collect.readers.text.line_hash import RecordLines

# Files in the scratch folder of a request. Rows come back in the first, hashes of lines in the second; the third
# takes along the numbers of the rows that are wanted.
ROWS, HASHES, WANTED = "rows.parquet", "hashes.parquet", "wanted.npy"


@dataclass(frozen=True)
class Recognise:
    """What a delivered file is; answered with a `Recognition`."""

    path: Path
    layout: Layout


@dataclass(frozen=True)
class NameKind:
    """What a file is that is none of those read here; answered with a `Foreign`, or None."""

    path: Path


@dataclass(frozen=True)
class Read:
    """The rows of a delivered file, in `ROWS` and `HASHES`; answered with a `Reading`."""

    path: Path
    layout: Layout
    scratch: Path
    threads: int


@dataclass(frozen=True)
class HashLines:
    """The hashes of a text's lines, in `HASHES`; answered with their number, or None where they are no records."""

    lines: RecordLines
    scratch: Path
    threads: int

    @property
    def path(self) -> Path:
        """The file."""
        return self.lines.path


@dataclass(frozen=True)
class ReadSome:
    """The rows of a text that `WANTED` lists, in `ROWS`; `HASHES` lists those whose hashes hold.

    Answered with a `Reading`, or None if the records are not one on each line.
    """

    path: Path
    layout: Layout
    lines: RecordLines
    scratch: Path
    threads: int


@dataclass(frozen=True)
class ReadSample:
    """The rows of a file that no contract describes, in `ROWS`; answered with a `Sample`."""

    path: Path
    part: str | None
    scratch: Path
    threads: int


@dataclass(frozen=True)
class Unpack:
    """An archive unpacked into the scratch folder; answered with its `Member`s, or None if it is no archive."""

    path: Path
    scratch: Path
    largest: int


@dataclass(frozen=True)
class OpenBook:
    """The sheets of a workbook (XLSX); answered with an `OpenedBook`."""

    path: Path
    most_cells: int
    most_unpacked: int


@dataclass(frozen=True)
class LoadCells:
    """All cells of a sheet as text, and which are numbers; answered with `SheetCells`, attached as an Arrow stream."""

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
    """The names of a workbook's sheets, or why it cannot be opened; of an excessive one which cell, of another what."""

    names: tuple[str, ...] = ()
    problem: BookProblem | None = None
    detail: str = ""


@dataclass(frozen=True)
class SheetCells:
    """The number of a sheet's columns; None if the sheet is damaged."""

    width: int | None
