"""FoxPro's bits about the fields of a record: the value is missing, the text is shorter than its field."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Records = npt.NDArray[np.uint8]
_Mask = npt.NDArray[np.bool_]


def bit(number: int | None, records: _Records, flags: int | None) -> _Mask | None:
    """Read a bit about a field from each record; None if the field has no such bit.

    Args:
        number: the number of the bit.
        records: one row of bytes for each record.
        flags: the position of the byte in which the bits begin.
    """
    if number is None or flags is None:
        return None
    byte, within = divmod(number, 8)
    return (records[:, flags + byte] >> within & 1).astype(np.bool_)


def shortened(records: _Records, place: slice, shorter: _Mask) -> _Records:
    """Zero the bytes behind the end of a text in each record.

    Args:
        records: one row of bytes for each record.
        place: the bytes of the field; if the text is shorter, the last byte holds its length.
        shorter: whether the text of each record is shorter than its field.
    """
    text = records[:, place]
    width = text.shape[1]
    lengths = np.where(shorter, text[:, -1], width)
    kept = records.copy()
    kept[:, place][np.arange(width) >= lengths[:, None]] = 0
    return kept
