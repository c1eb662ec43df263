"""Scanning of cells and texts in uniform markup (`markup`): whole arrays of tag positions, without a loop over rows.

A cell is `<c r="B2" s="1" t="s"><v>3</v></c>`, sometimes with a formula before its value. An inline text stands in
`<is>`, with the structure of a shared text: one `<t>`, or several for several fonts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook
from warehouse.collect.readers.sheets.markup import OddMarkup

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
_SPACE = np.zeros(256, np.bool_)
_SPACE[[9, 10, 13, 32]] = True
_ENDS = _SPACE.copy()
_ENDS[[ord(">"), ord("/")]] = True
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ESCAPED = re.compile(r"(?:_x[0-9A-Fa-f]{4}_)+")


class ScannedKind(IntEnum):
    """The type of a cell (ECMA-376 part 1, 18.18.11)."""

    NUMBER = 0
    SHARED = 1
    TEXT = 2
    INLINE = 3
    TRUTH = 4
    ERROR = 5
    DATE = 6


# The values of the attribute `t`, by their first two characters.
_KINDS = {
    b'n"': ScannedKind.NUMBER,
    b's"': ScannedKind.SHARED,
    b"st": ScannedKind.TEXT,
    b"in": ScannedKind.INLINE,
}
_KINDS |= {b'b"': ScannedKind.TRUTH, b'e"': ScannedKind.ERROR, b'd"': ScannedKind.DATE}


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells in the order of the file.

    Attributes:
        rows, columns: the position of each cell, from 0.
        kinds: the `ScannedKind` of each cell.
        styles: the style index of each cell.
        raw: the content of each cell, NULL if it is empty; for a shared text its index.
        formulas: whether each cell has a formula.
    """

    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int16]
    kinds: npt.NDArray[np.int8]
    styles: npt.NDArray[np.int32]
    raw: pa.Array
    formulas: Mask


class _Tags:
    """The tags of a piece of markup, by their positions."""

    def __init__(self, piece: bytes) -> None:
        self.bytes = np.frombuffer(piece + b"    ", np.uint8)
        self.buffer = piece
        self.starts: Places = np.flatnonzero(self.bytes == ord("<"))
        self.first = self.bytes[self.starts + 1]
        self._second = self.bytes[self.starts + 2]

    def named(self, name: bytes, *, closing: bool = False) -> Places:
        """Find the tags with a name, as indices of `starts`."""
        whole = b"/" + name if closing else name
        found = np.flatnonzero(self.first == whole[0])
        for offset in range(1, len(whole)):
            found = found[self.bytes[self.starts[found] + offset + 1] == whole[offset]]
        return found[_ENDS[self.bytes[self.starts[found] + len(whole) + 1]]]

    def ends(self, tags: Places, name: bytes) -> Places:
        """The position of the `>` of each tag; for most tags it directly follows the name."""
        places = self.starts[tags] + len(name) + 1
        far = np.flatnonzero(self.bytes[places] != ord(">"))
        if far.size:
            closes = np.flatnonzero(self.bytes == ord(">"))
            places[far] = closes[np.searchsorted(closes, places[far])]
        return places

    def between(self, starts: Places, ends: Places) -> pa.Array:
        """The texts between the start and end positions, which ascend."""
        offsets = np.empty(2 * len(starts) + 1, np.int32)
        offsets[0:-1:2], offsets[1::2] = starts, ends
        offsets[-1] = offsets[-2] if len(starts) else 0
        texts = pa.Array.from_buffers(
            pa.string(), 2 * len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(self.buffer)]
        )
        # Even elements are the texts, odd elements the gaps between them.
        return texts.take(pa.array(np.arange(0, 2 * len(starts), 2, dtype=np.int32)))


