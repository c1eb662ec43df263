"""Who may read what lies in the home: its owner and nobody else, whatever the umask of the account.

Each process of ours calls `keep_private` first. A folder above that was given a default ACL, so that others can drop
files there, overrules the umask: what is received into it gets its mode explicitly.
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
    """Have everything that this process creates, and those that it starts, be its owner's alone."""
    os.umask(0o077)


def make_folder(path: Path) -> None:
    """Make a folder that is its owner's alone; one that exists keeps the mode that somebody gave it."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(FOLDER)


@dataclass(frozen=True)
class Exposed:
    """A place in the home that others than its owner can read or change.

    Attributes:
        path: the home itself, or a file or folder in it; of a folder everything below is meant.
        rights: what `chmod` takes away, such as `go=`.
        number: how many files and folders there are affected.
    """

    path: Path
    rights: str
    number: int


def exposed(home: Home) -> Iterator[Exposed]:
    """What others can read or change.

    The home may let others pass through (`711`), and the drop folders `inbox/` and `answers/` may be a group's: an
    operator gives these modes so that files can be dropped. Loose files in them are their senders' until received.
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
    """The path and what is below it, as far as others get: into no folder that they may not pass through."""
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
    except FileNotFoundError:  # a draft that has been renamed meanwhile
        return 0
