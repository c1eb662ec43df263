"""The XML of a sheet or of the shared texts (ECMA-376 part 1, 18.3.1 and 18.4), made uniform and read in pieces.

`scan` finds tags by their bytes. So each piece must be uniform: UTF-8, without prefixes, comments and CDATA, attributes
in double quotes. Nearly all programs write such XML; other XML is rewritten, which is slower. Expat parses everything,
so that XML that is not well-formed counts as damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat
from xml.sax.saxutils import escape

from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook

_CHUNK = 8 << 20
_HEAD = 4 << 10
# The attributes that are used, in their order in the tag of a cell.
_FIRST = ("r", "s", "t")
_ROOT = re.compile(rb"<(?:([\w.-]+):)?(worksheet|sst)[\s>/]")
_DECLARED = re.compile(
    rb"""^(?:\xef\xbb\xbf)?\s*<[?]xml[^>]*?(?:encoding\s*=\s*["']([\w.-]+)["'])?[^>]*[?]>"""
)
# An attribute in single quotes within a tag.
_ODD_ATTRIBUTE = re.compile(rb"""<[\w:]+[^<>"]*(?:"[^"]*"[^<>"]*)*=\s*'""")


class OddMarkup(Exception):
    """Markup that must be rewritten before its bytes can be scanned."""


def uniform_pieces(stream: BinaryIO, unit: bytes) -> Iterator[bytes]:
    """Yield the markup as it stands in the file, if it is uniform.

    Args:
        stream: the part, from its start.
        unit: the element that is never split between pieces, `row` or `si`.

    Yields:
        Pieces that together are the part; each piece but the first begins with a unit.

    Raises:
        OddMarkup: the markup is not uniform; the pieces yielded before are void.
        DamagedWorkbook: it is not well-formed.
    """
    parser = _parser(None)
    parser.CommentHandler = parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = _odd
    head = stream.read(_HEAD)
    declared, root = _DECLARED.match(head), _ROOT.search(head)
    if root is None or (declared and declared[1] and declared[1].lower() not in (b"utf-8", b"utf8")):
        raise OddMarkup
    prefix = root[1] + b":" if root[1] else b""
    start = declared.end() if declared else 0
    starts = (b"<" + prefix + unit + b" ", b"<" + prefix + unit + b">")
    _parse(parser, head[:start])
    carry, last = head[start:], False
    while not last:
        chunk = stream.read(_CHUNK)
        last = not chunk
        carry += chunk
        end = len(carry) if last else max(carry.rfind(each) for each in starts)
        if end <= 0:
            continue
        piece, carry = carry[:end], carry[end:]
        _parse(parser, piece, final=last)
        yield _uniform(piece, prefix)


def _uniform(piece: bytes, prefix: bytes) -> bytes:
    # Blanks around an equals sign are found later: `scan` does not find the cell's reference then.
    if b"'" in piece and _ODD_ATTRIBUTE.search(piece):
        raise OddMarkup
    if prefix:
        # In well-formed XML, `<` occurs only at a tag.
        piece = piece.replace(b"<" + prefix, b"<").replace(b"</" + prefix, b"</")
    if b"\r" in piece:
        # XML 1.0, 2.11: every line end is read as a line feed.
        piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return piece


def rewritten_pieces(stream: BinaryIO, unit: bytes) -> Iterator[bytes]:
    """Rewrite any markup, and yield it as `uniform_pieces` does; every cell gets its reference.

    Raises:
        DamagedWorkbook: it is not well-formed.
    """
    parser = _parser(" ")
    writer = _Writer(unit.decode("ascii"))
    parser.StartElementHandler = writer.start
    parser.EndElementHandler = writer.end
    parser.CharacterDataHandler = writer.text
    while chunk := stream.read(_CHUNK):
        _parse(parser, chunk)
        yield from writer.whole_units()
    _parse(parser, b"", final=True)
    yield writer.rest()


def _parser(separator: str | None) -> expat.XMLParserType:
    """A parser that puts the separator between namespace and name; with None, names stay as they are."""
    parser = expat.ParserCreate(namespace_separator=separator)
    # A workbook has no document type; entities that it defines could expand to any size.
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def _odd(*_: object) -> None:
    raise OddMarkup


def _refuse(*_: object) -> None:
    raise DamagedWorkbook


def _parse(parser: expat.XMLParserType, data: bytes, *, final: bool = False) -> None:
    try:
        parser.Parse(data, final)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise DamagedWorkbook from error


class _Writer:
    """Writes elements without prefixes; a row or cell without a reference follows the row or cell before it."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._out: list[str] = []
        self._cut = 0
        self._row = 0
        self._column = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        if name == "row":
            self._row = _number(attributes.get("r"), self._row + 1)
            self._column = 0
            attributes = {**attributes, "r": str(self._row)}
        elif name == "c" and self._unit == "row":
            place = attributes.get("r") or f"{column_letters(self._column)}{self._row}"
            self._column = column_number(place.rstrip("0123456789")) + 1
            attributes = {**attributes, "r": place}
        if name == self._unit:
            self._cut = len(self._out)
        named = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        ordered = [key for key in _FIRST if key in named] + [key for key in named if key not in _FIRST]
        written = "".join(f' {key}="{escape(named[key], {chr(34): "&quot;"})}"' for key in ordered)
        self._out.append(f"<{name}{written}>")

    def end(self, name: str) -> None:
        self._out.append(f"</{name.rpartition(' ')[2]}>")

    def text(self, text: str) -> None:
        self._out.append(escape(text))

    def whole_units(self) -> Iterator[bytes]:
        """Yield the text written so far, up to the last start of a unit."""
        if self._cut:
            yield "".join(self._out[: self._cut]).encode("utf-8")
            self._out, self._cut = self._out[self._cut :], 0

    def rest(self) -> bytes:
        """The remaining text."""
        return "".join(self._out).encode("utf-8")


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else otherwise


def column_letters(place: int) -> str:
    """The letters of a column, counted from 0: A for 0, AA for 26."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """The number of a column, counted from 0: 0 for A, 26 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
