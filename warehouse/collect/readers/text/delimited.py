"""Delimited text (CSV and similar): find the headings in the first part, let DuckDB read the rows from a spool.

`encoding` decodes the bytes, `record_lines` writes the spool, and `lenient` reads text that is not strictly CSV.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from schemas.emit.sql import literal
from warehouse.collect.readers.doubts import ANY
from warehouse.collect.readers.given import given_values
from warehouse.collect.readers.headings.header_match import (
    HEADING_ROWS,
    Headings,
    find_headings,
    missing_columns,
    no_headings,
)
from warehouse.collect.readers.headings.row_classify import swallowed_sql
from warehouse.collect.readers.layout import (
    Given,
    Layout,
    Note,
    Reading,
    Recognition,
    unreadable,
)
from warehouse.collect.readers.staging import StagingTable
from warehouse.collect.readers.text import lenient
from warehouse.collect.readers.text.encoding import (
    HEAD,
    Encoding,
    UndecodableText,
    candidate_encodings,
    decode_head,
    decoded,
    refuse_binary,
    refuse_broken_utf8,
    signature_of,
    undecodable,
)
from warehouse.collect.readers.text.endings import end_of_text
from warehouse.collect.readers.text.line_hash import EndlessLine, Excerpt, RecordLines, keep_hashes
from warehouse.collect.readers.text.mixture import foreign_lines, refuse_mixture
from warehouse.collect.readers.text.record_lines import BREAKS, FOLDED, NO_VALUE, RecordSpool, SpoolPart

if TYPE_CHECKING:
    import _csv

DELIMITERS = (",", "\t", ";", "|")
# Fields beyond the headings that DuckDB accepts; a file with a longer record is read by `lenient`.
_MARGIN = 16


@dataclass(frozen=True)
class _TextHead:
    """The first part of a file: its encoding, its delimiter and its headings."""

    encoding: Encoding
    delimiter: str
    headings: Headings
    given: tuple[Given, ...]
    body: int
    """The number of characters above the first record."""
    above: int
    """The number of line feeds in these characters."""

    def lines(self, path: Path) -> RecordLines:
        """The record lines of a file with this head, if it has one record on each line."""
        return RecordLines(path, self.above, self.headings.row + 1)


def recognise(path: Path, layout: Layout) -> Recognition:
    """Recognise a delimited file from its first part.

    Raises:
        UnreadableFile: it is empty, binary, in no known encoding, or lacks headings.
    """
    head = _heads(path, layout)[0]
    refuse_mixture(path, head.encoding, HEAD)
    return _recognition(layout, head)


def read(
    path: Path, layout: Layout, connection: duckdb.DuckDBPyConnection, table: str, scratch: Path
) -> Reading:
    """Fill a table with the rows of a delimited file.

    Args:
        path: the file.
        layout: the contract's description of the file.
        connection: the connection that gets the table.
        table: the table's name.
        scratch: a folder for the spool.

    Raises:
        UnreadableFile: as `recognise`; or the rest of the file does not match its first part.
    """
    failures = []
    for head in _heads(path, layout):
        stage = StagingTable(connection, table, layout, _recognition(layout, head))
        try:
            reading = _read(path, head, stage, scratch)
            mixed = refuse_mixture(path, head.encoding)
            # Rows with a note must be read again in the next delivery, so that no line is recorded as known.
            return replace(reading, notes=(*reading.notes, *mixed), lines=None) if mixed else reading
        except UndecodableText as failure:
            refuse_broken_utf8(path, failure)
            failures.append(failure)
    raise undecodable(path, max(failures, key=lambda failure: failure.offset))


def _heads(path: Path, layout: Layout) -> list[_TextHead]:
    """List all ways to decode and split the first part, the best first.

    If the first part is ASCII, several encodings fit it; only the rest of the file decides.
    """
    with path.open("rb") as file:
        start = file.read(HEAD)
    if not start.strip():
        raise unreadable(path, "文件是空的", "核对导出是否成功，重新交付")
    if kind := signature_of(start):
        raise unreadable(path, f"内容是{kind}，不是 CSV 文本", "按数据标准规定的格式导出后重新交付")
    whole = len(start) < HEAD
    if not start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        start = start[: end_of_text(path)]
    texts, failures = [], []
    for encoding in candidate_encodings(start, layout.encodings):
        try:
            texts.append((encoding, decode_head(start, encoding, whole=whole)))
        except UndecodableText as failure:
            refuse_broken_utf8(path, failure)
            failures.append(failure)
    if not texts:
        raise undecodable(path, max(failures, key=lambda failure: failure.offset))
    heads: list[_TextHead] = []
    for encoding, text in texts:
        refuse_binary(path, text)
        heads.extend(_understood(path, text if whole else _whole_lines(text), encoding, layout))
    if not heads:
        rows = _first_rows(texts[0][1], layout.delimiter or DELIMITERS[0], layout)
        raise no_headings(path, "", rows, layout)
    most = max(head.headings.likeness for head in heads)
    best = [head for head in heads if head.headings.likeness == most]
    if not best[0].headings.complete:
        raise missing_columns(path, f"第 {best[0].headings.row} 行的表头", best[0].headings)
    # For each encoding: the first of the delimiters that find the most headings.
    chosen: dict[Encoding, _TextHead] = {}
    for head in best:
        chosen.setdefault(head.encoding, head)
    return list(chosen.values())


def _understood(path: Path, text: str, encoding: Encoding, layout: Layout) -> Iterator[_TextHead]:
    for delimiter in (layout.delimiter,) if layout.delimiter else DELIMITERS:
        rows = _first_rows(text, delimiter, layout)
        headings = find_headings(rows, layout)
        if headings is not None:
            body = _length_of_rows(text, delimiter, headings.row)
            given = given_values(path, layout, rows[: headings.row - headings.rows])
            yield _TextHead(encoding, delimiter, headings, given, body, text.count("\n", 0, body))


def _whole_lines(text: str) -> str:
    """The text without an incomplete last line."""
    return text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text


def _first_rows(text: str, delimiter: str, layout: Layout) -> list[list[str]]:
    wanted = max(HEADING_ROWS, layout.header_row or 0)
    rows: list[list[str]] = []
    try:
        lines = io.StringIO(text, newline="")
        rows.extend(islice(_records(lines, text, delimiter), wanted))
    except csv.Error:
        # An unclosed quote swallows the rest; the headings may stand above it.
        return rows
    return rows


def _records(lines: io.StringIO, text: str, delimiter: str) -> _csv.Reader:
    """Read the records of a text; blanks before quotes are dropped, as `record_lines` does."""
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=f'{delimiter} "' in text)


def _length_of_rows(text: str, delimiter: str, rows: int) -> int:
    """The number of characters of the first records, line ends included."""
    lines = io.StringIO(text, newline="")
    reader = _records(lines, text, delimiter)
    for _ in islice(reader, rows):
        pass
    return sum(len(line) for line in islice(io.StringIO(text, newline=""), reader.line_num))


def _recognition(layout: Layout, head: _TextHead) -> Recognition:
    return Recognition(
        form=layout.form,
        columns=head.headings.columns,
        missing=tuple(column.name for column in head.headings.missing),
        extra=head.headings.extra,
        header_row=head.headings.row or None,
        header_rows=head.headings.rows,
        encoding=head.encoding.name,
        delimiter=head.delimiter,
        headless=tuple(p + 1 for p in head.headings.headless if p < head.headings.width),
        given=head.given,
        remarks=head.headings.remarks,
    )


def read_some(
    path: Path,
    layout: Layout,
    connection: duckdb.DuckDBPyConnection,
    table: str,
    scratch: Path,
    wanted: Excerpt,
) -> Reading | None:
    """Fill a table with some records of a delimited file; the other records are known from an earlier file.

    Args:
        path, layout, connection, table, scratch: as in `read`.
        wanted: the records to read.

    Returns:
        The reading of these records; None if the file does not have one record on each line.

    Raises:
        UnreadableFile: as `read`.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder:
        excerpt = Path(folder) / path.name
        wanted.lines.excerpt(wanted.rows, excerpt)
        for head in _heads(excerpt, layout):
            stage = StagingTable(connection, table, layout, _recognition(layout, head))
            try:
                plain = _read_plain(excerpt, head, stage, scratch)
            except UndecodableText:
                continue
            if plain.rest is not None or plain.folded or plain.mended or stage.size() != wanted.rows.size:
                return None
            if foreign_lines(excerpt, head.encoding) is not None:
                return None
            stage.renumber(wanted.rows)
            if stage.has_second_table():
                return None
            return stage.finish(lines=head.lines(path))
    return None


