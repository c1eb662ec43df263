"""Lines of a text file in another encoding than the rest: UTF-8 in a GB 18030 file, GBK in a UTF-8 file.

Both mixtures decode without an error, into wrong characters. 张三 in UTF-8 becomes 寮犱笁 when decoded as GB 18030, and
女 in GBK becomes Ů when decoded as UTF-8. The search works on bytes; the DBF reader uses it too.

A run is an unbroken sequence of bytes that are not ASCII. Chinese text in GBK contains a run that is valid UTF-8 about
once in a million rows. So a run is judged by how common its characters are when decoded in each encoding.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from warehouse.collect.readers.layout import Note, unreadable
from warehouse.collect.readers.naming import named
from warehouse.collect.readers.text.encoding import Encoding

_CHUNK = 1 << 20
# A longer line is not a record; `line_hash` refuses it where that matters.
_LONGEST = 32 << 20
# At most this many lines are listed; the search stops when they are found.
_MOST = 1000
# This many characters that are common only when decoded as UTF-8 cannot be an accident.
_CERTAIN = 4

_GB = frozenset({"gb2312", "gbk", "gb18030"})
_UTF8 = frozenset({"utf-8", "utf-8-sig"})

_RUN = re.compile(rb"[\x80-\xff]+")
_CELL = re.compile(rb"[^,\t;|\r\n\"' ]+")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
# Single Greek letters occur in Chinese text: α, β.
_GREEK = re.compile("[\u0370-\u03ff]+")


@dataclass(frozen=True)
class Foreign:
    """Lines in another encoding than the rest of their file.

    Attributes:
        lines: the numbers of the first such lines, from 1.
        encoding: their encoding, as written for people.
        certain: whether the lines make no sense in the file's encoding.
    """

    lines: tuple[int, ...]
    encoding: str
    certain: bool


def foreign_lines(path: Path, encoding: Encoding, most: int | None = None) -> Foreign | None:
    """Find the lines of a text file in another encoding, although the file decoded without an error.

    Args:
        path: the file.
        encoding: the encoding of the file.
        most: the number of bytes to search; None for all.
    """
    name = codecs.lookup(encoding.codec).name
    if name not in _GB | _UTF8:
        return None
    found: list[int] = []
    certain = False
    for first, piece in _pieces(path, most):
        for start, sure in foreign_runs(piece, name):
            number = first + piece.count(b"\n", 0, start)
            if not found or found[-1] != number:
                found.append(number)
            certain = certain or sure
        if len(found) >= _MOST:
            break
    if not found:
        return None
    return Foreign(tuple(found[:_MOST]), "UTF-8" if name in _GB else "GBK", certain)


def refuse_mixture(path: Path, encoding: Encoding, most: int | None = None) -> tuple[Note, ...]:
    """Refuse a file with lines that are certainly in another encoding; note lines that probably are.

    Args:
        path, encoding, most: as in `foreign_lines`.

    Raises:
        UnreadableFile: some lines are certainly in another encoding.
    """
    found = foreign_lines(path, encoding, most)
    if found is None:
        return ()
    other, own = found.encoding, encoding.name.upper()
    if not found.certain:
        text = f"有文字像是 {other} 编码，其余是 {own}，可能读成了别的字；请核对，用同一种编码导出后重新交付"
        return (Note(text, len(found.lines), found.lines),)
    rows = named([str(line) for line in found.lines], "行")
    raise unreadable(
        path,
        f"第 {rows} 行是 {other} 编码的文字，其余是 {own}：一个文件里有两种编码，按一种读取会成为乱码",
        "用同一种编码（最好是 UTF-8）重新导出后交付",
    )


def foreign_runs(text: bytes, codec: str) -> Iterator[tuple[int, bool]]:
    """Yield the positions of bytes in another encoding than the codec's, and whether that is certain."""
    data = np.frombuffer(text, np.uint8)
    name = codecs.lookup(codec).name
    if name not in _GB | _UTF8:
        return
    gb = name in _GB
    end = -1
    for place in (_utf8_places(data) if gb else _short_places(data)).tolist():
        if place < end:
            continue
        match = _around(_RUN if gb else _CELL, text, place)
        end = match.end()
        sure = _is_utf8(match[0], text[end : end + 1]) if gb else _is_gbk(match[0])
        if sure is not None:
            yield match.start(), sure


