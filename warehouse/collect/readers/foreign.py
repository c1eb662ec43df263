"""Foreign files: recognise by content, not by name, the kinds of files that are not read here.

The refusal names the kind. Without this check, a line of JSON could be taken for the headings of a CSV file.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse.collect.readers.text.encoding import HEAD, OLE, ZIP

_EXPORT = "改为导出 CSV 或 XLSX（第一行是列名，一行一条记录）"
_SAVE_AS = "用 Excel 或 WPS 打开，另存为 .xlsx"
_ORIGINAL = "向制表单位索取原始的 Excel 或 CSV 文件"
_COPY = "把其中的表格复制到 Excel 或 WPS 表格，另存为 .xlsx"
_UNPACK = "解压，把里面的文件直接交付，或压缩成 ZIP"
_ATTACHMENT = "把邮件的附件另存出来"


@dataclass(frozen=True)
class Foreign:
    """A kind of file that is not read here: its Chinese name, and the remedy."""

    name: str
    remedy: str

    def refusal(self, file: str) -> str:
        """Write the refusal of a file for its sender."""
        return f"文件“{file}”：内容是{self.name}，不能读取。请{self.remedy}，再重新交付。"


# The first bytes of each kind; some kinds have them at an offset.
_MAGIC: tuple[tuple[int, bytes, Foreign], ...] = (
    (0, b"PAR1", Foreign("Parquet 文件", _EXPORT)),
    (0, b"ARROW1", Foreign("Arrow 文件", _EXPORT)),
    (0, b"ORC", Foreign("ORC 文件", _EXPORT)),
    (8, b"DUCK", Foreign("DuckDB 数据库", _EXPORT)),
    (4, b"Standard Jet DB", Foreign("Access 数据库（MDB）", f"用 Access 打开，{_EXPORT}")),
    (4, b"Standard ACE DB", Foreign("Access 数据库（ACCDB）", f"用 Access 打开，{_EXPORT}")),
    (0, b"Rar!\x1a\x07", Foreign("RAR 压缩包", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Foreign("7z 压缩包", _UNPACK)),
    (0, b"\x1f\x8b", Foreign("GZIP 压缩文件", _UNPACK)),
    (0, b"BZh", Foreign("BZIP2 压缩文件", _UNPACK)),
    (0, b"\xfd7zXZ\x00", Foreign("XZ 压缩文件", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Foreign("ZSTD 压缩文件", _UNPACK)),
    (257, b"ustar", Foreign("TAR 打包文件", _UNPACK)),
    (0, b"\x89PNG\r\n", Foreign("图片（PNG）", _ORIGINAL)),
    (0, b"\xff\xd8\xff", Foreign("图片（JPEG）", _ORIGINAL)),
    (0, b"GIF8", Foreign("图片（GIF）", _ORIGINAL)),
    (0, b"II*\x00", Foreign("图片（TIFF）", _ORIGINAL)),
    (0, b"MM\x00*", Foreign("图片（TIFF）", _ORIGINAL)),
    (0, b"\x00\x00\x27\x0a", Foreign("地图文件（SHP）", "交付与它同名的 .dbf 文件")),
    (0, b"{\\rtf", Foreign("RTF 文档", _COPY)),
    (0, b"MZ\x90\x00", Foreign("程序文件", "核对交付的文件")),
)
_PDF = Foreign("PDF 文件", _ORIGINAL)
# Zip files: a member that only this kind has, and the kind.
_PACKED: tuple[tuple[str, Foreign], ...] = (
    ("xl/workbook.bin", Foreign("二进制工作簿（XLSB）", _SAVE_AS)),
    ("word/document.xml", Foreign("Word 文档（DOCX）", _COPY)),
    ("ppt/presentation.xml", Foreign("演示文稿（PPTX）", _COPY)),
    ("ofd.xml", Foreign("版式文档（OFD）", _ORIGINAL)),
    ("index/document.iwa", Foreign("Apple Numbers 等文档", _SAVE_AS)),
    ("doc.kml", Foreign("地图文件（KMZ）", _EXPORT)),
)
_OPEN_DOCUMENTS = {
    "spreadsheet": Foreign("OpenDocument 电子表格（ODS）", _SAVE_AS),
    "text": Foreign("OpenDocument 文档（ODT）", _COPY),
    "presentation": Foreign("OpenDocument 演示文稿（ODP）", _COPY),
}
# Compound files: a stream that only this kind has, and the kind.
_COMPOUND: tuple[tuple[str, Foreign], ...] = (
    ("WordDocument", Foreign("Word 文档（DOC）", _COPY)),
    ("PowerPoint Document", Foreign("演示文稿（PPT）", _COPY)),
    ("__substg1.0_", Foreign("Outlook 邮件（MSG）", _ATTACHMENT)),
)
_WORKBOOK_STREAMS = ("Workbook", "WORKBOOK", "Book", "EncryptedPackage")

_HTML = Foreign("网页（HTML），不是工作簿", _SAVE_AS)
_MHTML = Foreign("单个文件网页（MHTML）", _SAVE_AS)
_EMAIL = Foreign("邮件（EML）", _ATTACHMENT)
_XML_WORKBOOK = Foreign("XML 电子表格（Excel 2003）", _SAVE_AS)
_XML = Foreign("XML 文件", _EXPORT)
_JSON = Foreign("JSON 文件", _EXPORT)
_JSON_LINES = Foreign("JSON Lines 文件", _EXPORT)
_GEOJSON = Foreign("GeoJSON 地图文件", _EXPORT)

_MARKUP = re.compile(r"<(?:\?xml|!doctype|!--|[a-z_][\w:.-]*[\s>/])", re.IGNORECASE)
_HTML_TAG = re.compile(
    r"<(?:!doctype\s+html|(?:html|head|body|table|meta|style|div|script|tr|td)[\s>/])", re.I
)
_HEADER = re.compile(
    r"(?:From|To|Cc|Subject|Date|Received|Return-Path|Message-ID|MIME-Version|Delivered-To|Content-[\w-]+"
    r"|Snapshot-[\w-]+|DKIM-Signature|X-[\w-]+): ?",
    re.IGNORECASE,
)
_HEADERS = 3
_CUT_JSON = re.compile(r'\{\s*(?:"[^"\n]*"\s*:|\})|\[\s*(?:[{\[]|\])')
_MAP = re.compile(r'"type"\s*:\s*"(?:FeatureCollection|Feature|GeometryCollection)"')


def foreign_kind(path: Path) -> Foreign | None:
    """Recognise a file of a foreign kind; None if the file may be readable or its kind is unknown.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return kind
    if b"%PDF-" in head[:1024]:
        return _PDF
    if head.startswith(ZIP):
        return _packed(path)
    if head.startswith(OLE):
        return _compound(path)
    return _of_text(_text(head))


