"""Verifies that a published file is an accepted one: by its sha256, or as a file that was verified before.

Reading a file of 2 GB takes a second, so a verification is remembered with the file's device, inode, size, and the
times of the last change to its content and to its inode. A person who replaces the file, or writes into it, can forge
all of these except the last. A file that changed within the last seconds is not remembered, because the file system's
clock is coarse.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from contextlib import suppress
from io import FileIO
from pathlib import Path

from warehouse.home.files import replace_json
from warehouse.home.folders import Home

# Nanoseconds; a change after this interval surely has another time.
SETTLED = 2_000_000_000


def is_accepted(home: Home, name: str, file: FileIO, known: Collection[str], now: int) -> bool:
    """Whether an open file has one of the checksums.

    Args:
        home: keeps the verifications, if the process may write there.
        name: the name under which the file is remembered.
        file: open for reading. This open file is verified, even if its path now leads to another file.
        known: the sha256 of accepted files.
        now: nanoseconds since 1970.
    """
    before = _facts(file)
    remembered = _remembered(home).get(name)
    if isinstance(remembered, dict) and remembered.get("facts") == before:
        return remembered.get("sha256") in known
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    after = _facts(file)
    if sha256 not in known or after["size"] != before["size"] or after["modified"] != before["modified"]:
        return False
    # A publication links and renames the file while it is read: that changes its inode, not its content.
    if after == before and now - before["changed"] > SETTLED:
        # A reader without the right to write verifies each time; that is no failure.
        with suppress(OSError):
            replace_json(home.verified, {**_remembered(home), name: {"facts": before, "sha256": sha256}})
    return True


def open_file(path: Path) -> FileIO:
    """Open a published file. It is verified and attached through the open file, not through its path."""
    return FileIO(path)


def _facts(file: FileIO) -> dict[str, int]:
    stat = os.fstat(file.fileno())
    return {
        "device": stat.st_dev,
        "inode": stat.st_ino,
        "size": stat.st_size,
        "modified": stat.st_mtime_ns,
        "changed": stat.st_ctime_ns,
    }


def _remembered(home: Home) -> dict[str, object]:
    try:
        found = json.loads(home.verified.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
