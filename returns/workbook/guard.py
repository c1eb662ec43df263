"""Whether a workbook that came from outside is safe to open.

The reader library holds a sheet as one dense block from its first cell to its last, and a failed
allocation ends the whole process. A single stray cell in the last corner of a sheet asks for half
a terabyte. Here belongs what is checked before a file is handed to it: the kind of file, its
unpacked size and how far its cells reach.
"""

import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from returns.workbook.errors import WorkbookError

MAX_UNPACKED = 2**30
"""Bytes of all parts together: a full sheet of 12 columns has about as many."""

MAX_CELLS = 20_000_000
"""Cells of the block from A1 to the last cell of a sheet; a full sheet of 19 columns has fewer."""

_CHUNK = 2**20
_LONGEST_TAG = 4 * _CHUNK
_COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")
"""First bytes of [MS-CFB]: old .xls files, and .xlsx files with a password."""

_FAR_CELLS = (
    re.compile(rb'<c(?! r="[ABC]?[A-Z][0-9]{1,5}")[\s/>]'),
    re.compile(rb":c[\s/>]"),
)
"""Cells not plainly within A1:CZ99999, half of what is allowed: then the block is measured."""

_SHEET_DATA = re.compile(rb"<(?:\w+:)?sheetData[\s/>]")
_CELL = re.compile(rb"<(?:c|\w+:c)[\s/>]")
_PLACED_CELL = re.compile(
    rb"""<(?:c|\w+:c)
    (?:\s+(?!r\s*=)[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*  # attributes before the reference
    \s+r\s*=\s*["']([A-Z]{1,3})([0-9]{1,7})["']""",
    re.VERBOSE,
)


def check_safe(content: bytes, file: str) -> None:
    """Refuse what is not an XLSX workbook of bearable size.

    Args:
        content: The whole file.
        file: Its name, for the message.

    Raises:
        WorkbookError: Not a workbook, an old or encrypted one, damaged, or too large.
    """
    if content.startswith(_COMPOUND_FILE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise WorkbookError(
                f"文件“{file}”设有打开密码，无法读取。请用 WPS 或 Excel 打开，取消密码后保存，再重新提交。"
            )
        raise WorkbookError(
            f"文件“{file}”是旧格式（.xls）。"
            "请用 WPS 或 Excel 打开，选择“另存为”，类型选“Excel 工作簿（*.xlsx）”，再重新提交。"
        )
    try:
        with ZipFile(BytesIO(content)) as archive:
            if "xl/workbook.xml" not in archive.namelist():
                raise BadZipFile("no workbook part")
            room = MAX_UNPACKED
            for part in archive.infolist():
                size, far = _survey(archive, part, room)
                room -= size
                if room < 0 or (far and _block(archive, part) > MAX_CELLS):
                    raise _too_large(file)
    except (BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
        raise WorkbookError(
            f"文件“{file}”不是 Excel 工作簿（.xlsx），或者已经损坏。"
            "请用 WPS 或 Excel 打开检查；打不开时，请重新下载下发的工作簿填写。"
        ) from error


def _survey(archive: ZipFile, part: ZipInfo, room: int) -> tuple[int, bool]:
    """Unpacked size of a part, read no further than `room`, and whether it has far cells."""
    size, far = 0, False
    for text in _whole_tags(archive, part):
        size += len(text)
        far = far or any(cell.search(text) for cell in _FAR_CELLS)
        if size > room:
            break
    return size, far


def _block(archive: ZipFile, part: ZipInfo) -> int:
    """Cells from A1 to the last cell of a sheet; 0 for a part that is not a sheet."""
    cells = placed = width = height = 0
    in_sheet = False
    for text in _whole_tags(archive, part):
        in_sheet = in_sheet or _SHEET_DATA.search(text) is not None
        if in_sheet:
            references = _PLACED_CELL.findall(text)
            cells += len(_CELL.findall(text))
            placed += len(references)
            width = max([width, *map(_column_number, {letters for letters, _ in references})])
            height = max([height, *(int(row) for _, row in references)])
    if cells != placed:
        raise BadZipFile("cells without a reference")
    return width * height


def _whole_tags(archive: ZipFile, part: ZipInfo) -> Iterator[bytes]:
    """The part in pieces that never end inside a tag."""
    rest = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            cut = chunk.rfind(b"<")
            if cut < 0:
                rest += chunk
            else:
                yield rest + chunk[:cut]
                rest = chunk[cut:]
            if len(rest) > _LONGEST_TAG:
                yield rest
                rest = b""
    yield rest


def _column_number(letters: bytes) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _too_large(file: str) -> WorkbookError:
    return WorkbookError(
        f"文件“{file}”太大，无法读取：可能在很远的行或列误填了内容。"
        "请删除表格范围以外的行和列，保存后再重新提交。"
    )
