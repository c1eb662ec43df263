"""Workbooks, written as a stream: on each sheet title lines, header, table, notes below.

The parts of an XLSX file (ECMA-376) are few and fixed, so that rows can be composed column-wise and
the same rows give the same bytes. What stands in the rows belongs to delivery.
"""

import itertools
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from sample_city.files.archives import entry

HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PLAIN, TITLE, SUBTITLE, HEADER, TEXT, NUMBER = range(6)
"""Positions in the list of cell formats below."""
ROW_HEIGHT, TITLE_HEIGHT = 18, 30
"""Points."""

PARTS: Final = {
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>",
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">'
    '<fonts count="3"><font><sz val="11"/><name val="宋体"/></font>'
    '<font><b/><sz val="16"/><name val="宋体"/></font>'
    '<font><b/><sz val="11"/><name val="宋体"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border>'
    '<border><left style="thin"/><right style="thin"/><top style="thin"/><bottom style="thin"/>'
    "<diagonal/></border></borders>"
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="6"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"'
    ' applyAlignment="1"><alignment horizontal="center" vertical="center"/></xf>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1">'
    '<alignment horizontal="left"/></xf>'
    '<xf numFmtId="0" fontId="2" fillId="0" borderId="1" xfId="0" applyFont="1" applyBorder="1"'
    ' applyAlignment="1"><alignment horizontal="center"/></xf>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="1" xfId="0" applyNumberFormat="1"'
    ' applyBorder="1"/>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="1" xfId="0" applyBorder="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>",
}


@dataclass(frozen=True)
class WorkbookLayout:
    """What every sheet of a workbook has in common.

    Attributes:
        headers: Header of every column, in order.
        above: Lines above the header, each merged over the table's width.
        below: Lines below the table, after an empty row.
        numbers: Columns whose cells are numbers; all others are text.
        groups: Headings over the headers with the number of columns they span; those of an empty one
            stand two rows high beside them.
    """

    headers: dict[str, str]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()
    groups: tuple[tuple[str, int], ...] = ()


