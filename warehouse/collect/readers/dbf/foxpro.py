"""What FoxPro keeps about the fields of a record in bits of its own: that there is no value, that a text is shorter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Records = npt.NDArray[np.uint8]
_Mask = npt.NDArray[np.bool_]


def bit(number: int | None, records: _Records, flags: int | None) -> _Mask | None:
    """A bit about a field, of each record; None if there is none.

    Args:
        number: which bit.
        records: a row of bytes each.
        flags: the byte of a record in which the bits begin.
    """
    if number is None or flags is None:
        return None
    byte, within = divmod(number, 8)
    return (records[:, flags + byte] >> within & 1).astype(np.bool_)


def shortened(records: _Records, place: slice, shorter: _Mask) -> _Records:
    """The records, with nothing behind the end of a text.

    Args:
        records: a row of bytes each.
        place: the bytes of the text; of a shorter one the last holds its length.
        shorter: whether it is shorter than its field.
    """
    text = records[:, place]
    width = text.shape[1]
    lengths = np.where(shorter, text[:, -1], width)
    kept = records.copy()
    kept[:, place][np.arange(width) >= lengths[:, None]] = 0
    return kept
