"""dBase III tables in GBK, as the police's older systems export them: fixed width, one byte array a slice.

Layout after the dBase III file structure: header, field descriptors, records of fixed width. What
stands in the rows belongs to delivery.
"""

import struct
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

VERSION, CODE_PAGE_936, END_OF_FIELDS, END_OF_FILE = 0x03, 0x4D, 0x0D, 0x1A
BLANK: Final = 0x20
NEW_LINE: Final = 0x0A
"""No GBK character has this byte, so that a whole column can be encoded at once."""


def write_dbf(
    path: Path,
    headers: Mapping[str, str],
    widths: Mapping[str, int],
    days: frozenset[str],
    batch: date,
    slices: Iterable[pl.DataFrame],
) -> None:
    """Write text columns into a new table.

    Args:
        path: The file; replaced if it exists.
        headers: Field name of every column, at most ten ASCII characters, in order.
        widths: Bytes of every column.
        days: Columns of type D, whose texts are eight digits or empty.
        batch: The day that stands in the file as that of the last change.
        slices: The rows.

    Raises:
        ValueError: A text is longer than its field.
    """
    count = 0
    with path.open("wb") as out:
        out.write(_header(headers, widths, days, batch, 0))
        for rows in slices:
            fields = [_field(rows.get_column(name), widths[name]) for name in headers]
            mark = np.full((len(rows), 1), BLANK, dtype=np.uint8)
            out.write(np.hstack([mark, *fields]).tobytes())
            count += len(rows)
        out.write(bytes([END_OF_FILE]))
        out.seek(0)
        out.write(_header(headers, widths, days, batch, count))


def _header(
    headers: Mapping[str, str], widths: Mapping[str, int], days: frozenset[str], batch: date, count: int
) -> bytes:
    length, record = 32 + 32 * len(headers) + 1, 1 + sum(widths[name] for name in headers)
    stamp = (VERSION, batch.year - 1900, batch.month, batch.day)
    start = struct.pack("<4BIHH17xB2x", *stamp, count, length, record, CODE_PAGE_936)
    fields = [
        struct.pack("<11sc4xBB14x", header.encode("ascii"), b"D" if name in days else b"C", widths[name], 0)
        for name, header in headers.items()
    ]
    return start + b"".join(fields) + bytes([END_OF_FIELDS])


def _field(texts: pl.Series, width: int) -> npt.NDArray[np.uint8]:
    """The texts in GBK, filled up with blanks: shape (rows, width)."""
    filled = np.full((len(texts), width), BLANK, dtype=np.uint8)
    if not len(texts):
        return filled
    encoded = np.frombuffer(("\n".join(texts.to_list()) + "\n").encode("gbk"), dtype=np.uint8)
    ends = np.flatnonzero(encoded == NEW_LINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts
    if int(lengths.max()) > width:
        raise ValueError(f"column {texts.name} has a text of {lengths.max()} bytes, its field {width}")
    row = np.repeat(np.arange(len(texts)), lengths)
    byte = np.flatnonzero(encoded != NEW_LINE)
    filled[row, byte - starts[row]] = encoded[byte]
    return filled