@dataclass(frozen=True)
class _Plain:
    """The part of a file that is strict CSV."""

    rest: Iterator[str] | None
    """The text from the first irregular place on; None if the whole file is strict CSV."""
    folded: bool = False
    """Whether a record spans several lines."""
    mended: tuple[str, ...] = ()
    """Notes on the repaired spellings (Chinese)."""
    odd: frozenset[str] = ANY
    """The kinds of odd values that the file may contain."""


def _read(path: Path, head: _TextHead, stage: StagingTable, scratch: Path) -> Reading:
    plain = _read_plain(path, head, stage, scratch)
    stage.number(head.headings.row + 1)
    if plain.rest is not None:
        stray = _insert_loose(path, stage, plain.rest, head)
        reading = stage.finish()
        if stray:
            text = f"有 {stray:,} 行的双引号写法不规则（文字里的双引号没有写成两个），引号附近的内容可能不准"
            reading = replace(reading, notes=(*reading.notes, Note(text, stray)))
    else:
        apart = plain.folded or plain.mended
        reading = stage.finish(lines=None if apart else _hashed(path, head, stage), odd=plain.odd)
    notes = (*(Note(text, 1) for text in plain.mended), *reading.notes)
    return replace(reading, notes=notes) if plain.mended else reading


def _hashed(path: Path, head: _TextHead, stage: StagingTable) -> RecordLines | None:
    """The record lines of a file, with their hashes in a table; None if a record is not a line."""
    # The note on a column without a heading needs all rows, so that such a file is always read as a whole.
    if not head.encoding.bytewise or stage.recognition.headless:
        return None
    lines = head.lines(path)
    try:
        known = keep_hashes(stage.connection, stage.table, lines)
    except EndlessLine:
        return None
    return lines if known == stage.size() else None


