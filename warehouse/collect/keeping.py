"""Delivered files put in their place: a whole copy, on the disk, in one step. What a receipt says is not known here."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from warehouse.files import flush, replace_json, sha256_of


class ChangingFile(OSError):
    """A file that is still being written while it is taken in; nothing of it is kept."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EBUSY, "接收时内容仍在变化，请等它写完后重新交付", str(path))

    def __str__(self) -> str:
        """For the sender."""
        return f"文件“{Path(self.filename).name}”：{self.strerror}。"


def keep(folder: Path, path: Path, sha256: str, receipt: tuple[str, Mapping[str, object]]) -> None:
    """Copy a file into a new folder together with its receipt; the folder appears in one step.

    Args:
        folder: one that exists holds the same file already, and stays.
        path: the file.
        sha256: what it was when it was recognised.
        receipt: the name and the content of its receipt.

    Raises:
        ChangingFile: it is no longer what it was.
        OSError: it cannot be read, or there is no room for it. Nothing is left behind.
    """
    if folder.exists():
        return
    draft = folder.parent / f".draft-{uuid4().hex}"
    try:
        draft.mkdir(parents=True)
        _copy(path, draft / path.name, sha256)
        replace_json(draft / receipt[0], receipt[1])
        try:
            draft.rename(folder)
        except OSError:
            # Somebody else was faster with the same file.
            if not folder.exists():
                raise
        flush(folder.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def make_whole(kept: Path, path: Path, sha256: str) -> None:
    """Put a file that came again in the place of the one that was kept, should that have been damaged.

    Raises:
        ChangingFile, OSError: as `keep`.
    """
    if kept.exists() and sha256_of(kept) == sha256:
        return
    draft = kept.with_name(f".{kept.name}")
    try:
        _copy(path, draft, sha256)
        draft.replace(kept)
        flush(kept.parent)
    finally:
        draft.unlink(missing_ok=True)


def _copy(path: Path, target: Path, sha256: str) -> None:
    shutil.copyfile(path, target)
    if sha256_of(target) != sha256:
        raise ChangingFile(path)
    flush(target)
