"""Delivered files stored on disk: a complete copy that appears in one step. This module does not know receipts."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping
from pathlib import Path

from warehouse.collect.readers.sqlite import BESIDE
from warehouse.home.files import flush, new_draft, replace_json, sha256_of
from warehouse.home.modes import FILE, FOLDER, make_folder
from warehouse.home.names import FileName, shown, shown_name, stored

# Default for the largest file that is taken in, in bytes: the register of a city of ten million takes two or three GB
# as text.
LARGEST_FILE = 4 << 30

# Characters that make a reader take a path for a pattern of paths.
_PATTERN = frozenset("*?[]{}")


class ChangingFile(OSError):
    """A file that changes while it is taken in; no part of it is kept."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EBUSY, "接收时内容仍在变化，请等它写完后重新交付", str(path))

    def __str__(self) -> str:
        """For the sender."""
        return f"文件“{shown_name(Path(self.filename))}”：{self.strerror}。"


class TooLargeFile(OSError):
    """A file that is larger than the settings allow; no part of it was read."""

    def __init__(self, path: Path, size: int, largest: int) -> None:
        told = (
            f"有 {size:,} 字节，超过每个文件的上限 {largest:,} 字节，没有读取。"
            "请核对文件（空洞文件按标称大小计）；确需接收的，请分成几个文件，或调大 ZHENJIE_LARGEST_FILE"
        )
        super().__init__(errno.EFBIG, told, str(path))

    def __str__(self) -> str:
        """For the sender."""
        return f"文件“{shown_name(Path(self.filename))}”：{self.strerror}。"


def refuse_large(path: Path, largest: int) -> None:
    """Refuse a file that is too large, before reading it; the holes of a sparse file count.

    Raises:
        TooLargeFile: it has more than `largest` bytes.
        OSError: there is no such file.
    """
    size = path.stat().st_size
    if size > largest:
        raise TooLargeFile(path, size, largest)


def keep(folder: Path, path: Path, sha256: str, receipt: tuple[str, Mapping[str, object]]) -> None:
    """Copy a file into a new folder together with its receipt; the folder appears in one step.

    Args:
        folder: the new folder. If it exists, it holds the same file already and is left as it is.
        path: the file, under its stored name.
        sha256: the file's checksum at recognition.
        receipt: the file name and the content of the receipt.

    Raises:
        ChangingFile: the file has changed since recognition.
        OSError: the file cannot be read, or the disk is full. Nothing is left behind.
    """
    if folder.exists():
        return
    draft = folder.parent / new_draft()
    try:
        # The parent folder may pass other permissions (default ACL) to its children, so that people can drop files.
        make_folder(folder.parent)
        draft.mkdir()
        draft.chmod(FOLDER)
        _copy(path, draft / path.name, sha256)
        replace_json(draft / receipt[0], receipt[1])
        try:
            draft.rename(folder)
        except OSError:
            # Another process stored the same file first.
            if not folder.exists():
                raise
        flush(folder.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def make_whole(kept: Path, path: Path, sha256: str) -> None:
    """Replace a damaged kept file with the same file that was delivered again.

    Raises:
        ChangingFile, OSError: as `keep`.
    """
    if kept.exists() and sha256_of(kept) == sha256:
        return
    draft = kept.with_name(new_draft())
    try:
        _copy(path, draft, sha256)
        draft.replace(kept)
        flush(kept.parent)
    finally:
        draft.unlink(missing_ok=True)


def copy_as(path: Path, target: Path, sha256: str) -> Path:
    """Copy a file to a path that every reader can open.

    Raises:
        ChangingFile: the copy does not have the checksum `sha256`.
    """
    shutil.copyfile(path, target)
    if sha256_of(target) != sha256:
        raise ChangingFile(path)
    return target


def openable(path: Path, scratch: Path) -> Path:
    """Return a path that every reader can open: the file's own, or that of a copy in a scratch folder.

    Readers in C and Rust need UTF-8, and some take brackets for a pattern.

    Raises:
        ChangingFile: the file changed while it was copied.
    """
    text = str(path)
    if stored(path.name) == path.name and shown(text) == text and not _PATTERN.intersection(text):
        return path
    scratch.mkdir(parents=True, exist_ok=True)
    copy = scratch / FileName.of(path).stored
    # From these files the database reader sees that the newest rows are not in the database file.
    beside = {path.name + ending: copy.name + ending for ending in BESIDE}
    for found in path.parent.iterdir():
        if found.name in beside:
            shutil.copyfile(found, copy.with_name(beside[found.name]))
    return copy_as(path, copy, sha256_of(path))


def _copy(path: Path, target: Path, sha256: str) -> None:
    copy_as(path, target, sha256)
    target.chmod(FILE)
    flush(target)
