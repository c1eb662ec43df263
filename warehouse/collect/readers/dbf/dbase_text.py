"""Decoding of DBF texts, column by column; finds texts that are cut off or in another encoding than the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from warehouse.collect.readers.layout import Note
from warehouse.collect.readers.text.mixture import foreign_runs, other_encoding

# This byte occurs in no multi-byte character of GB 18030 or UTF-8.
SEPARATOR = b"\x1f"
_NAMED_ROWS = 1000
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")


class UndecodableCell(Exception):
    """A cell that no known encoding decodes; `row` is its row in the file."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


@dataclass
class Oddities:
    """The rows of texts that are cut off, and of texts in another encoding than the rest."""

    halves: set[int] = field(default_factory=set)
    foreign: set[int] = field(default_factory=set)

    def notes(self, encoding: str) -> Iterator[Note]:
        """Yield the notes on these rows.

        Args:
            encoding: the encoding of the rest.
        """
        if self.halves:
            yield _note("有文字被截断，末尾的半个汉字已去掉", self.halves)
        if self.foreign:
            other, own = (other_encoding(encoding) or "").upper(), encoding.upper()
            yield _note(
                f"有文字是 {other} 编码，其余是 {own}，已按 {other} 读取；请核对，用同一种编码导出",
                self.foreign,
            )


def _note(text: str, rows: set[int]) -> Note:
    return Note(text, len(rows), tuple(sorted(rows)[:_NAMED_ROWS]))


def decode_cells(cells: list[bytes], encoding: str, rows: npt.NDArray[np.int64], odd: Oddities) -> list[str]:
    """Decode the texts of a column.

    Args:
        cells: the bytes of each cell.
        encoding: the encoding of the file.
        rows: the row of each cell in the file.
        odd: records the rows of odd texts.

    Raises:
        UndecodableCell: no encoding decodes a cell.
    """
    joined = SEPARATOR.join(cells)
    try:
        texts = joined.decode(encoding).split(SEPARATOR.decode())
        if len(texts) == len(cells) and next(foreign_runs(joined, encoding), None) is None:
            return texts
    except UnicodeDecodeError:
        pass
    return [_text(cell, encoding, int(row), odd) for cell, row in zip(cells, rows, strict=True)]


def _text(cell: bytes, encoding: str, row: int, odd: Oddities) -> str:
    if cell.isascii():
        return cell.decode("ascii")
    other = other_encoding(encoding)
    for codec, least in ((encoding, 0), (other, 1)):
        if codec is None or (codec == encoding and next(foreign_runs(cell, encoding), None) is not None):
            continue
        try:
            text = cell.decode(codec)
        except UnicodeDecodeError:
            continue
        if len(_IDEOGRAPH.findall(text)) >= least:
            if codec == other:
                odd.foreign.add(row)
            return text
    # The cell may be cut off in the middle of a character, which has up to four bytes.
    for cut in range(4):
        try:
            text = cell[: len(cell) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        if cut:
            odd.halves.add(row)
        return text
    raise UndecodableCell(row)
