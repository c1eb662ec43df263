"""Reading a workbook that came back.

Here belongs finding the table wherever it now stands and turning its cells into clean text. What
the texts mean, and whether an answer is acceptable, is not decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from returns.workbook.errors import WorkbookError
from returns.workbook.model import IDENTITY_SHEET
from warehouse.collect.readers.sheets.markup import column_letters
from warehouse.home.names import shown_name
from warehouse.isolation.reading import HarmfulFile, LoadedSheet, load_sheet, open_book
from warehouse.isolation.requests import OpenedBook

ROW = "_row"
"""Column with the row number as the person sees it at the left edge of the sheet."""

_HEADER_WITHIN = 1_000
"""Rows from the top among which the header is looked for."""

# A full sheet of 19 columns has fewer cells; one of 12 columns unpacks to about as many bytes.
_MAX_CELLS = 20_000_000
_MAX_UNPACKED = 1 << 30

_BLANKS = " \t\n\u00a0\u3000\u200b\ufeff"


@dataclass(frozen=True)
class ReturnedHeadings:
    """The header of a returned sheet as it stands there now, and what is below it.

    Attributes:
        row: Row number as the person sees it.
        titles: Column letter to the text in the header row, from left to right; columns without one are left out.
        cells: All cells below the header as clean text, columns named by their letters, and `_row`.
        unreadable: Column letter to the rows where a formula has no result or a cell shows an error.
    """

    row: int
    titles: Mapping[str, str]
    cells: pl.DataFrame
    unreadable: Mapping[str, Sequence[int]]


class ReturnedWorkbook:
    """A workbook opened for reading; see `open_workbook`."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self.file = shown_name(path)
        self._path = path
        self._names = names
        self._sheets: dict[str, LoadedSheet] = {}
        self._loaded: dict[str, pl.DataFrame] = {}

    def read_identity(self) -> dict[str, str]:
        """The facts that `write_workbook` was given as identity, exactly as they stand in the hidden sheet.

        Nothing is trimmed or tidied up: whoever verifies a signature needs every character.

        Raises:
            WorkbookError: The workbook has no identity (not one of ours, or the hidden sheet was removed), or
                more than one, or states a fact twice.
        """
        names = [n for n in self._names if n.strip().casefold().startswith(IDENTITY_SHEET)]
        if IDENTITY_SHEET not in names:
            raise WorkbookError(
                f"文件“{self.file}”不是平台下发的工作簿，或其中的标识已被删除。"
                "请重新下载下发的工作簿，把填写的内容复制进去再提交。"
            )
        if len(names) > 1:
            raise WorkbookError(
                f"文件“{self.file}”有 {len(names)} 个标识工作表（{'、'.join(names)}），无法确定属于哪个单位。"
                "请重新下载下发的工作簿，把填写的内容复制进去再提交。"
            )
        sheet = self._sheet(IDENTITY_SHEET)
        if sheet.width < 2:
            return {}
        pairs = pl.DataFrame(
            {
                name: pl.Series(sheet.texts[place], dtype=pl.String)
                for place, name in enumerate(("key", "value"))
            }
        )
        pairs = pairs.with_columns(pl.col("value").fill_null("")).filter(
            pl.col("key").is_not_null() | (pl.col("value") != "")
        )
        if pairs["key"].is_duplicated().any():
            raise WorkbookError(
                f"文件“{self.file}”的标识有重复的项，无法确定属于哪个单位。"
                "请重新下载下发的工作簿，把填写的内容复制进去再提交。"
            )
        return dict(pairs.with_columns(pl.col("key").fill_null("")).iter_rows())

    def read_sheet(
        self, sheet: str, columns: Mapping[str, str], optional: frozenset[str] = frozenset()
    ) -> pl.DataFrame:
        """A table of the workbook as text, wherever it stands in its sheet.

        The header is the first row (of the first thousand) that holds all required titles: columns
        may have been moved, rows sorted or filtered, lines put above. Values are trimmed; a cell
        that is blank is null, and so is one that shows an error; numbers are written plainly (`12`,
        not `12.0`), dates as `YYYY-MM-DD`, and what else a number format says as `sheets.text` tells;
        of a formula its result counts. A number cell cannot hold more than
        15 digits: what was typed beyond them is lost before the file is saved.

        Args:
            sheet: Name of the sheet.
            columns: Title to column name of the result.
            optional: Titles that may be missing; their columns are then null.

        Returns:
            `_row` Int64 (row number as the person sees it) and the columns in the order given, all
            String; a row for every row below the header that is not blank in all of them.

        Raises:
            WorkbookError: The sheet or the header is missing, or a title appears twice.
        """
        cells = self._load(self._only(sheet))
        header = self._find_header(sheet, cells, [t for t in columns if t not in optional])
        places = self._places(sheet, cells, header, columns)
        names = list(columns.values())
        return (
            cells.slice(header + 1)
            .select(
                pl.int_range(header + 2, header + 2 + pl.len(), dtype=pl.Int64).alias(ROW),
                *(
                    pl.col(places[title]).alias(name)
                    if title in places
                    else pl.lit(None, dtype=pl.String).alias(name)
                    for title, name in columns.items()
                ),
            )
            .filter(pl.any_horizontal(pl.col(names).is_not_null()))
        )

    def headings(self, sheet: str, required: Sequence[str]) -> ReturnedHeadings:
        """The header of a sheet with everything below it, also what has no place in the sheet as it was sent.

        Raises:
            WorkbookError: The sheet or the header is missing.
        """
        cells = self._load(self._only(sheet))
        header = self._find_header(sheet, cells, list(required))
        titles = cells.row(header, named=True)
        unreadable = {
            letter: rows.tolist()
            for letter, rows in zip(cells.columns, self._sheet(sheet).unreadable, strict=True)
        }
        return ReturnedHeadings(
            row=header + 1,
            titles={letter: text for letter, text in titles.items() if text is not None},
            cells=cells.slice(header + 1).with_columns(
                pl.int_range(header + 2, header + 2 + pl.len(), dtype=pl.Int64).alias(ROW)
            ),
            unreadable={
                letter: below
                for letter, rows in unreadable.items()
                if (below := [row + 1 for row in rows if row > header])
            },
        )

    def rows_with_numbers(self, sheet: str, title: str) -> frozenset[int]:
        """The rows, as the person sees them, where the column under a title holds a number and not a text.

        A number that looks like an identifier has lost the digits after its fifteenth; only the kind of
        its cell tells it from a text that happens to have the same digits.

        Raises:
            WorkbookError: The header is missing, or the title appears twice.
        """
        cells = self._load(sheet)
        header = self._find_header(sheet, cells, [title])
        letter = self._places(sheet, cells, header, {title: title})[title]
        numbers = self._sheet(sheet).numbers[cells.columns.index(letter)]
        return frozenset((numbers[numbers > header] + 1).tolist())

    def _only(self, sheet: str) -> str:
        """The name of a sheet that is there, once."""
        names = self._names
        if sheet not in names:
            visible = "、".join(n for n in names if n != IDENTITY_SHEET)
            raise WorkbookError(
                f"文件“{self.file}”中没有名为“{sheet}”的工作表（现有：{visible}）。"
                "请不要删除工作表或更改其名称；请改回原来的名称后重新提交。"
            )
        if names.count(sheet) > 1:
            raise WorkbookError(
                f"文件“{self.file}”中有 {names.count(sheet)} 个名为“{sheet}”的工作表，无法确定以哪个为准。"
                "请只保留填写好的一个，再重新提交。"
            )
        return sheet

    def _load(self, sheet: str) -> pl.DataFrame:
        """All cells as clean text, from row 1 on; columns named by their letters."""
        if sheet not in self._loaded:
            loaded = self._sheet(sheet)
            columns = {column_letters(place): _without_errors(loaded, place) for place in range(loaded.width)}
            self._loaded[sheet] = pl.DataFrame(columns).with_columns(
                pl.all().str.replace_all("\r\n?", "\n").str.strip_chars(_BLANKS).replace("", None)
            )
        return self._loaded[sheet]

    def _sheet(self, sheet: str) -> LoadedSheet:
        if sheet not in self._sheets:
            try:
                loaded = load_sheet(self._path, _MAX_CELLS, _MAX_UNPACKED, sheet)
            except HarmfulFile as error:
                raise WorkbookError(str(error)) from None
            if loaded is None:
                raise _damaged(self.file)
            self._sheets[sheet] = loaded
        return self._sheets[sheet]

    def _find_header(self, sheet: str, cells: pl.DataFrame, required: list[str]) -> int:
        """Zero-based row of the header."""
        found = _titles(cells.head(_HEADER_WITHIN)).select(
            pl.any_horizontal(pl.lit(False), pl.all() == _plain(title)).alias(title) for title in required
        )
        complete = found.select(pl.all_horizontal(required)).to_series().arg_true()
        if len(complete):
            return int(complete[0])
        nearest = found.sum_horizontal().arg_max() if found.height else None
        missing = [t for t in required if nearest is None or not found[t][nearest]]
        raise WorkbookError(
            f"文件“{self.file}”的工作表“{sheet}”中找不到表头“{'”“'.join(missing)}”。"
            "请不要删除列或更改表头文字；请按下发的工作簿恢复表头后重新提交。"
        )

    def _places(
        self, sheet: str, cells: pl.DataFrame, header: int, columns: Mapping[str, str]
    ) -> dict[str, str]:
        """Column letter of each title in the header row."""
        row = _titles(cells.slice(header, 1)).row(0, named=True)
        places: dict[str, str] = {}
        for title in columns:
            letters = [letter for letter, text in row.items() if text == _plain(title)]
            if len(letters) > 1:
                raise WorkbookError(
                    f"文件“{self.file}”的工作表“{sheet}”第 {header + 1} 行有多个表头“{title}”"
                    f"（{'、'.join(letters)} 列）。请只保留填写好的一列，删除其余的列后重新提交。"
                )
            if letters:
                places[title] = letters[0]
        return places


