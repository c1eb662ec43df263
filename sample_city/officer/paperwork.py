"""A workbook on an officer's desk: one sheet is read and cells of it filled in, everything else stays as it is.

An office program writes a whole workbook anew, which takes seconds for a register of thousands of rows; here the
cells are put into the sheet's own XML (ECMA-376, part 1, 18.3.1.4) and the other parts copied. What is answered
belongs to officer.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from xml.sax.saxutils import escape

import openpyxl
from openpyxl.utils import column_index_from_string, get_column_letter

ROW: Final = re.compile(r'(<row r="([0-9]+)"[^>]*?)(?:/>|>(.*?)</row>)', re.DOTALL)
CELL: Final = re.compile(r'<c r="([A-Z]+)[0-9]+"( s="[0-9]+")?[^>]*?(?:/>|>.*?</c>)', re.DOTALL)
PLACE: Final = re.compile(r'<sheet name="([^"]*)"[^>]*? r:id="([^"]*)"')
PART: Final = re.compile(r"<Relationship [^>]*?>")


class Paper:
    """One sheet of a workbook, open to be filled in.

    Raises:
        ValueError: The workbook has no such sheet.
    """

    def __init__(self, workbook: Path, sheet: str) -> None:
        self.workbook, self.sheet = workbook, sheet
        self.written: dict[int, dict[int, str]] = {}
        self._book = openpyxl.load_workbook(workbook, read_only=True)
        if sheet not in self._book.sheetnames:
            raise ValueError(f"{workbook} has no sheet {sheet}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.close()

    def rows(self, after: int = 0) -> Iterator[tuple[int, list[str]]]:
        """The number of every row after that one and the texts of its cells, empty ones for empty cells."""
        sheet = self._book[self.sheet]
        for number, row in enumerate(sheet.iter_rows(min_row=after + 1, values_only=True), start=after + 1):
            yield number, ["" if value is None else str(value).strip() for value in row]

    def write(self, row: int, column: int, text: str) -> None:
        """Put a text into a cell; an empty text empties it.

        Args:
            row: Number of the row, from 1.
            column: Position of the column, from 0.
            text: What is written.
        """
        self.written.setdefault(row, {})[column + 1] = text

    def save(self, out: Path) -> None:
        """Write the workbook with what was filled in, over itself if need be; the same writing, the same bytes."""
        draft = out.with_name(f".{out.name}")
        with zipfile.ZipFile(self.workbook) as blank, zipfile.ZipFile(draft, "w") as filled:
            mine = _part_of(blank, self.sheet)
            for entry in blank.infolist():
                content = blank.read(entry)
                if entry.filename == mine:
                    content = ROW.sub(self._row, content.decode()).encode()
                filled.writestr(entry, content)
        draft.replace(out)

    def _row(self, found: re.Match[str]) -> str:
        """A row with what was written into it; cells stand in the order of their columns."""
        written = self.written.get(int(found[2]))
        if written is None:
            return found[0]
        cells = {column_index_from_string(cell[1]): cell for cell in CELL.finditer(found[3] or "")}
        texts = {column: cell[0] for column, cell in cells.items()}
        for column, text in written.items():
            style = (cells[column][2] or "") if column in cells else ""
            texts[column] = _cell(f"{get_column_letter(column)}{found[2]}", style, text)
        return f"{found[1]}>{''.join(texts[column] for column in sorted(texts))}</row>"


def _cell(place: str, style: str, text: str) -> str:
    if not text:
        return f'<c r="{place}"{style}/>'
    return f'<c r="{place}"{style} t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """The part that holds a sheet."""
    identifiers = dict(PLACE.findall(archive.read("xl/workbook.xml").decode()))
    for relationship in PART.findall(archive.read("xl/_rels/workbook.xml.rels").decode()):
        if f'Id="{identifiers[sheet]}"' in relationship:
            (target,) = re.findall(r'Target="([^"]*)"', relationship)
            return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    raise ValueError(f"the workbook does not say where its sheet {sheet} is")
