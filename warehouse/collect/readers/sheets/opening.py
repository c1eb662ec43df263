"""Opening of workbooks in both formats, XLSX and XLS."""

from __future__ import annotations

from warehouse.collect.readers.sheets.guards.unlocking import unlocked
from warehouse.collect.readers.sheets.guards.xls_guard import EncryptedWorkbook, check_safe_old
from warehouse.collect.readers.sheets.guards.xlsx_guard import check_safe, is_encrypted
from warehouse.collect.readers.sheets.xls import XlsBook
from warehouse.collect.readers.sheets.xlsx import XlsxBook
from warehouse.collect.readers.text.encoding import ZIP

Book = XlsxBook | XlsBook


def open_book(data: bytes) -> Book:
    """Check a workbook, and open it.

    Raises:
        DamagedWorkbook: the data are not a workbook, or damaged; methods of the book may raise it too.
        OtherWorkbook: the format is not read here.
        EncryptedWorkbook: it has a password other than Excel's default password.
        ExcessiveWorkbook: it would take too much memory.
    """
    if data.startswith(ZIP):
        return _opened(data)
    try:
        return _opened(unlocked(data) if is_encrypted(data) else data)
    except EncryptedWorkbook:
        if is_encrypted(data):
            raise
        return _opened(unlocked(data))


def _opened(data: bytes) -> Book:
    if data.startswith(ZIP):
        check_safe(data)
        return XlsxBook(data)
    check_safe_old(data)
    return XlsBook(data)
