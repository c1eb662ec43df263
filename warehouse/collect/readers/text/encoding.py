"""Text files: which bytes they are, and decoding them strictly, piece by piece.

Nothing is replaced or guessed: bytes that the encoding does not know are refused with their place.
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
# A workbook is a zip, or a compound file if it is old.
(ZIP, _), (OLE, _) = load_formats()["xlsx"].signatures
((SQLITE, _),) = load_formats()["sqlite"].signatures
# What a file really is that was given the wrong name, by its first bytes.
SIGNATURES = (
    *(signature for found in load_formats().values() for signature in found.signatures),
    (b"%PDF", "PDF 文件"),
    (b"\x1f\x8b", "压缩文件"),
    (b"Rar!", "压缩文件"),
    (b"7z\xbc\xaf\x27\x1c", "压缩文件"),
)


# So many bytes on both sides of a failure tell what the text is.
_AROUND = 256 << 10
_IDEOGRAPHS = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")

# In their bytes a line feed is never part of another character.
_BYTEWISE = frozenset(("ascii", "utf-8", "utf-8-sig", "gb2312", "gbk", "gb18030"))


@dataclass(frozen=True)
class Encoding:
    """An encoding as the receipt names it, Python's codec for it, and the length of the mark to skip."""

    name: str
    codec: str
    mark: int = 0

    @property
    def bytewise(self) -> bool:
        """Whether lines can be told apart in the bytes."""
        return codecs.lookup(self.codec).name in _BYTEWISE


class UndecodableText(Exception):
    """Bytes that an encoding does not know, at an offset in the file."""

    def __init__(self, encoding: Encoding, offset: int) -> None:
        super().__init__(encoding.name, offset)
        self.encoding = encoding
        self.offset = offset


def signature_of(head: bytes) -> str | None:
    """What the first bytes of a file say it is, in Chinese, if they say anything."""
    return next((name for magic, name in SIGNATURES if head.startswith(magic)), None)


def candidate_encodings(head: bytes, names: tuple[str, ...]) -> tuple[Encoding, ...]:
    """The encodings to try: the one of the byte order mark alone, or else the contract's."""
    for mark, name, codec in _MARKS:
        if head.startswith(mark):
            return (Encoding(name, codec, len(mark)),)
    # Without a mark "utf-8-sig" is plain UTF-8.
    plain = ("utf-8" if name == "utf-8-sig" else name for name in names)
    return tuple(Encoding(name, name) for name in dict.fromkeys(plain))


def decode_head(head: bytes, encoding: Encoding, *, whole: bool) -> str:
    """The text of a file's first bytes.

    Args:
        head: the first bytes.
        encoding: how to read them.
        whole: whether they are the whole file; otherwise a character may be cut off at the end.

    Raises:
        UndecodableText: the bytes are not in this encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    try:
        return decoder.decode(head[encoding.mark :], final=whole)
    except UnicodeDecodeError as error:
        raise UndecodableText(encoding, encoding.mark + error.start) from error


def decoded(path: Path, encoding: Encoding) -> Iterator[str]:
    """The text of a file in pieces of a few megabytes, which may end anywhere.

    Raises:
        UndecodableText: some bytes are not in this encoding.
        UnreadableFile: the text holds a NUL character, so it is no text.
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
    """Refuse text with a NUL character, which no text file has.

    Raises:
        UnreadableFile: there is one.
    """
    if "\0" in text:
        raise unreadable(
            path,
            "内容是二进制数据，不是文本",
            "用 Excel 或 WPS 打开原始文件，另存为 CSV（UTF-8）后重新交付",
        )


def undecodable(path: Path, failure: UndecodableText) -> UnreadableFile:
    """The refusal of a file that is in none of its encodings, with the place of the best attempt."""
    # Counted as text: in UTF-16 the byte of a line feed is also half of other characters.
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
    """Refuse a file that is UTF-8 but for some characters: as GB 18030 it would be read, and every word be another.

    Args:
        path: the file.
        failure: where it is not the encoding that was tried.

    Raises:
        UnreadableFile: it is.
    """
    if codecs.lookup(failure.encoding.codec).name not in ("utf-8", "utf-8-sig"):
        return
    with path.open("rb") as file:
        file.seek(max(0, failure.offset - _AROUND))
        around = file.read(2 * _AROUND)
    if is_broken_utf8(around):
        raise undecodable(path, failure)


def is_broken_utf8(data: bytes) -> bool:
    """Whether bytes that are not valid UTF-8 are for the most part Chinese text in UTF-8.

    Three bytes in a row that are a Chinese character in UTF-8 hardly ever occur in GB 18030 text: there the second of
    two bytes would have to lie below 0xC0, and the next character begin with one that is no byte of GB 2312.
    """
    text = data.decode("utf-8", "replace")
    return len(_IDEOGRAPHS.findall(text)) > 2 * text.count("\ufffd")
