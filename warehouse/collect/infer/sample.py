"""A sample file without a contract: its form, the place of its headings, its rows as text.

The headings found here are passed to the readers, which then read the file like any delivery. This module does not
judge the values; `warehouse.collect.infer.profile` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.formats import Format, format_of
from warehouse.collect.infer.guesses import GuessedHeadings, guess_headings, plain_title
from warehouse.collect.intake.archive import is_archive
from warehouse.collect.readers.foreign import foreign_kind
from warehouse.collect.readers.headings.header_match import clean_title
from warehouse.collect.readers.headings.heading_blocks import filled
from warehouse.collect.readers.layout import (
    DEFAULT_ENCODINGS,
    Layout,
    LayoutColumn,
    Reading,
    Recognition,
    UnreadableFile,
    unreadable,
)
from warehouse.collect.readers.registry import READERS, read, recognise
from warehouse.collect.readers.specimens import NoSpecimen, Specimen
from warehouse.collect.readers.text.encoding import HEAD
from warehouse.home.names import shown_name

TABLE = "sample_rows"


@dataclass(frozen=True)
class Sample:
    """A sample read into a table `sample_rows`, whose columns `c0`, `c1`, … are in the order of `headings`.

    Attributes:
        headings: the headings of the file, without ornaments and line breaks.
        repeated: headings that equal an earlier heading; their columns are not read.
        recognition: the recognised form of the file.
        others: the sheets or tables that were not read.
        rows: the number of rows.
        headed: whether the file has headings; if not, `headings` are column numbers (第1列).
        reading: the reading of the file, with the rows set aside.
    """

    headings: tuple[str, ...]
    repeated: tuple[str, ...]
    recognition: Recognition
    others: tuple[str, ...]
    rows: int
    headed: bool
    reading: Reading


def read_sample(path: Path, part: str | None, connection: duckdb.DuckDBPyConnection, spool: Path) -> Sample:
    """Read a file without a contract into the table `sample_rows`.

    Args:
        path: a delimited text, a workbook, an SQLite database or a DBF; name and content decide its form.
        part: the sheet or table to read; needed if the file has several.
        connection: the connection that gets the table.
        spool: a folder for scratch files.

    Raises:
        UnreadableFile: the form is unknown, there are no headings, or no table of several is named; in Chinese.
    """
    foreign = foreign_kind(path)
    if foreign is not None:
        raise UnreadableFile(foreign.refusal(shown_name(path)))
    with path.open("rb") as file:
        start = file.read(HEAD)
    form = format_of(path.suffix, start)
    found = _opened(path, part, form)
    headings = guess_headings(found.rows, found.merged)
    if not any(map(filled, found.rows)):
        raise unreadable(path, "文件是空的", "换一个有内容的样例")
    if headings is None and not form.takes("headings"):
        raise unreadable(path, "找不到列名", "核对导出是否完整")
    titles = _titles(found) if headings is None else headings.titles
    seen = [plain_title(title) for title in titles if title]
    first: dict[str, str] = {}
    for title in seen:
        first.setdefault(clean_title(title), title)
    reading = read(path, _layout(found, form, headings, first), connection, TABLE, spool=spool)
    kept = set(first.values())
    repeated = [h for place, h in enumerate(seen) if h not in kept or h in seen[:place]]
    return Sample(
        headings=tuple(first.values()),
        repeated=tuple(repeated),
        recognition=reading.recognition,
        others=tuple(found.names[1:]),
        rows=reading.rows,
        headed=headings is not None,
        reading=reading,
    )


def _opened(path: Path, part: str | None, form: Format) -> Specimen:
    if form.known_by != "suffix" and is_archive(path):
        raise unreadable(path, "是压缩包", "解压后，用其中的一个文件作样例")
    try:
        return READERS[form.name].specimen(path, part)
    except NoSpecimen:
        raise _refusal(path, form.name) from None


def _titles(found: Specimen) -> tuple[str, ...]:
    """Names for the columns of a file without headings: 第1列, 第2列, …; lower rows may be wider than the first."""
    width = max(found.width, *(place + 1 for cells in found.rows for place in filled(cells)))
    return tuple(f"第{place}列" for place in range(1, width + 1))


def _layout(
    found: Specimen, form: Format, headings: GuessedHeadings | None, first: Mapping[str, str]
) -> Layout:
    """Build the layout that reads the sample by the guessed headings."""
    measured = (
        {clean_title(plain_title(headings.titles[place])) for place in headings.measured}
        if headings
        else set()
    )
    # Only for headings in a single row is the row known; the readers find other headings by their paths.
    alone = headings is not None and headings.block.rows == 1 and headings.last == headings.block.bottom
    return Layout(
        form=form.name,
        # The first column usually identifies a row; the readers use it to distinguish records from notes and totals.
        columns=tuple(
            LayoutColumn(f"c{place}", (heading,), key=place == 0, measured=plain in measured)
            for place, (plain, heading) in enumerate(first.items())
        ),
        encodings=DEFAULT_ENCODINGS,
        delimiter=found.delimiter,
        sheet=found.names[0] if found.names and form.takes("sheet") else None,
        table=found.names[0] if found.names and form.takes("table") else None,
        header_row=headings.block.bottom
        if alone and headings is not None and form.takes("headerRow")
        else None,
        without_headings=headings is None,
    )


def _refusal(path: Path, form: str) -> UnreadableFile:
    """The refusal that the form's reader gives for a file that cannot be opened."""
    try:
        recognise(path, Layout(form, (LayoutColumn("c0", ("c0",)),)))
    except UnreadableFile as error:
        return error
    return unreadable(path, "打不开", "核对文件是否完整")
