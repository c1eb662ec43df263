"""Workbooks: open the file, find the sheet and its headings, pass its rows to the staging table.

This module does not know the file formats; the package `sheets` opens them and turns cells into text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from schemas.emit.sql import literal, quote
from warehouse.collect.readers.given import given_values
from warehouse.collect.readers.headings.group_rows import Body, Interludes, OtherHeadings, find_interludes
from warehouse.collect.readers.headings.header_match import (
    HEADING_ROWS,
    Headings,
    clean_title,
    find_headings,
    missing_columns,
    no_headings,
)
from warehouse.collect.readers.headings.heading_blocks import MergedCells
from warehouse.collect.readers.layout import (
    Layout,
    Note,
    Reading,
    Recognition,
    unreadable,
)
from warehouse.collect.readers.naming import named
from warehouse.collect.readers.sheets.opening import Book, open_book
from warehouse.collect.readers.sheets.refusals import content_of, told
from warehouse.collect.readers.sheets.remarks import ReadColumn, notes_on, passed_over, shown_headings
from warehouse.collect.readers.sheets.sheet import DeliveredSheet
from warehouse.collect.readers.staging import GROUP, StagingTable

# A note lists at most this many of its rows.
_NAMED_ROWS = 1000
# Notes of up to this many sheets are listed separately, each with its rows.
_SHEETS_APART = 3


def recognise(path: Path, layout: Layout) -> Recognition:
    """Recognise a workbook from the headings of its sheets.

    Raises:
        UnreadableFile: no workbook, damaged, encrypted, or not exactly one sheet has the headings.
    """
    with told(path):
        book = open_book(content_of(path))
        chosen = _choose(path, book, layout)
        seen = [_recognition(path, layout, sheet, headings) for sheet, headings in chosen.sheets]
    known = {*chosen.empty, *(sheet.name for sheet, _ in chosen.sheets)}
    return replace(_together(layout, seen), unread=tuple(name for name in book.names if name not in known))


def read(
    path: Path, layout: Layout, connection: duckdb.DuckDBPyConnection, table: str, _scratch: Path
) -> Reading:
    """Fill a table with the rows of a workbook's sheet, or of several sheets one below the other.

    For several sheets, the table has an extra column `_sheet`, and `_row` counts in each sheet.

    Args:
        path: the file.
        layout: the contract's description of the file.
        connection: the connection that gets the table.
        table: the table's name.
        _scratch: not used; all readers have the same parameters.

    Raises:
        UnreadableFile: as `recognise`.
    """
    with told(path):
        book = open_book(content_of(path))
        chosen = _choose(path, book, layout)
        filling = _Filling(path, layout, connection)
        if not layout.several_sheets:
            ((sheet, headings),) = chosen.sheets
            return _read_sheet(filling, table, sheet, headings)
        return _read_sheets(filling, table, chosen)


@dataclass(frozen=True)
class _Filling:
    """A workbook that is being read into a database."""

    path: Path
    layout: Layout
    connection: duckdb.DuckDBPyConnection


def _read_sheet(filling: _Filling, table: str, sheet: DeliveredSheet, headings: Headings) -> Reading:
    layout = filling.layout
    stage = StagingTable(
        filling.connection, table, layout, _recognition(filling.path, layout, sheet, headings)
    )
    stage.create()
    read_columns = _read_columns(sheet, headings, layout)
    body = Body(
        columns=_columns(sheet, headings, layout, read_columns),
        first_column=0,
        header_row=headings.row,
        headings=sheet.rows(headings.row)[headings.row - headings.rows :],
        merged=sheet.merged,
        grouped=any(column.from_group_row for column in layout.columns),
    )
    try:
        between = find_interludes(body)
    except OtherHeadings as error:
        raise unreadable(
            filling.path,
            f"工作表“{sheet.name}”第 {error.row} 行是续表的表头，列名与上面的表不同，不能按同一张表读取",
            "把续表放到单独的工作表或文件里，或把它的列接在上表右边，再重新交付",
        ) from None
    _insert(stage, body, between)
    reading = stage.finish()
    aside = sorted((*reading.set_aside, *between.set_aside), key=lambda each: each.row)
    notes = (
        *reading.notes,
        *_notes(sheet, headings, read_columns),
        *_merged(layout, body, headings, between),
    )
    return replace(reading, set_aside=tuple(aside), notes=notes)


def _notes(sheet: DeliveredSheet, headings: Headings, read_columns: Sequence[ReadColumn]) -> Iterator[Note]:
    found = {column.place: column.title for column in read_columns}
    for cells in sheet.rows(headings.row)[-1:]:
        yield from passed_over(sheet, cells, found)
    yield from notes_on(sheet, headings.row, read_columns)


def _merged(layout: Layout, body: Body, headings: Headings, between: Interludes) -> Iterator[Note]:
    """Note the merged cells that cover several records: only the first record gets the text."""
    if not body.columns:
        return
    once = {column.name for column in layout.columns if not column.repeats_merged}
    titles = {found.position - 1: found.title for found in headings.columns if found.name in once}
    count = len(body.columns[0])
    covered = np.zeros((len(titles), count), np.int64)
    places = list(titles)
    for area in body.merged:
        first, last = area.top + 1 - body.header_row, min(area.bottom - body.header_row, count - 1)
        if 0 < first <= last and not area.wide and area.left in titles and body.text(first - 1, area.left):
            covered[places.index(area.left), first : last + 1] = 1
    if between.keep is not None:
        # Rows set aside, such as repeated headings, need no value.
        covered[:, ~between.keep] = 0
    if not covered.any():
        return
    # A row without any cell of its own is blank.
    rows = np.flatnonzero(covered.any(axis=0) & (body.filled() > 0))
    if rows.size:
        names = "”“".join(titles[place] for number, place in enumerate(places) if covered[number, rows].any())
        text = f"列“{names}”的单元格与上面的行合并，内容只算第一行的，这些行按空值读取；请取消合并、逐行填写后重新交付"
        numbers = (rows + body.header_row + 1).tolist()
        yield Note(text, len(numbers), tuple(numbers[:_NAMED_ROWS]))


def _read_sheets(filling: _Filling, table: str, chosen: _Chosen) -> Reading:
    """Read each sheet separately, and append its rows to the table."""
    layout, connection = filling.layout, filling.connection
    part = f"{table}_of_one_sheet"
    readings = []
    for place, (sheet, headings) in enumerate(chosen.sheets):
        reading = _read_sheet(filling, part, sheet, headings)
        rows = f"SELECT *, {literal(sheet.name)} AS _sheet FROM {quote(part)} ORDER BY _row"
        verb = f"INSERT INTO {quote(table)}" if place else f"CREATE OR REPLACE TEMP TABLE {quote(table)} AS"
        connection.execute(f"{verb} {rows}")
        readings.append((sheet.name, reading))
    connection.execute(f"DROP TABLE {quote(part)}")
    seen = tuple(reading.recognition for _, reading in readings)
    return Reading(
        rows=sum(reading.rows for _, reading in readings),
        recognition=_together(layout, seen),
        set_aside=tuple(replace(aside, sheet=name) for name, r in readings for aside in r.set_aside),
        notes=(
            *_of_sheets([(name, note) for name, reading in readings for note in reading.notes]),
            *(Note("没有应有的表头，整张工作表未读取", 1, sheet=name) for name in chosen.others),
            *(
                Note(f"没有其他工作表里有的列：{named(lacking)}", len(lacking), sheet=each.sheet)
                for each in seen
                if (lacking := _lacking(layout, each, seen))
            ),
        ),
        sheets=seen,
    )


def _of_sheets(notes: Sequence[tuple[str, Note]]) -> Iterator[Note]:
    """The notes of all sheets; equal notes are merged, without rows if more than three sheets have them."""
    texts: dict[str, list[tuple[str, Note]]] = {}
    for name, note in notes:
        texts.setdefault(note.text, []).append((name, note))
    for text, every in texts.items():
        if len(every) == 1 or (len(every) <= _SHEETS_APART and all(note.rows for _, note in every)):
            yield from (replace(note, sheet=name) for name, note in every)
        else:
            names = "、".join(name for name, _ in every)
            count = sum(note.count for _, note in every)
            yield Note(f"{text}（{len(every)} 张工作表：{names}）", count)


def _lacking(layout: Layout, one: Recognition, every: Sequence[Recognition]) -> list[str]:
    """The headings of the columns that this sheet lacks and another sheet has."""
    found = {column.name for each in every for column in each.columns}
    titles = {column.name: column.titles[0] for column in layout.columns}
    return [titles[name] for name in one.missing if name in found]


def _read_columns(sheet: DeliveredSheet, headings: Headings, layout: Layout) -> list[ReadColumn]:
    """The columns of the layout below the headings, as a person sees their cells."""
    dated = {column.name: column.dated for column in layout.columns}
    return [
        ReadColumn(
            found.title,
            found.position - 1,
            sheet.seen(found.position - 1, headings.row, dated=dated[found.name]),
        )
        for found in headings.columns
    ]


def _columns(
    sheet: DeliveredSheet, headings: Headings, layout: Layout, read_columns: Sequence[ReadColumn]
) -> list[pa.Array]:
    """All columns of a sheet below its headings, as text; merged cells repeat where the contract says so."""
    texts = {column.place: column.seen.text for column in read_columns}
    columns = [
        texts[place] if place in texts else sheet.seen(place, headings.row).text
        for place in range(sheet.width)
    ]
    places = {found.name: found.position - 1 for found in headings.columns}
    for column in layout.columns:
        if column.repeats_merged and column.name in places:
            place = places[column.name]
            areas = [area for area in sheet.merged if area.left == place]
            columns[place] = _repeated(columns[place], headings.row, areas)
    return columns


def _repeated(column: pa.Array, header_row: int, areas: Sequence[MergedCells]) -> pa.Array:
    """A column with the text of each merged cell repeated in all of its rows."""
    source = np.arange(len(column))
    for area in areas:
        first, last = area.top - header_row, min(area.bottom - header_row, len(column) - 1)
        if 0 <= first < last:
            source[first : last + 1] = first
    return column.take(pa.array(source))


def _insert(stage: StagingTable, body: Body, between: Interludes) -> None:
    # In a sheet, no row has too few or too many fields.
    count = len(body.columns[0]) if body.columns else 0
    cells = [pa.nulls(count, pa.string())] * body.first_column + list(body.columns)
    rows = np.arange(body.header_row + 1, body.header_row + 1 + count)
    names = ["_row", *(f"f{place}" for place in range(len(cells)))]
    width = len(cells)
    if between.groups is not None:
        cells, names = [*cells, between.groups], [*names, GROUP]
    batch = pa.table([rows, *cells], names=names)
    stage.insert_batch(batch if between.keep is None else batch.filter(pa.array(between.keep)), width)


@dataclass(frozen=True)
class _Chosen:
    """The sheets to read with their headings; the fitting sheets without the headings; the empty sheets."""

    sheets: Sequence[tuple[DeliveredSheet, Headings]]
    others: Sequence[str]
    empty: Sequence[str]


def _choose(path: Path, book: Book, layout: Layout) -> _Chosen:
    """Choose the sheets to read: the named sheet, else the only sheet with the headings; for a pattern, all."""
    candidates = _named(book.names, layout)
    if not candidates:
        raise unreadable(
            path,
            f"没有名称符合“{layout.sheet}”的工作表，只有：{'、'.join(book.names)}",
            "核对工作表的名称后重新交付",
        )
    found, seen = [], []
    for name in candidates:
        sheet = book.sheet(name)
        rows = shown_headings(sheet, sheet.rows(max(HEADING_ROWS, layout.header_row or 0)))
        headings = find_headings(rows, layout, sheet.merged) if rows else None
        if headings is not None:
            found.append((sheet, headings))
        else:
            seen.append((sheet, rows))
    if not found:
        name, rows = next(((sheet.name, rows) for sheet, rows in seen if rows), (candidates[0], []))
        raise no_headings(path, f"工作表“{name}”的", rows, layout)
    if layout.several_sheets:
        chosen = [each for each in found if each[0].visible] or found
        others = [sheet.name for sheet, rows in seen if rows and sheet.visible]
    else:
        chosen, others = [_only(path, found, layout)], []
    for sheet, headings in chosen:
        if not headings.complete:
            raise missing_columns(path, f"工作表“{sheet.name}”第 {headings.row} 行的表头", headings)
    return _Chosen(chosen, others, [sheet.name for sheet, rows in seen if not rows])


def _named(names: Sequence[str], layout: Layout) -> Sequence[str]:
    """The sheets with the layout's name or pattern; all sheets if none has the name."""
    if layout.several_sheets:
        pattern = _plain(layout.sheet or "")
        return [name for name in names if fnmatchcase(_plain(name), pattern)]
    wanted = clean_title(layout.sheet or "")
    return [name for name in names if wanted and clean_title(name) == wanted] or names


