"""Where the text of a file ends: DOS and dBase programs write a byte behind it."""

from __future__ import annotations

import os
from pathlib import Path

# The mark, and how many bytes at the end of a file may be marks, zeros and blank lines.
END_OF_FILE = b"\x1a"
_LAST = 4096


def end_of_text(path: Path) -> int:
    """How many bytes of a text file are text: dBase and DOS programs end it with the byte 0x1A, perhaps several."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LAST))
        last = file.read()
    kept = last.rstrip(b"\x1a\0\r\n \t")
    # Only what begins with the mark goes; line ends before it stay.
    mark = last.find(END_OF_FILE, len(kept))
    return size if mark < 0 else size - len(last) + mark
