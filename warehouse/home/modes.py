"""File modes of the home: only its owner may read it, independent of the account's umask.

Each process of the platform calls `keep_private` first. A default ACL of a parent folder, which lets others drop files,
overrides the umask. Therefore received files get their mode explicitly.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse.home.folders import Home

FOLDER, FILE = 0o700, 0o600

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PASSING = stat.S_IXGRP | stat.S_IXOTH


def keep_private() -> None:
    """Make all files that this process and its children create readable by their owner only."""
    os.umask(0o077)


def make_folder(path: Path) -> None:
    """Create a folder that only its owner can read. An existing folder keeps its mode."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(FOLDER)


@dataclass(frozen=True)
class Exposed:
    """A path in the home that users other than its owner can read or change.

    Attributes:
        path: the home itself, or a file or folder in it; a folder includes everything below.
        rights: the argument of `chmod` that closes it, such as `go=`.
        number: the number of affected files and folders.
    """

    path: Path
    rights: str
    number: int


def exposed(home: Home) -> Iterator[Exposed]:
    """The paths that other users can read or change.

    Two modes are allowed, so that others can drop files: others may pass through the home (`711`), and `inbox/` and
    `answers/` may belong to a group. New files in these folders belong to their senders until they are received.
    """
    if not home.root.is_dir():
        return
    if _mode(home.root) & _OTHERS & ~_PASSING:
        yield Exposed(home.root, "go-rw", 1)
    drops = (home.inbox, home.answers)
    for drop in drops:
        if drop.is_dir() and _mode(drop) & stat.S_IRWXO:
            yield Exposed(drop, "o=", 1)
    for path in sorted(home.root.iterdir()):
        if path not in drops:
            yield from _below(path)
        elif path.is_dir():
            for folder in sorted(path.iterdir()):
                if folder.is_dir():
                    yield from _below(folder)


def _below(path: Path) -> Iterator[Exposed]:
    number = sum(1 for _ in _open_to_others(path))
    if number:
        yield Exposed(path, "go=", number)


def _open_to_others(path: Path) -> Iterator[Path]:
    """The path and everything below it that others can reach; a folder that they cannot pass hides its content."""
    mode = _mode(path)
    if stat.S_ISLNK(mode):
        return
    if mode & _OTHERS:
        yield path
    if stat.S_ISDIR(mode) and mode & _PASSING:
        for child in path.iterdir():
            yield from _open_to_others(child)


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:  # a draft that was renamed in the meantime
        return 0