def _plain(name: str) -> str:
    # In a sheet's name, unlike in a heading, `*` is not an ornament.
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _only(
    path: Path, found: Sequence[tuple[DeliveredSheet, Headings]], layout: Layout
) -> tuple[DeliveredSheet, Headings]:
    best = _best(found)
    if len(best) > 1:
        names = "、".join(sheet.name for sheet, _ in best)
        raise unreadable(
            path,
            f"有 {len(best)} 张工作表都有这些列名（{names}），不知道该读哪一张",
            f"只保留要交付的一张，或把它命名为“{layout.sheet}”"
            if layout.sheet
            else "合并成一张工作表后重新交付",
        )
    return best[0]


def _best(found: Sequence[tuple[DeliveredSheet, Headings]]) -> Sequence[tuple[DeliveredSheet, Headings]]:
    """The visible sheets with the most headings and with rows below them; if all are empty, the first."""
    shown = [each for each in found if each[0].visible] or found
    most = max(len(headings.columns) for _, headings in shown)
    best = [each for each in shown if len(each[1].columns) == most]
    return [each for each in best if each[0].height > each[1].row] or best[:1]


def _recognition(path: Path, layout: Layout, sheet: DeliveredSheet, headings: Headings) -> Recognition:
    # Cells may stand to the right of the last heading.
    width = sheet.width
    beyond = range(min(headings.width, width), width)
    return Recognition(
        form=layout.form,
        columns=headings.columns,
        missing=tuple(column.name for column in headings.missing),
        extra=headings.extra,
        header_row=headings.row or None,
        header_rows=headings.rows,
        sheet=sheet.name,
        headless=tuple(sorted({place + 1 for place in (*headings.headless, *beyond) if place < width})),
        given=given_values(path, layout, sheet.rows(headings.row - headings.rows)),
        remarks=(*headings.remarks, *(() if sheet.visible else (f"工作表“{sheet.name}”是隐藏的，也读取了",))),
    )


def _together(layout: Layout, every: Sequence[Recognition]) -> Recognition:
    """Merge the recognitions of several sheets: all columns of any sheet, each as in the first sheet that has it."""
    found = {column.name: column for each in reversed(every) for column in each.columns}
    return replace(
        every[0],
        columns=tuple(found[column.name] for column in layout.columns if column.name in found),
        missing=tuple(column.name for column in layout.headed_columns if column.name not in found),
        extra=tuple(dict.fromkeys(title for each in every for title in each.extra)),
        sheet="、".join(str(each.sheet) for each in every),
    )