def write_workbook(
    path: Path, sheets: Sequence[tuple[str, Iterable[pl.DataFrame]]], layout: WorkbookLayout
) -> None:
    """Write one sheet for each name, with its rows, which are text throughout; replaces the file."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in {**_book([name for name, _ in sheets]), **PARTS}.items():
            archive.writestr(entry(name), HEAD + part, compresslevel=6)
        for number, (_, slices) in enumerate(sheets, start=1):
            with archive.open(entry(f"xl/worksheets/sheet{number}.xml"), "w", force_zip64=True) as out:
                for text in _sheet(layout, slices):
                    out.write(text.encode())


def _book(names: list[str]) -> dict[str, str]:
    """The parts that list the sheets."""
    sheets = list(enumerate(names, start=1))
    styles = len(names) + 1
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{SHEET_TYPE}.worksheet+xml"/>'
        for number, _ in sheets
    )
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in sheets)
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n, _ in sheets
    )
    return {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{SHEET_TYPE}.sheet.main+xml"/>{types}'
        f'<Override PartName="/xl/styles.xml" ContentType="{SHEET_TYPE}.styles+xml"/></Types>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{related}'
        f'<Relationship Id="rId{styles}" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
    }


def _sheet(layout: WorkbookLayout, slices: Iterable[pl.DataFrame]) -> Iterator[str]:
    headers, above, numbers = layout.headers, layout.above, layout.numbers
    last = _letter(len(headers) - 1)
    remaining = iter(slices)
    first = next(remaining)
    yield f'{HEAD}<worksheet xmlns="{MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
    yield f'<sheetFormatPr defaultRowHeight="{ROW_HEIGHT}" customHeight="1"/>'
    yield f"<cols>{_widths(headers, first)}</cols><sheetData>"
    for row, line in enumerate(above, start=1):
        yield _line(row, line, TITLE if row == 1 else SUBTITLE)
    row = len(above)
    merges = [f"A{line}:{last}{line}" for line in range(1, len(above) + 1)]
    for texts in _heading(layout):
        row += 1
        cells = "".join(_cell(f"{_letter(place)}{row}", text, HEADER) for place, text in enumerate(texts))
        yield f'<row r="{row}">{cells}</row>'
    merges += _heading_merges(layout, row)
    for rows in itertools.chain([first], remaining):
        yield "".join(_rows(rows, row + 1, numbers).to_list())
        row += len(rows)
    for number, line in enumerate(layout.below, start=row + 2):
        yield _line(number, line, SUBTITLE)
    merged = "".join(f'<mergeCell ref="{cells}"/>' for cells in merges)
    yield "</sheetData>"
    yield f'<mergeCells count="{len(merges)}">{merged}</mergeCells>' if merges else ""
    yield '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/></worksheet>'


def _heading(layout: WorkbookLayout) -> list[list[str]]:
    """The texts of the header row or rows: of merged cells the first has the text."""
    headers = list(layout.headers.values())
    if not layout.groups:
        return [headers]
    upper: list[str] = []
    lower: list[str] = []
    for title, span in layout.groups:
        mine = headers[len(lower) : len(lower) + span]
        upper += [title, *[""] * (span - 1)] if title else mine
        lower += mine if title else [""] * span
    return [upper, lower]


def _heading_merges(layout: WorkbookLayout, row: int) -> list[str]:
    """The merged cells of a heading in two rows, whose second is ``row``."""
    merges: list[str] = []
    place = 0
    for title, span in layout.groups:
        if title:
            merges.append(f"{_letter(place)}{row - 1}:{_letter(place + span - 1)}{row - 1}")
        else:
            merges += [
                f"{_letter(each)}{row - 1}:{_letter(each)}{row}" for each in range(place, place + span)
            ]
        place += span
    return merges


def _widths(headers: dict[str, str], rows: pl.DataFrame) -> str:
    """Columns as wide as their longest text; a Chinese character is two digits wide."""
    # A Chinese character takes three bytes: half of characters plus bytes counts it double.
    widest = rows.select(((pl.all().str.len_chars() + pl.all().str.len_bytes()) // 2).max().fill_null(0))
    columns = []
    for place, (name, header) in enumerate(headers.items(), start=1):
        width = max(widest.item(0, name), (len(header) + len(header.encode())) // 2)
        width = min(width + 3, 60)
        columns.append(f'<col min="{place}" max="{place}" width="{width}" customWidth="1"/>')
    return "".join(columns)


def _rows(rows: pl.DataFrame, first: int, numbers: frozenset[str]) -> pl.Series:
    """One ``<row>`` per row; an empty text leaves its cell out."""
    number = pl.int_range(first, first + len(rows), eager=True).cast(pl.String)
    cells = []
    for place, name in enumerate(rows.columns):
        text = pl.col(name)
        escaped = text.str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"])
        where = pl.lit(f'<c r="{_letter(place)}') + pl.col("_row")
        value = where + f'" s="{TEXT}" t="inlineStr"><is><t xml:space="preserve">'
        value = value + escaped + "</t></is></c>"
        if name in numbers:
            value = where + f'" s="{NUMBER}"><v>' + text + "</v></c>"
        empty = where + f'" s="{TEXT}"/>'
        cells.append(pl.when(text == "").then(empty).otherwise(value))
    row = pl.lit('<row r="') + pl.col("_row") + '">' + pl.concat_str(cells) + "</row>"
    return rows.with_columns(_row=number).select(row.alias("row")).to_series()


def _line(row: int, text: str, style: int) -> str:
    height = TITLE_HEIGHT if style == TITLE else ROW_HEIGHT
    return f'<row r="{row}" ht="{height}" customHeight="1">{_cell(f"A{row}", text, style)}</row>'


def _cell(place: str, text: str, style: int) -> str:
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t>{text}</t></is></c>'


def _letter(place: int) -> str:
    """Column letters; a sheet here has fewer than 27 columns."""
    return chr(ord("A") + place)