def cells_of(piece: bytes) -> Cells:
    """Read the cells of a piece of a sheet's data.

    Raises:
        OddMarkup: a tag is not written uniformly.
        DamagedWorkbook: a cell stands outside the sheet.
    """
    tags = _Tags(piece)
    cells = tags.named(b"c")
    rows, columns, kinds, styles, ends = _attributes(tags, cells)
    empty = tags.bytes[ends - 1] == ord("/")
    raw = pa.nulls(len(cells), pa.string())
    if cells.size:
        values = tags.named(b"v")
        raw = _laid(raw, _texts(tags, values, b"v"), _owners(cells, values))
        inline = _joined(tags, cells, (b"is",)) if (kinds == ScannedKind.INLINE).any() else None
        if inline is not None:
            raw = _laid(raw, *inline)
    formulas = np.zeros(len(cells), np.bool_)
    formulas[_owners(cells, tags.named(b"f"))] = True
    if empty.any():
        raw = pc.if_else(pa.array(empty), pa.scalar(None, pa.string()), raw)
    return Cells(rows, columns, kinds, styles, raw, formulas)


def shared_texts(piece: bytes) -> pa.Array:
    """Read a piece of the shared texts; an empty text counts."""
    tags = _Tags(piece)
    items = tags.named(b"si")
    texts = pa.array([""], pa.string()).take(pa.array(np.zeros(len(items), np.int32)))
    return _laid(texts, *_joined(tags, items, ()))


def _attributes(tags: _Tags, cells: Places) -> tuple[np.ndarray, ...]:
    """The rows, columns, types and styles of the cells, and the end positions of their tags."""
    data = tags.bytes
    place = tags.starts[cells] + 2
    if not all((data[place + at] == byte).all() for at, byte in enumerate(b' r="')):
        raise OddMarkup
    place += 4
    columns, rows = np.zeros((2, len(cells)), np.int32)
    letters = np.ones(len(cells), np.bool_)
    for _ in range(3):
        byte = data[place]
        letters &= (byte >= ord("A")) & (byte <= ord("Z"))
        columns = np.where(letters, columns * 26 + byte.astype(np.int32) - 64, columns)
        place += letters
    rows, place = _digits(data, place, 7)
    if (data[place] != ord('"')).any():
        raise OddMarkup
    if cells.size and (
        rows.min() < 1 or columns.min() < 1 or rows.max() > MOST_ROWS or columns.max() > MOST_COLUMNS
    ):
        raise DamagedWorkbook
    kinds, styles, place = _style_and_kind(data, place + 1, len(cells))
    return rows - 1, (columns - 1).astype(np.int16), kinds, styles, place


def _digits(data: npt.NDArray[np.uint8], place: Places, most: int) -> tuple[npt.NDArray[np.int32], Places]:
    """Read the number at each position, and return the positions behind the numbers."""
    place = place.copy()
    numbers = np.zeros(len(place), np.int32)
    digit = np.ones(len(place), np.bool_)
    for _ in range(most):
        byte = data[place]
        digit &= (byte >= ord("0")) & (byte <= ord("9"))
        if not digit.any():
            break
        numbers = np.where(digit, numbers * 10 + byte.astype(np.int32) - 48, numbers)
        place += digit
    return numbers, place


def _style_and_kind(
    data: npt.NDArray[np.uint8], place: Places, count: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32], Places]:
    kinds, styles = np.zeros(count, np.int8), np.zeros(count, np.int32)
    place = place.copy()
    # Attributes: the style, the type, and three that do not change the text (cm, vm, ph).
    for _ in range(5):
        more = np.flatnonzero(data[place] == ord(" "))
        if not more.size:
            break
        at = place[more]
        name, equals = data[at + 1], data[at + 2]
        single = equals == ord("=")
        styled = more[single & (name == ord("s"))]
        styles[styled], place[styled] = _digits(data, place[styled] + 4, 6)
        typed = more[single & (name == ord("t"))]
        begins = data[place[typed] + 4].astype(np.int32) << 8 | data[place[typed] + 5]
        for text, kind in _KINDS.items():
            kinds[typed[begins == int.from_bytes(text, "big")]] = kind
        if not np.isin(begins, [int.from_bytes(text, "big") for text in _KINDS]).all():
            raise OddMarkup
        place[typed] = _quote(data, place[typed] + 4)
        other = more[~single & (data[at + 3] == ord("="))]
        place[other] = _quote(data, place[other] + 5)
        if len(styled) + len(typed) + len(other) != len(more) or (data[place[more]] != ord('"')).any():
            raise OddMarkup
        place[more] += 1
    ends = np.where(data[place] == ord("/"), place + 1, place)
    if (data[ends] != ord(">")).any():
        raise OddMarkup
    return kinds, styles, ends


