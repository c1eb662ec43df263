"""The workbook without its data rows, made by XlsxWriter.

Here belongs everything whose size does not grow with the rows: styles, header, notes, widths,
filter, protection, drop-down lists, print setup, the identity sheet. Each table sheet carries one
blank probe row below its header; the writer takes the style numbers from it and puts the real rows
in its stead (see writer).
"""

from collections.abc import Sequence
from datetime import date
from io import BytesIO

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name, xl_range, xl_range_abs
from xlsxwriter.worksheet import Worksheet

from returns.workbook import layout
from returns.workbook.model import (
    IDENTITY_SHEET,
    MAX_MESSAGE,
    TOTAL,
    ReturnSheet,
    SheetColumn,
    TextSheet,
    WorkbookProperties,
)

_A4 = 9
_TEXT_WIDTH = 80.0
_LIST_COLUMN = 3
"""First column of the identity sheet that holds a list of choices; facts stand in the first two."""

_LARGEST = 999_999_999_999_999
"""A cell's number is exact up to 15 digits."""

_MAX_PROMPT_TITLE = 32

_ALLOWED_UNDER_PROTECTION = {
    "autofilter": True,
    "sort": True,
    "format_columns": True,
    "format_rows": True,
    "select_locked_cells": True,
    "select_unlocked_cells": True,
}