def other_encoding(codec: str) -> str | None:
    """The encoding that Chinese files in a codec may be mixed with; None for other codecs."""
    name = codecs.lookup(codec).name
    return "utf-8" if name in _GB else "gb18030" if name in _UTF8 else None


def _pieces(path: Path, most: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines of a file, with the number of the first line."""
    carry, first, left = b"", 1, most
    with path.open("rb") as file:
        while raw := file.read(_CHUNK if left is None else min(_CHUNK, left)):
            left = None if left is None else left - len(raw)
            piece = carry + raw
            end = piece.rfind(b"\n") + 1
            if not end and len(piece) > _LONGEST:
                return
            carry = piece[end:]
            if end:
                yield first, piece[:end]
                first += piece.count(b"\n", 0, end)
    if carry:
        yield first, carry


def _around(pattern: re.Pattern[bytes], text: bytes, place: int) -> re.Match[bytes]:
    """The whole match around a position, for a pattern of single bytes."""
    start = place
    while start and pattern.match(text, start - 1, start):
        start -= 1
    match = pattern.match(text, start)
    assert match is not None
    return match


def _utf8_places(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Positions of two adjacent UTF-8 characters: an ideograph, then an ideograph or a fullwidth mark."""
    if len(data) < 6:
        return np.empty(0, np.intp)
    follows = _between(data, 0x80, 0xC0)
    places = np.flatnonzero(_between(data[:-5], 0xE4, 0xEA) & follows[1:-4] & follows[2:-3])
    return places[_between(data[places + 3], 0xE3, 0xF0) & follows[places + 4] & follows[places + 5]]


def _short_places(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Positions of a two-byte UTF-8 character whose bytes are also a common ideograph of GB 2312."""
    if len(data) < 2:
        return np.empty(0, np.intp)
    places = np.flatnonzero(_between(data[:-1], 0xC4, 0xD8))
    return places[data[places + 1] >= 0xA1]


def _between(data: npt.NDArray[np.uint8], first: int, end: int) -> npt.NDArray[np.bool_]:
    """Mark the bytes in a range; below the range the difference wraps around to a large number."""
    found: npt.NDArray[np.bool_] = data - np.uint8(first) < np.uint8(end - first)
    return found


def _is_utf8(run: bytes, following: bytes) -> bool | None:
    """Whether a run read as GB 18030 is UTF-8: None for no, False for probably, True for certainly."""
    try:
        meant = run.decode("utf-8")
    except UnicodeDecodeError:
        return None
    ideographs = _IDEOGRAPH.findall(meant)
    if len(ideographs) < 2:
        return None
    # With an odd number of bytes, the last byte forms a character with the next byte.
    seen = (run + following if len(run) % 2 else run).decode("gb18030", "ignore")
    rare_seen, rare_meant = list(map(_rarity, seen)), list(map(_rarity, meant))
    if max(rare_seen) < 2 and sum(rare_seen) <= sum(rare_meant):
        return None
    return len(ideographs) >= _CERTAIN and max(rare_seen) == 2


def _is_gbk(cell: bytes) -> bool | None:
    """Whether a cell read as UTF-8 is GBK: None for no, False for probably; a single cell is never certain."""
    try:
        seen, meant = cell.decode("utf-8"), cell.decode("gb2312")
    except UnicodeDecodeError:
        return None
    if cell[0] < 0x80 or any(ord(character) > 0x7FF for character in seen) or _GREEK.fullmatch(seen):
        return None
    ordinary = all(_IDEOGRAPH.fullmatch(each) and _rarity(each) == 0 for each in meant)
    return False if ordinary else None


def _rarity(character: str) -> int:
    """The rarity of a character in Chinese text: 0 in level 1 of GB 2312, 1 in level 2 or box drawing, else 2."""
    try:
        encoded = character.encode("gb2312")
    except UnicodeEncodeError:
        return 2
    return int(len(encoded) == 2 and (encoded[0] >= 0xD8 or 0xA4 <= encoded[0] <= 0xA9))