def _quote(data: npt.NDArray[np.uint8], place: Places) -> Places:
    """The position of the next quote, which must be near."""
    place = place.copy()
    for _ in range(12):
        further = data[place] != ord('"')
        if not further.any():
            return place
        place += further
    raise OddMarkup


def _owners(units: Places, tags: Places) -> Places:
    """The index of the unit that contains each tag; units are given by their tags."""
    return np.searchsorted(units, tags) - 1


def _texts(tags: _Tags, found: Places, name: bytes) -> pa.Array:
    """The contents of elements that contain only text."""
    if not found.size:
        return pa.array([], pa.string())
    ends = tags.ends(found, name)
    empty = tags.bytes[ends - 1] == ord("/")
    following = np.minimum(found + 1, len(tags.starts) - 1)
    stops = np.where(empty, ends + 1, tags.starts[following])
    return _referred(tags.between(ends + 1, np.maximum(stops, ends + 1)))


def _joined(tags: _Tags, units: Places, within: tuple[bytes, ...]) -> tuple[pa.Array, Places]:
    """Join the texts in `<t>` of each unit, without phonetic texts; return the texts and their units."""
    found = tags.named(b"t")
    found = found[~_inside(tags, found, b"rPh")]
    for name in within:
        found = found[_inside(tags, found, name)]
    texts, owners = unescaped(_texts(tags, found, b"t")), _owners(units, found)
    if found.size and owners.size and (np.diff(owners) == 0).any():
        table = pa.table([owners, texts], ["owner", "text"]).group_by("owner", use_threads=False)
        joined = table.aggregate([("text", "list")])
        return pc.binary_join(joined["text_list"].combine_chunks(), ""), np.asarray(joined["owner"])
    return texts, owners


def _inside(tags: _Tags, found: Places, name: bytes) -> Mask:
    """Which tags stand within an element with a name."""
    opened, closed = tags.named(name), tags.named(name, closing=True)
    if not opened.size:
        return np.zeros(len(found), np.bool_)
    inside: Mask = np.searchsorted(opened, found) > np.searchsorted(closed, found)
    return inside


def _laid(texts: pa.Array, found: pa.Array, owners: Places) -> pa.Array:
    """The texts, with the texts of the owners replaced."""
    if not len(found):
        return texts
    if len(found) == len(texts) and (np.diff(owners) == 1).all():
        return found
    order = np.full(len(texts), -1, np.int64)
    order[owners] = np.arange(len(found))
    placed = found.take(pa.array(order, mask=order < 0))
    return pc.coalesce(placed, texts)


def _referred(texts: pa.Array) -> pa.Array:
    """Replace XML's character references by characters."""
    return _replaced(texts, "&", lambda text: _REFERENCE.sub(_character, text))


def _character(found: re.Match[str]) -> str:
    name = found[0][1:-1]
    if name.startswith("#"):
        return chr(int(name[2:], 16) if name[1] == "x" else int(name[1:]))
    return _NAMED[name]


def unescaped(texts: pa.Array) -> pa.Array:
    """Replace `_xHHHH_` by characters (ECMA-376 part 1, 22.9.2.19)."""
    return _replaced(texts, "_x", lambda text: _ESCAPED.sub(_characters, text))


def _characters(found: re.Match[str]) -> str:
    units = bytes.fromhex("".join(found[0].replace("_", "").split("x")))
    return units.decode("utf-16-be", "replace")


def _replaced(texts: pa.Array, mark: str, change: Callable[[str], str]) -> pa.Array:
    """Change the texts that contain a mark; each different text is changed once."""
    marked = pc.fill_null(pc.match_substring(texts, mark), False)
    if not pc.any(marked).as_py():
        return texts
    chosen = texts.filter(marked).dictionary_encode()
    changed = pa.array([change(text) for text in chosen.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(texts, marked, changed.take(chosen.indices))
