"""Workbooks with Excel's default password: Excel and WPS open them without asking, and so does this module.

A workbook with a protected structure is saved encrypted, with a password that every spreadsheet program knows:
[MS-OFFCRYPTO] 2.3.7.6 and 2.3.6.2 describe the encryption, [MS-XLS] 2.3.5 the password.
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
    """Replaces the module `tempfile`: temporary files stay in memory."""

    TemporaryFile = io.BytesIO


# The library decrypts an XLS into a temporary file. A worker may not write files (`warehouse.isolation.confine`), and
# decrypted content must not stay on a disk.
xls97.tempfile = _InMemory

_DEFAULT_PASSWORD = "VelvetSweatshop"
# Excel writes 100,000; more rounds would only waste time.
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
    """Decrypt a workbook with Excel's default password.

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
        # The library verifies the password of the newer format only on request.
        checked = {"verify_password": True} if is_encrypted(data) else {}
        file.load_key(password=_DEFAULT_PASSWORD, **checked)
        file.decrypt(opened)
    except _NOT_OPENED as error:
        raise EncryptedWorkbook from error
    return opened.getvalue()
