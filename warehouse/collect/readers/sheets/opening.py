"""A workbook opened, whichever of the two formats it has."""

from __future__ import annotations

from warehouse.collect.readers.compound import check_safe_old
from warehouse.collect.readers.encoding import ZIP
from warehouse.collect.readers.guard import check_safe
from warehouse.collect.readers.sheets.xls import XlsBook
from warehouse.collect.readers.sheets.xlsx import XlsxBook

Book = XlsxBook | XlsBook


def open_book(data: bytes) -> Book:
    """Open a workbook that is safe to open.

    Raises:
        DamagedWorkbook: it is no workbook, or damaged; so does every method of the book.
        OtherWorkbook: it is of a format that is not read.
        EncryptedWorkbook: it has a password.
        ExcessiveWorkbook: it would take too much memory.
    """
    if data.startswith(ZIP):
        check_safe(data)
        return XlsxBook(data)
    check_safe_old(data)
    return XlsBook(data)