class _Formats:
    """The formats of a workbook, each made once: XlsxWriter takes longer over them than over anything else."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, object], ...], Format] = {}

    def __call__(self, looks: layout.Format) -> Format:
        key = tuple(looks.items())
        if key not in self._made:
            self._made[key] = self._book.add_format(looks)
        return self._made[key]


def build_skeleton(sheets: Sequence[ReturnSheet | TextSheet], properties: WorkbookProperties) -> BytesIO:
    """Everything of the workbook but the data rows.

    Args:
        sheets: In the order of their tabs; sheet `i` becomes `xl/worksheets/sheet{i + 1}.xml`.
        properties: Document properties and identity.

    Returns:
        A complete XLSX file in memory, whose table sheets have one blank probe row and no other.
    """
    buffer = BytesIO()
    default = {"font_name": layout.FONT, "font_size": layout.BODY_SIZE}
    options = {"in_memory": True, "default_format_properties": default}
    with Workbook(buffer, options) as book:
        book.set_properties(
            {
                "title": properties.title,
                "author": properties.author,
                "created": properties.created,
            }
        )
        worksheets = [book.add_worksheet(sheet.title) for sheet in sheets]
        identity = book.add_worksheet(IDENTITY_SHEET)
        _write_identity(identity, properties)
        next_list, formats = _LIST_COLUMN, _Formats(book)
        for sheet, worksheet in zip(sheets, worksheets, strict=True):
            if isinstance(sheet, TextSheet):
                _write_text(formats, worksheet, sheet)
            else:
                _write_banner(formats, worksheet, sheet)
                _write_header(formats, worksheet, sheet)
                _arrange(worksheet, sheet)
                _mark_groups(formats, worksheet, sheet)
                next_list = _add_validations(worksheet, sheet, identity, next_list)
    return buffer


def _write_identity(worksheet: Worksheet, properties: WorkbookProperties) -> None:
    worksheet.very_hidden()
    for row, (key, value) in enumerate(properties.identity.items()):
        # XlsxWriter leaves a text that is too long out of the file and says so by this number only.
        if worksheet.write_string(row, 0, key) or worksheet.write_string(row, 1, value):
            raise ValueError(f"The identity's fact {key[:40]!r} does not fit into a cell")


def _write_text(formats: _Formats, worksheet: Worksheet, sheet: TextSheet) -> None:
    worksheet.set_column(0, 0, _TEXT_WIDTH)
    worksheet.hide_gridlines(2)
    worksheet.set_row(0, 2 * layout.LINE_HEIGHT)
    worksheet.write_string(0, 0, sheet.heading, formats(layout.HEADING))
    paragraph = formats(layout.PARAGRAPH)
    for row, text in enumerate(sheet.paragraphs, start=1):
        worksheet.set_row(row, layout.text_height(text, _TEXT_WIDTH, layout.PARAGRAPH_LINE))
        worksheet.write_string(row, 0, text, paragraph)
    worksheet.protect("", _ALLOWED_UNDER_PROTECTION)
    _set_print(worksheet)


def _write_banner(formats: _Formats, worksheet: Worksheet, sheet: ReturnSheet) -> None:
    """Heading and notes above the header, over as many columns as one screen shows."""
    last, width = 0, sheet.columns[0].width
    while last + 1 < len(sheet.columns) and width < layout.BANNER_WIDTH:
        last += 1
        width += sheet.columns[last].width
    lines = [(text, layout.NOTE, layout.text_height(text, width)) for text in sheet.notes]
    if sheet.heading is not None:
        lines.insert(0, (sheet.heading, layout.HEADING, 2 * layout.LINE_HEIGHT))
    for row, (text, looks, height) in enumerate(lines):
        cell_format = formats(looks)
        worksheet.set_row(row, height)
        if last:
            worksheet.merge_range(row, 0, row, last, "", cell_format)
        worksheet.write_string(row, 0, text, cell_format)


def _write_header(formats: _Formats, worksheet: Worksheet, sheet: ReturnSheet) -> None:
    """Header, column widths and the probe row."""
    header, probe = sheet.header_row - 1, sheet.header_row
    worksheet.set_default_row(layout.ROW_PADDING + layout.LINE_HEIGHT)
    heights = [layout.text_height(c.title, c.width - layout.FILTER_ARROW) for c in sheet.columns]
    worksheet.set_row(header, layout.ROW_PADDING + max(heights))
    for index, column in enumerate(sheet.columns):
        cell_format = formats(layout.body_format(column))
        worksheet.set_column(index, index, column.width, None, {"hidden": column.hidden})
        worksheet.write_string(header, index, column.title, formats(layout.header_format(column)))
        worksheet.write_blank(probe, index, None, cell_format)


def _arrange(worksheet: Worksheet, sheet: ReturnSheet) -> None:
    """Panes, filter, protection, error marks and print setup."""
    header, last_column = sheet.header_row - 1, len(sheet.columns) - 1
    worksheet.freeze_panes(header + 1, sheet.frozen_columns)
    worksheet.autofilter(header, 0, header + sheet.rows.height, last_column)
    worksheet.ignore_errors({"number_stored_as_text": xl_range(header, 0, _last_row(sheet), last_column)})
    if sheet.protected:
        worksheet.protect("", _ALLOWED_UNDER_PROTECTION)
    worksheet.set_landscape()
    worksheet.repeat_rows(header)
    _set_print(worksheet)


def _mark_groups(formats: _Formats, worksheet: Worksheet, sheet: ReturnSheet) -> None:
    """Conditional formats that set groups and totals apart; they follow the rows when a person sorts them."""
    names, last_column = [column.name for column in sheet.columns], len(sheet.columns) - 1
    first, last = sheet.header_row, _last_row(sheet)
    rules: list[tuple[int, int, str, layout.Format]] = []
    if sheet.group is not None:
        index = names.index(sheet.group)
        letter = xl_col_to_name(index)
        this, above = f"${letter}{first + 1}", f"${letter}{first}"
        rules.append((0, last_column, f"={this}<>{above}", layout.GROUP_START))
        rules.append((index, index, f"={this}={above}", layout.GROUP_AGAIN))
    if sheet.totals is not None:
        letter = xl_col_to_name(names.index(sheet.totals))
        rules.append((0, last_column, f'=${letter}{first + 1}="{TOTAL}"', layout.TOTALS))
    for left, right, criteria, looks in rules:
        rule = {"type": "formula", "criteria": criteria, "format": formats(looks)}
        worksheet.conditional_format(first, left, last, right, rule)


def _set_print(worksheet: Worksheet) -> None:
    worksheet.set_paper(_A4)
    worksheet.fit_to_pages(1, 0)
    worksheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    worksheet.set_footer("&C第 &P 页，共 &N 页")


def _add_validations(worksheet: Worksheet, sheet: ReturnSheet, lists: Worksheet, next_list: int) -> int:
    """Drop-down lists, limits of typed values and prompts; returns the next free list column.

    A list of choices stands in a column of the identity sheet, not in the validation itself, where
    255 characters are the limit and a comma would split a choice.
    """
    first, last = sheet.header_row, _last_row(sheet)
    for index, column in enumerate(sheet.columns):
        source = ""
        if column.choices:
            lists.write_column(0, next_list, column.choices)
            place = xl_range_abs(0, next_list, len(column.choices) - 1, next_list)
            source = f"='{IDENTITY_SHEET}'!{place}"
            next_list += 1
        rule = _rule(column, source)
        if rule:
            worksheet.data_validation(first, index, last, index, rule)
    return next_list


def _rule(column: SheetColumn, source: str) -> dict[str, object]:
    """The options for XlsxWriter's `data_validation`; empty without a check and without a prompt."""
    rule: dict[str, object] = {}
    prompt, refusal = column.note, ""
    if source:
        rule = {"validate": "list", "source": source}
        refusal = f"“{column.title}”只能从下拉列表中选择：{'、'.join(column.choices)}。"
        prompt = prompt or "点击单元格右侧的箭头，从列表中选择。"
    elif column.editable and column.kind == "date":
        span = {"minimum": date(1900, 3, 1), "maximum": date(9999, 12, 31)}
        rule = {"validate": "date", "criteria": "between", **span}
        refusal = f"“{column.title}”请填写日期，例如 2025-08-01。"
    elif column.editable and column.kind in ("integer", "number"):
        kinds = {"integer": ("integer", "整数"), "number": ("decimal", "数字")}
        validate, chinese = kinds[column.kind]
        span_of_numbers = {"minimum": -_LARGEST, "maximum": _LARGEST}
        rule = {"validate": validate, "criteria": "between", **span_of_numbers}
        refusal = f"“{column.title}”请填写{chinese}，不要带单位或其他文字。"
    elif prompt:
        rule = {"validate": "any"}
    if refusal:
        rule |= {"error_title": "填写有误", "error_message": refusal[:MAX_MESSAGE]}
    if prompt:
        rule |= {"input_title": column.title[:_MAX_PROMPT_TITLE], "input_message": prompt}
    return rule


def _last_row(sheet: ReturnSheet) -> int:
    """Zero-based row of the last data row, or of the first blank one where there are no rows."""
    return sheet.header_row - 1 + max(1, sheet.rows.height)
