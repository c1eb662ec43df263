"""Refusals of workbooks that cannot be opened, for the department."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.collect.readers.layout import UnreadableFile, unreadable
from warehouse.collect.readers.sheets.guards.xls_guard import EncryptedWorkbook
from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook, ExcessiveWorkbook
from warehouse.collect.readers.sheets.package import OtherWorkbook
from warehouse.collect.readers.text.encoding import OLE, ZIP, signature_of


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn the errors of opening a workbook into refusals for the department.

    Raises:
        UnreadableFile: the workbook could not be opened, or is not safe to open.
    """
    try:
        yield
    except OtherWorkbook as error:
        raise unreadable(
            path,
            f"是{error.kind}，不是 XLSX 或 XLS 工作簿",
            "用 Excel 或 WPS 打开，另存为 .xlsx 后重新交付",
        ) from None
    except EncryptedWorkbook:
        raise _encrypted(path) from None
    except ExcessiveWorkbook as error:
        cell = f" {error.cell} " if error.cell else ""
        problems = {
            "far": f"有一张工作表在很远的单元格{cell}里也有内容，表格过大，无法读取",
            "long": "有一个单元格的内容长得不合理，无法读取",
            "large": "工作簿解开后大得不合理，没有读取",
        }
        remedies = {"far": "清除数据区域以外的内容后重新交付", "long": "核对内容后重新交付"}
        raise unreadable(
            path, problems[error.excess], remedies.get(error.excess, "核对内容，分成几个文件交付")
        ) from None
    except DamagedWorkbook as error:
        raise unreadable(
            path,
            "工作簿已损坏或不完整，打不开",
            "核对能否用 Excel 或 WPS 打开，另存为 .xlsx 后重新交付",
        ) from error


def content_of(path: Path) -> bytes:
    """Read the file, if it looks like a workbook.

    Raises:
        UnreadableFile: the file is empty or has another format.
    """
    data = path.read_bytes()
    if not data:
        raise unreadable(path, "文件是空的", "核对导出是否成功，重新交付")
    if not data.startswith((ZIP, OLE)):
        raise unreadable(
            path,
            f"内容是{signature_of(data) or '文本或网页'}，不是 Excel 工作簿",
            "用 Excel 或 WPS 打开，另存为 .xlsx 后重新交付",
        )
    return data


def _encrypted(path: Path) -> UnreadableFile:
    return unreadable(path, "工作簿设了打开密码", "取消密码后重新交付")
