"""Encodings of text files: recognise them and decode strictly, piece by piece.

Nothing is replaced or guessed: bytes that are invalid in the encoding are refused with their position.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.formats import load_formats
from warehouse.collect.readers.layout import UnreadableFile, unreadable
from warehouse.collect.readers.text.endings import end_of_text

CHUNK = 4 << 20
HEAD = 256 << 10

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
# A workbook is a zip file; an old one is a compound file.
(ZIP, _), (OLE, _) = load_formats()["xlsx"].signatures
((SQLITE, _),) = load_formats()["sqlite"].signatures
# First bytes of files that have the wrong suffix, and the names of their formats.
SIGNATURES = (
    *(signature for found in load_formats().values() for signature in found.signatures),
    (b"%PDF", "PDF 文件"),
    (b"\x1f\x8b", "压缩文件"),
    (b"Rar!", "压缩文件"),
    (b"7z\xbc\xaf\x27\x1c", "压缩文件"),
)


# This many bytes on both sides of a failure are examined.
_AROUND = 256 << 10
_IDEOGRAPHS = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")

# Encodings in which the byte of a line feed is never part of another character.
_BYTEWISE = frozenset(("ascii", "utf-8", "utf-8-sig", "gb2312", "gbk", "gb18030"))


@dataclass(frozen=True)
class Encoding:
    """An encoding: its name on the receipt, Python's codec, and the length of the byte order mark to skip."""

    name: str
    codec: str
    mark: int = 0

    @property
    def bytewise(self) -> bool:
        """Whether the bytes can be split into lines without decoding."""
        return codecs.lookup(self.codec).name in _BYTEWISE


class UndecodableText(Exception):
    """Bytes at an offset of the file that are invalid in an encoding."""

    def __init__(self, encoding: Encoding, offset: int) -> None:
        super().__init__(encoding.name, offset)
        self.encoding = encoding
        self.offset = offset


def signature_of(head: bytes) -> str | None:
    """The format that a file's first bytes show (Chinese); None if they show no format."""
    return next((name for magic, name in SIGNATURES if head.startswith(magic)), None)


def candidate_encodings(head: bytes, names: tuple[str, ...]) -> tuple[Encoding, ...]:
    """The encodings to try: only the encoding of a byte order mark, else the contract's."""
    for mark, name, codec in _MARKS:
        if head.startswith(mark):
            return (Encoding(name, codec, len(mark)),)
    # Without a mark "utf-8-sig" is plain UTF-8.
    plain = ("utf-8" if name == "utf-8-sig" else name for name in names)
    return tuple(Encoding(name, name) for name in dict.fromkeys(plain))


def decode_head(head: bytes, encoding: Encoding, *, whole: bool) -> str:
    """Decode a file's first bytes.

    Args:
        head: the first bytes.
        encoding: the encoding to use.
        whole: whether they are the whole file; if not, the last character may be incomplete.

    Raises:
        UndecodableText: the bytes are not in this encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    try:
        return decoder.decode(head[encoding.mark :], final=whole)
    except UnicodeDecodeError as error:
        raise UndecodableText(encoding, encoding.mark + error.start) from error


def decoded(path: Path, encoding: Encoding) -> Iterator[str]:
    """Yield the text of a file in pieces of a few megabytes; a piece may end anywhere.

    Raises:
        UndecodableText: some bytes are not in this encoding.
        UnreadableFile: the text contains a NUL character, so that the file is binary.
    """
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    consumed, end = encoding.mark, end_of_text(path) if encoding.bytewise else sys.maxsize
    with path.open("rb") as file:
        file.seek(encoding.mark)
        while True:
            raw = file.read(min(CHUNK, max(end - consumed, 0)))
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise UndecodableText(encoding, consumed - pending + error.start) from error
            refuse_binary(path, text)
            if text:
                yield text
            if not raw:
                return
            consumed += len(raw)


def refuse_binary(path: Path, text: str) -> None:
    """Refuse text with a NUL character, which text files do not contain.

    Raises:
        UnreadableFile: the text has a NUL character.
    """
    if "\0" in text:
        raise unreadable(
            path,
            "内容是二进制数据，不是文本",
            "用 Excel 或 WPS 打开原始文件，另存为 CSV（UTF-8）后重新交付",
        )


def undecodable(path: Path, failure: UndecodableText) -> UnreadableFile:
    """Build the refusal of a file that no encoding fits, with the position of the failure that is furthest on."""
    # Lines are counted in decoded text: in UTF-16 the byte of a line feed may be half of another character.
    decoder = codecs.getincrementaldecoder(failure.encoding.codec)("ignore")
    line, left = 1, failure.offset
    with path.open("rb") as file:
        while left and (raw := file.read(min(left, CHUNK))):
            line += decoder.decode(raw).count("\n")
            left -= len(raw)
    return unreadable(
        path,
        f"第 {line} 行（第 {failure.offset + 1} 个字节）不是有效的 {failure.encoding.name.upper()} 文字",
        "用 Excel 或 WPS 打开核对这一行，另存为 CSV（UTF-8）后重新交付",
    )


def refuse_broken_utf8(path: Path, failure: UndecodableText) -> None:
    """Refuse a file that is UTF-8 with some broken characters: GB 18030 would decode it, with all words wrong.

    Args:
        path: the file.
        failure: the failure of decoding it.

    Raises:
        UnreadableFile: the file is broken UTF-8.
    """
    if codecs.lookup(failure.encoding.codec).name not in ("utf-8", "utf-8-sig"):
        return
    with path.open("rb") as file:
        file.seek(max(0, failure.offset - _AROUND))
        around = file.read(2 * _AROUND)
    if is_broken_utf8(around):
        raise undecodable(path, failure)


def is_broken_utf8(data: bytes) -> bool:
    """Whether bytes that are not valid UTF-8 are mostly Chinese text in UTF-8.

    Three bytes that are a Chinese character in UTF-8 rarely occur in GB 18030 text: the second byte of a character
    would have to be below 0xC0, and the next character would have to begin with a byte outside GB 2312.
    """
    text = data.decode("utf-8", "replace")
    return len(_IDEOGRAPHS.findall(text)) > 2 * text.count("\ufffd")
