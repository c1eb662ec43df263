"""Checks of columns whose values come from a sheet name, a group row, the file name or a title."""

from __future__ import annotations

import re
from collections.abc import Iterator

from schemas.contract.model import Column, Delivery
from schemas.document import Place
from schemas.formats import load_formats
from schemas.lints.problem import Page, Problem


def problems(page: Page) -> Iterator[Problem]:
    """What is wrong with the origins of columns."""
    for index, column in enumerate(page.contract.columns):
        place: Place = ("schema", 0, "properties", index)
        yield from _of_sheets(page, column, place)
        yield from _patterns(page, column, place)
        yield from _several(page, column, place)


def _takes(delivery: Delivery, fact: str) -> bool:
    """Whether the format of this delivery takes the fact. Another check reports an unknown format."""
    found = load_formats().get(delivery.form)
    return found is not None and found.takes(fact)


def _of_sheets(page: Page, column: Column, place: Place) -> Iterator[Problem]:
    """Check the facts of a column that only a workbook can give."""
    books = any(_takes(delivery, "sheet") for delivery in page.contract.deliveries)
    for name, said, known in (
        ("mergedCells", column.repeats_merged, "repeat"),
        ("sheetName", column.from_sheet_name, True),
        ("groupRow", column.from_group_row, True),
    ):
        where = page.fact(name, owner=place)
        if where != place and page.node(*where) != known:
            yield page.problem(f"{name} {page.node(*where)!r}", f"write {str(known).lower()}", *where)
        elif said and not (books and column.delivered):
            message = f"{column.name}: {name} means nothing but for a column of a workbook"
            yield page.problem(message, "take it out", *where)


def _patterns(page: Page, column: Column, place: Place) -> Iterator[Problem]:
    for name, pattern in (("fromFileName", column.from_file_name), ("fromTitle", column.from_title)):
        if pattern is None:
            continue
        where = page.fact(name, owner=place)
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            message = f"{column.name}: {name} is no regular expression: {error}"
            yield page.problem(message, r"write one such as (\d{4})年", *where)
            continue
        if groups > 1:
            message = f"{column.name}: {name} has {groups} groups"
            yield page.problem(
                message, "keep one pair of brackets, around the value; others are (?:…)", *where
            )
        if not column.delivered:
            message = f"{column.name}: {name} means nothing for a derived column"
            yield page.problem(message, "take it out, or take transformLogic out", *where)
        if name == "fromTitle" and not any(
            _takes(delivery, "headerRow") and not delivery.without_headings
            for delivery in page.contract.deliveries
        ):
            message = f"{column.name}: no way of delivery has rows above its headings"
            yield page.problem(message, "take fromTitle out", *where)


def _several(page: Page, column: Column, place: Place) -> Iterator[Problem]:
    said = {
        "sheetName": column.from_sheet_name,
        "groupRow": column.from_group_row,
        "fromFileName": column.from_file_name is not None,
        "fromTitle": column.from_title is not None,
    }
    names = [name for name, yes in said.items() if yes]
    if len(names) > 1:
        where = page.fact(names[1], owner=place)
        message = f"{column.name}: {' and '.join(names)} both say where the value comes from"
        yield page.problem(message, "keep one of them", *where)
