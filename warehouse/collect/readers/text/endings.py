"""The end of a file's text: DOS and dBase programs write a byte behind it."""

from __future__ import annotations

import os
from pathlib import Path

# The end mark, and how many last bytes are searched for marks, zeros and blank lines.
END_OF_FILE = b"\x1a"
_LAST = 4096


def end_of_text(path: Path) -> int:
    """The number of bytes that are text: dBase and DOS programs append the byte 0x1A, sometimes several times."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LAST))
        last = file.read()
    kept = last.rstrip(b"\x1a\0\r\n \t")
    # The file is cut at the mark; line ends before the mark stay.
    mark = last.find(END_OF_FILE, len(kept))
    return size if mark < 0 else size - len(last) + mark
