"""Workbooks that have Excel's default password: Excel and WPS open them without asking, and so do we.

A workbook whose structure is protected is saved encrypted with a password that every spreadsheet program knows:
[MS-OFFCRYPTO] 2.3.7.6 and 2.3.6.2 for the ways, 2.3.5 in [MS-XLS] for the password.
"""

from __future__ import annotations

import io
import re
import struct

import msoffcrypto
from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError, ParseError
from msoffcrypto.format import xls97

from warehouse.collect.readers.sheets.guards.xls_guard import EncryptedWorkbook
from warehouse.collect.readers.sheets.guards.xlsx_guard import is_encrypted


class _InMemory:
    """Stands for the module `tempfile`: a temporary file is kept in memory."""

    TemporaryFile = io.BytesIO


# The library decrypts an XLS into a temporary file. A worker may write no file (`warehouse.isolation.confine`), and
# what was encrypted is not left on a disk.
xls97.tempfile = _InMemory

_DEFAULT_PASSWORD = "VelvetSweatshop"
# Excel writes 100,000; more rounds would only keep us busy.
_SPINS = re.compile(rb'spinCount="([0-9]{1,12})"')
_MOST_SPINS = 1_000_000

_NOT_OPENED = (
    InvalidKeyError,
    DecryptionError,
    FileFormatError,
    ParseError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    struct.error,
)


def unlocked(data: bytes) -> bytes:
    """An encrypted workbook opened with Excel's default password.

    Args:
        data: the file, a compound file.

    Raises:
        EncryptedWorkbook: it has another password.
    """
    spins = _SPINS.search(data)
    if spins is not None and int(spins[1]) > _MOST_SPINS:
        raise EncryptedWorkbook
    opened = io.BytesIO()
    try:
        file = msoffcrypto.OfficeFile(io.BytesIO(data))
        # The newer format says whether a password is right only if it is asked to.
        checked = {"verify_password": True} if is_encrypted(data) else {}
        file.load_key(password=_DEFAULT_PASSWORD, **checked)
        file.decrypt(opened)
    except _NOT_OPENED as error:
        raise EncryptedWorkbook from error
    return opened.getvalue()