def open_workbook(path: Path) -> ReturnedWorkbook:
    """Open a workbook that a person sent back.

    Args:
        path: The file; its ending does not matter.

    Raises:
        WorkbookError: Not an XLSX workbook, an old or encrypted one, damaged, or too large.
        OSError: The file cannot be read.
    """
    try:
        opened = open_book(path, _MAX_CELLS, _MAX_UNPACKED)
    except HarmfulFile as error:
        raise WorkbookError(str(error)) from None
    if opened.problem is not None:
        raise _refusal(opened, shown_name(path))
    return ReturnedWorkbook(path, opened.names)


def _refusal(opened: OpenedBook, file: str) -> WorkbookError:
    """Why a workbook was not opened, for the person who sent it."""
    cell = f"（单元格 {opened.detail}）" if opened.detail else ""
    save_as = "请用 WPS 或 Excel 打开，选择“另存为”，类型选“Excel 工作簿（*.xlsx）”，再重新提交。"
    words = {
        "encrypted": f"文件“{file}”设有打开密码，无法读取。"
        "请用 WPS 或 Excel 打开，取消密码后保存，再重新提交。",
        "old": f"文件“{file}”是旧格式（.xls）。{save_as}",
        "foreign": f"文件“{file}”：内容是{opened.detail}，不是平台下发的工作簿（.xlsx）。"
        "请在下发的工作簿里填写，保存后再提交。",
        "other": f"文件“{file}”是{opened.detail}，不是 Excel 工作簿（.xlsx）。{save_as}",
        "excessive": f"文件“{file}”太大，无法读取：可能在很远的行或列误填了内容{cell}，或有内容过长的单元格。"
        "请删除表格范围以外的行和列，保存后再重新提交。",
        "unsound": f"文件“{file}”不是 Excel 工作簿（.xlsx），或者已经损坏。"
        "请用 WPS 或 Excel 打开检查；打不开时，请重新下载下发的工作簿填写。",
    }
    return WorkbookError(words[opened.problem]) if opened.problem in words else _damaged(file)


def _without_errors(sheet: LoadedSheet, place: int) -> pl.Series:
    return pl.Series(sheet.texts[place], dtype=pl.String).scatter(sheet.errors[place], None)


def _titles(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells as titles are compared: without any blanks inside."""
    return cells.with_columns(pl.all().str.replace_all(r"\s", ""))


def _plain(title: str) -> str:
    return "".join(title.split())


def _damaged(file: str) -> WorkbookError:
    return WorkbookError(
        f"文件“{file}”已经损坏，无法读取。"
        "请用 WPS 或 Excel 打开并重新保存；打不开时，请重新下载下发的工作簿填写。"
    )