def _packed(path: Path) -> Foreign | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.replace("\\", "/").lower() for name in archive.namelist()}
            found = next((kind for name, kind in _PACKED if name in names), None)
            if found is None and "mimetype" in names:
                return next(
                    (k for name, k in _OPEN_DOCUMENTS.items() if f".{name}" in _mimetype(archive)), None
                )
            return found
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError, EOFError):
        # The reader that opens the file refuses it as damaged.
        return None


def _mimetype(archive: zipfile.ZipFile) -> str:
    with archive.open("mimetype") as member:
        return member.read(128).decode("ascii", "replace")


def _compound(path: Path) -> Foreign | None:
    content = path.read_bytes()
    if any(_spelled(name) in content for name in _WORKBOOK_STREAMS):
        return None
    return next((kind for name, kind in _COMPOUND if _spelled(name) in content), None)


def _spelled(name: str) -> bytes:
    """A stream's name in the encoding of a compound file's directory."""
    return name.encode("utf-16-le")


def _text(head: bytes) -> str:
    for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return head[len(mark) :].decode(codec, "replace")
    # All patterns are ASCII, which every encoding read here contains.
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _of_text(text: str) -> Foreign | None:
    start = text.lstrip()
    if start.startswith("<") and _MARKUP.match(start):
        if "urn:schemas-microsoft-com:office:spreadsheet" in start:
            return _XML_WORKBOOK
        return _HTML if _HTML_TAG.match(start) or "<html" in start.lower() else _XML
    if start.startswith(("{", "[")):
        return _json(start)
    headers = sum(1 for _ in _headers(start))
    if headers >= _HEADERS:
        related = re.search(
            r"multipart/related|^From: <Saved by|^Snapshot-Content-Location", start, re.I | re.M
        )
        return _MHTML if related else _EMAIL
    return None


def _headers(text: str) -> Iterator[str]:
    """The header lines of a mail message: `Name: value`, or a continuation line that begins with a blank."""
    for line in text.splitlines():
        if _HEADER.match(line):
            yield line
        elif not line.startswith((" ", "\t")):
            return


def _json(text: str) -> Foreign | None:
    decoder = json.JSONDecoder()
    try:
        _, end = decoder.raw_decode(text)
    except (ValueError, RecursionError):
        looks = _CUT_JSON.match(text) is not None
        return (_GEOJSON if _MAP.search(text) else _JSON) if looks else None
    rest = text[end:]
    if rest.strip() and not rest.lstrip().startswith(("{", "[")):
        return None
    if rest.strip() and "\n" in rest[: len(rest) - len(rest.lstrip())]:
        return _JSON_LINES
    return _GEOJSON if _MAP.search(text[:end]) else _JSON
