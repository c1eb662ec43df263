"""Files and their fingerprints: written in one step, flushed to the disk, identified by content."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import stat
from pathlib import Path
from uuid import uuid4

import polars as pl

# Prefix of drafts: files or folders that nobody reads until they are renamed. The stored form of a name from outside
# never begins with a dot (`warehouse.home.names.stored`).
DRAFT = ".draft-"
# Drafts of earlier versions, which were named after their final file.
_FORMER_DRAFT = re.compile(r"\.(.+\.)?(receipt|refusal|confirmation|reading)\.json\.[0-9a-f]{1,32}")


def new_draft() -> str:
    """A new, unique name for a draft."""
    return f"{DRAFT}{uuid4().hex}"


def is_draft(name: str) -> bool:
    """Whether a name is a draft's. Another name with a leading dot may be a delivered file."""
    return name.startswith(DRAFT) or _FORMER_DRAFT.fullmatch(name) is not None


def sha256_of(path: Path) -> str:
    """The sha256 of a file, read in pieces.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading, and refuse anything else: opening a pipe may wait forever.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "不是普通文件", str(path))


def digest_of(value: object) -> str:
    """A fingerprint of a plain value, the same on every machine."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_of_frame(frame: pl.DataFrame) -> str:
    """A fingerprint of a frame's column names and rows in order; NULL and the empty text differ."""
    return hashlib.sha256(frame.write_csv(quote_style="necessary").encode()).hexdigest()


def replace_json(path: Path, value: object) -> None:
    """Write a JSON file as a draft and rename it to its place."""
    draft = path.with_name(new_draft())
    try:
        # A lone surrogate, from a name that is not UTF-8, becomes an escape that JSON allows.
        with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(value, file, ensure_ascii=False, indent=1, sort_keys=True, default=str)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def special_kind(path: Path) -> str | None:
    """The kind of thing at a path, in Chinese; None for a regular file. Nothing is opened.

    Raises:
        OSError: the path does not exist.
    """
    mode = path.lstat().st_mode
    return None if stat.S_ISREG(mode) else next((name for is_, name in _SPECIAL if is_(mode)), "特殊文件")


_SPECIAL = (
    (stat.S_ISLNK, "符号链接"),
    (stat.S_ISDIR, "文件夹"),
    (stat.S_ISFIFO, "管道"),
    (stat.S_ISSOCK, "套接字"),
    (stat.S_ISCHR, "设备"),
    (stat.S_ISBLK, "设备"),
)
