"""The package of an XLSX workbook: its parts, its sheets, its styles and its date system.

Parts are found through the package's relations (ECMA-376 part 2, 9.3), not by the names that Excel uses. Transitional
and strict workbooks are both read.
"""

from __future__ import annotations

import posixpath
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from lzma import LZMAError
from typing import BinaryIO
from xml.etree import ElementTree as ET
from zipfile import BadZipFile, ZipFile

from warehouse.collect.readers.sheets.formats import GENERAL, NumberFormat, built_in, number_format
from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook

# Other zip formats, recognised by a part.
_OTHERS = {
    "xl/workbook.bin": "二进制工作簿（.xlsb）",
    "content.xml": "OpenDocument 表格（.ods）",
    "index/document.iwa": "Numbers 表格",
    "word/document.xml": "Word 文档",
    "ppt/presentation.xml": "演示文稿",
}
_TRUE = ("1", "true", "on")


class OtherWorkbook(Exception):
    """An intact file of a format that is not read here; `kind` is its name in Chinese."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True)
class SheetPart:
    """A worksheet: its name, whether it is visible, and the name of its part."""

    name: str
    visible: bool
    part: str


@contextmanager
def unpacking() -> Iterator[None]:
    """Turn errors of unpacking and parsing into a damaged workbook.

    Raises:
        DamagedWorkbook: the file cannot be unpacked or is not well-formed.
    """
    try:
        yield
    except (
        BadZipFile,
        zlib.error,
        LZMAError,
        EOFError,
        ET.ParseError,
        UnicodeError,
        LookupError,
        ValueError,
        RuntimeError,
        OSError,
    ) as error:
        raise DamagedWorkbook from error


class WorkbookParts:
    """An opened XLSX workbook.

    Raises:
        DamagedWorkbook: the data are not a package with a workbook; methods may raise it too.
        OtherWorkbook: the data have another format.
    """

    def __init__(self, data: bytes) -> None:
        with unpacking():
            self._archive = ZipFile(BytesIO(data))
            self._parts = {
                info.filename.replace("\\", "/").lower().lstrip("/"): info
                for info in self._archive.infolist()
            }
            for part, kind in _OTHERS.items():
                if part in self._parts:
                    raise OtherWorkbook(kind)
            self._workbook_part = self._found("", "officeDocument", "xl/workbook.xml")
            self._workbook = self._tree(self._workbook_part)
            if _local(self._workbook.tag) != "workbook":
                raise DamagedWorkbook

    @cached_property
    def sheets(self) -> tuple[SheetPart, ...]:
        """The worksheets in order, without sheets of charts and macros."""
        with unpacking():
            parts = {
                key: part for key, kind, part in self._relations(self._workbook_part) if kind == "worksheet"
            }
            found = []
            for sheet in _children(self._workbook, "sheets"):
                key = next((value for name, value in sheet.items() if _local(name) == "id"), "")
                if key in parts:
                    shown = sheet.get("state", "visible") == "visible"
                    found.append(SheetPart(sheet.get("name", ""), shown, parts[key]))
            return tuple(found)

    @cached_property
    def from_1904(self) -> bool:
        """Whether the workbook counts days from 1904."""
        properties = [each for each in self._workbook if _local(each.tag) == "workbookPr"]
        return any(each.get("date1904", "0").lower() in _TRUE for each in properties)

    @cached_property
    def formats(self) -> tuple[NumberFormat, ...]:
        """The number format of each cell style."""
        with unpacking():
            part = self._found(self._workbook_part, "styles", "xl/styles.xml")
            if part not in self._parts:
                return (GENERAL,)
            tree = self._tree(part)
            codes = {each.get("numFmtId"): each.get("formatCode", "") for each in _children(tree, "numFmts")}
            found = []
            for style in _children(tree, "cellXfs"):
                number = style.get("numFmtId", "0")
                found.append(number_format(codes[number]) if number in codes else built_in(int(number)))
            return tuple(found) or (GENERAL,)

    @property
    def shared_texts_part(self) -> str | None:
        """The name of the part with the shared texts; None if there is no such part."""
        part = self._found(self._workbook_part, "sharedStrings", "xl/sharedstrings.xml")
        return part if part in self._parts else None

    @contextmanager
    def opened(self, part: str) -> Iterator[BinaryIO]:
        """Open a part as a stream; the size in the zip's directory is ignored."""
        if part not in self._parts:
            raise DamagedWorkbook
        info = copy(self._parts[part])
        info.file_size = sys.maxsize
        with unpacking(), self._archive.open(info) as stream:
            yield stream  # type: ignore[misc]

    def _tree(self, part: str) -> ET.Element:
        with self.opened(part) as stream:
            content = stream.read()
        # A workbook has no document type; entities that it defines could expand to any size.
        if b"<!DOCTYPE" in content:
            raise DamagedWorkbook
        return ET.fromstring(content)

    def _found(self, source: str, kind: str, usual: str) -> str:
        """The related part of a kind; the usual part if there is no such relation."""
        for _, named, part in self._relations(source):
            if named == kind and part in self._parts:
                return part
        return usual

    def _relations(self, source: str) -> Iterator[tuple[str, str, str]]:
        """Yield the relations of a part: id, kind, and name of the related part."""
        folder, name = posixpath.split(source)
        part = posixpath.join(folder, "_rels", f"{name}.rels")
        if part not in self._parts:
            return
        for relation in self._tree(part):
            target = relation.get("Target", "").replace("\\", "/").lower()
            path = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            kind = relation.get("Type", "").rpartition("/")[2]
            yield relation.get("Id", ""), kind, posixpath.normpath(path)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _children(tree: ET.Element, name: str) -> Iterator[ET.Element]:
    """The children of the list element with a name, such as `<sheets>`."""
    for element in tree:
        if _local(element.tag) == name:
            yield from element
