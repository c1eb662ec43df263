"""Files of other kinds are refused by name, whatever their ending says, by every command that takes files."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from email.message import EmailMessage
from pathlib import Path

import polars as pl
import pytest
import xlwt

from returns.workbook.errors import WorkbookError
from returns.workbook.reader import open_workbook
from schemas.contract.library import load_library
from warehouse.collect.infer.draft import draft_contract
from warehouse.collect.intake import reception
from warehouse.collect.readers.foreign import foreign_kind
from warehouse.collect.readers.layout import UnreadableFile
from warehouse.home.folders import Home

CASES = Path(__file__).parents[2] / "data" / "layouts"
RECORDS = [{"name": "甲区", "amount": 1}, {"name": "乙区", "amount": 2}]
# [MS-CFB]: the signature, then sectors; of the directory only the name of a stream matters here.
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504


def packed(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(RECORDS).write_parquet(buffer)
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return buffer.getvalue()


def email() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "报表"
    message.set_content("见附件")
    message.add_attachment(b"x", maintype="application", subtype="octet-stream", filename="a.xlsx")
    return bytes(message)


PAGE = "<html><body><table><tr><td>地区</td></tr></table></body></html>"
MHTML = (
    "From: <Saved by Blink>\nSnapshot-Content-Location: http://example.com/\nSubject: a\n"
    'MIME-Version: 1.0\nContent-Type: multipart/related;\n\ttype="text/html"\n\n' + PAGE
)
ODS = "application/vnd.oasis.opendocument.spreadsheet"
WORKBOOK_XML = (
    '<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"></Workbook>'
)

# What the bytes are, by the format's own description, and how it is called.
FILES: dict[str, tuple[bytes, str]] = {
    "json": (json.dumps(RECORDS).encode(), "JSON 文件"),
    "json, indented": (json.dumps({"data": RECORDS}, indent=1, ensure_ascii=False).encode("gb18030"), "JSON 文件"),
    "json, cut": (b'{"data": [{"a": 1}, {"a": ', "JSON 文件"),
    "json, utf-16": (json.dumps(RECORDS).encode("utf-16"), "JSON 文件"),
    "json, very large": (json.dumps(RECORDS * 9000).encode(), "JSON 文件"),
    "json lines": ("\n".join(map(json.dumps, RECORDS)).encode(), "JSON Lines 文件"),
    "geojson": ((CASES / "points.geojson").read_bytes(), "GeoJSON 地图文件"),
    "xml": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<rows><row a="1"/></rows>', "XML 文件"),
    "xml, bare": (b"<rows>\n<row>1</row></rows>", "XML 文件"),
    "xml workbook": (WORKBOOK_XML.encode(), "XML 电子表格（Excel 2003）"),
    "html": (f"\n <!DOCTYPE html>{PAGE}".encode("gb18030"), "网页（HTML）"),
    "html, table": (b"<table border=1><tr><td>a</td></tr></table>", "网页（HTML）"),
    "mhtml": (MHTML.encode(), "单个文件网页（MHTML）"),
    "email": (email(), "邮件（EML）"),
    "parquet": (parquet(), "Parquet 文件"),
    "ods": (packed(mimetype=ODS.encode(), **{"content.xml": b"<a/>"}), "OpenDocument 电子表格（ODS）"),
    "docx": (packed(**{"[Content_Types].xml": b"", "word__document.xml": b""}), "Word 文档（DOCX）"),
    "xlsb": (packed(**{"[Content_Types].xml": b"", "xl__workbook.bin": b""}), "二进制工作簿（XLSB）"),
    "ofd": (packed(**{"OFD.xml": b""}), "版式文档（OFD）"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF 文件"),
    "rar": (b"Rar!\x1a\x07\x01\x00", "RAR 压缩包"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "7z 压缩包"),
    "gzip": (gzip.compress("地区,数量\n".encode()), "GZIP 压缩文件"),
    "tar": (tar(), "TAR 打包文件"),
    "mdb": (b"\x00\x01\x00\x00Standard Jet DB\x00", "Access 数据库（MDB）"),
    "accdb": (b"\x00\x01\x00\x00Standard ACE DB\x00", "Access 数据库（ACCDB）"),
    "doc": (OLE + "WordDocument".encode("utf-16-le"), "Word 文档（DOC）"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "图片（PNG）"),
}  # fmt: skip


@pytest.fixture(params=FILES, ids=str)
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], tuple[Path, str]]]:
    """Writes the file under a name that says otherwise."""
    content, name = FILES[request.param]

    def write(file: str) -> tuple[Path, str]:
        (tmp_path / file).write_bytes(content)
        return tmp_path / file, name

    yield write


@pytest.mark.parametrize("file", ["房屋_20260302.csv", "房屋.xls", "未知.dat"])
def test_a_delivery_is_refused_by_what_it_is(
    foreign: Callable[[str], tuple[Path, str]], file: str, tmp_path: Path
) -> None:
    path, name = foreign(file)
    home = Home(tmp_path / "home")
    (receipt,) = reception.deliver(home, load_library(), [path], date(2026, 3, 2), datetime(2026, 3, 2, 8))
    assert receipt.status == "set_aside"
    assert receipt.message.startswith(f"文件“{file}”：内容是{name}")
    assert "重新交付" in receipt.message


def test_no_contract_is_drafted_of_it(foreign: Callable[[str], tuple[Path, str]]) -> None:
    path, name = foreign("样例.xlsx")
    with pytest.raises(UnreadableFile) as error:
        draft_contract(path, "a.b", None)
    assert f"文件“样例.xlsx”：内容是{name}" in str(error.value)


def test_no_reply_is_read_of_it(foreign: Callable[[str], tuple[Path, str]]) -> None:
    path, name = foreign("回复.xlsx")
    with pytest.raises(WorkbookError) as error:
        open_workbook(path)
    assert f"文件“回复.xlsx”：内容是{name}" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "地区,数量\n甲,1\n",
        "[附表],数量\n甲,1\n",
        "[1],数量\n甲,1\n",
        "{编号},名称\n1,甲\n",
        "<地区>,数量\n甲,1\n",
        "From: 甲\n地区,数量\n",
        "",
    ],
)
def test_text_that_only_begins_alike_is_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="gb18030")
    assert foreign_kind(tmp_path / "a.csv") is None


def test_workbooks_and_archives_are_none_of_them(tmp_path: Path) -> None:
    workbook = xlwt.Workbook()
    workbook.add_sheet("a").write(0, 0, "地区")
    workbook.save(str(tmp_path / "a.xls"))
    (tmp_path / "a.zip").write_bytes(packed(**{"a.csv": b"x"}))
    every = [tmp_path / "a.xls", tmp_path / "a.zip", *CASES.glob("*.xls*"), CASES / "parts_of_one.zip"]
    assert [foreign_kind(path) for path in every] == [None] * len(every)