def _read_plain(path: Path, head: _TextHead, stage: StagingTable, scratch: Path) -> _Plain:
    """Fill the table with the records above the first irregular place; the rows have no numbers yet."""
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder:
        spool = RecordSpool(_body(path, head), head.delimiter, Path(folder))
        stage.create()
        folded = _insert_parts(stage, spool, head)
    if folded is None:
        stage.create()
        return _Plain(_body(path, head))
    return _Plain(spool.rest, folded, spool.mended, spool.odd)


def _body(path: Path, head: _TextHead) -> Iterator[str]:
    """The text below the headings."""
    texts = decoded(path, head.encoding)
    skipped = ""
    while len(skipped) < head.body:
        skipped += next(texts)
    return chain([skipped[head.body :]], texts)


def _insert_parts(stage: StagingTable, spool: RecordSpool, head: _TextHead) -> bool | None:
    """Read each part of the spool while the next part is written.

    Returns:
        Whether a record spans several lines; None if DuckDB split a part differently.
    """
    folded = False
    pending: Future[bool] | None = None
    with ThreadPoolExecutor(max_workers=1) as reader:
        for part in spool.parts():
            if pending is not None and not pending.result():
                return None
            folded = folded or part.folded
            pending = reader.submit(_insert_part, stage, part, head)
    return folded if pending is None or pending.result() else None


def _insert_part(stage: StagingTable, part: SpoolPart, head: _TextHead) -> bool:
    """Add the rows of one part; False if DuckDB finds another number of records than expected."""
    before = stage.size()
    width = head.headings.width
    cells = [f"f{place}" for place in range(width)]
    beyond = [f"x{place}" for place in range(_MARGIN)]
    types = ", ".join(f"{name}: 'VARCHAR'" for name in cells + beyond)
    unfold = f"translate({{}}, {literal(FOLDED)}, {literal(BREAKS)})" if part.folded else "{}"
    unfolded = ", ".join(f"{unfold.format(cell)} AS {cell}" for cell in cells)
    swallowed = swallowed_sql(cells, head.delimiter, FOLDED[0]) if part.folded else "false"
    source = f"""(
      SELECT NULL::BIGINT AS _row, {unfolded},
        {cells[-1]} IS NULL AS _short,
        x0 IS NOT NULL AND trim(concat({", ".join(beyond)})) <> '' AS _long, {swallowed} AS _spanning
      FROM read_csv({literal(str(part.path))}, auto_detect=false, header=false, compression='none',
        delim={literal(head.delimiter)}, quote='"', escape='"', new_line='\\n', encoding='utf-8',
        null_padding=true, nullstr={literal(NO_VALUE)}, columns={{{types}}}))"""
    try:
        stage.insert(source, width)
    except duckdb.InvalidInputException:
        # DuckDB's message quotes the line, which may contain a person's data, so that it is not passed on.
        return False
    part.path.unlink()
    return stage.size() == before + part.lines


def _insert_loose(path: Path, stage: StagingTable, texts: Iterator[str], head: _TextHead) -> int:
    """Add the rows of the rest; return the number of lines with irregular quotes."""
    width = head.headings.width
    first = head.headings.row + stage.size() + 1
    cells = ", ".join(f"f{place}" for place in range(width))
    # In text with irregular quotes, a line break in a field is more likely an accident.
    flags = f"""_fields BETWEEN 1 AND {width - 1} AS _short, trim(_overflow) <> '' AS _long,
      regexp_matches(concat({cells}, _overflow), '[\\r\\n]') AS _spanning"""
    stray = lenient.StrayQuotes(head.delimiter)
    try:
        for batch in lenient.batches(texts, head.delimiter, width, first, stray):
            stage.insert_batch(batch, width, flags)
    except lenient.OpenQuote as failure:
        raise unreadable(
            path,
            f"第 {failure.row} 行有一个双引号没有配对，或者有一格超过 13 万字，它后面的内容无法分行",
            "改正这一行后重新交付",
        ) from failure
    return stray.lines
