"""The markup of a sheet or of the shared texts (ECMA-376 part 1, 18.3.1 and 18.4), made uniform and read in pieces.

What follows reads tags by their bytes. So every piece is markup of one spelling: UTF-8, no prefixes, no comments, no
CDATA, attributes in double quotes. Nearly every program writes that anyway; other markup is written anew, slower.
Expat sees all of it: what is not well-formed is damaged.
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
# The attributes that are read, in the order in which the tag of a cell has them.
_FIRST = ("r", "s", "t")
_ROOT = re.compile(rb"<(?:([\w.-]+):)?(worksheet|sst)[\s>/]")
_DECLARED = re.compile(
    rb"""^(?:\xef\xbb\xbf)?\s*<[?]xml[^>]*?(?:encoding\s*=\s*["']([\w.-]+)["'])?[^>]*[?]>"""
)
# In a tag: an attribute in single quotes.
_ODD_ATTRIBUTE = re.compile(rb"""<[\w:]+[^<>"]*(?:"[^"]*"[^<>"]*)*=\s*'""")


class OddMarkup(Exception):
    """Markup that has to be written anew before it can be read by its bytes."""


def uniform_pieces(stream: BinaryIO, unit: bytes) -> Iterator[bytes]:
    """Markup as it stands in the file, if it is uniform.

    Args:
        stream: the part from its beginning.
        unit: the element that no piece divides, `row` or `si`.

    Yields:
        Pieces that begin with the start of a unit, but for the first, and together are the part.

    Raises:
        OddMarkup: it is not uniform. What has come so far does not count.
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
    # With blanks around an equals sign no cell has its place where it is looked for: that shows later.
    if b"'" in piece and _ODD_ATTRIBUTE.search(piece):
        raise OddMarkup
    if prefix:
        # A less-than sign stands nowhere but at a tag.
        piece = piece.replace(b"<" + prefix, b"<").replace(b"</" + prefix, b"</")
    if b"\r" in piece:
        # XML 1.0, 2.11: a line ends with a line feed, however it is written.
        piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return piece


def rewritten_pieces(stream: BinaryIO, unit: bytes) -> Iterator[bytes]:
    """Markup of any spelling, written anew: as `uniform_pieces`, and every cell has its place.

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
    """A parser that puts the separator between a name and its namespace, or leaves names as they are."""
    parser = expat.ParserCreate(namespace_separator=separator)
    # A workbook has no document type; entities of its own could be of any size.
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
    """Writes elements without prefixes; a row and a cell without a place stand behind the one before."""

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
        """What is written, up to the last start of a unit."""
        if self._cut:
            yield "".join(self._out[: self._cut]).encode("utf-8")
            self._out, self._cut = self._out[self._cut :], 0

    def rest(self) -> bytes:
        """What is left of it."""
        return "".join(self._out).encode("utf-8")


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else otherwise


def column_letters(place: int) -> str:
    """A for 0, AA for 26."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """0 for A, 26 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
