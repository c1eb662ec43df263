"""One writer at a time: a lock on the home. The kernel releases the lock when its holder dies.

A turn, the intake of answers and a backup hold the lock. Readers need no lock. A delivery needs no lock either, because
its folder appears in one step. Deliveries share a second lock, which shows that a delivery runs: if none runs, drafts
of deliveries belong to a dead process.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from warehouse.home.folders import Home


class HomeInUse(Exception):
    """Another process holds the lock; names the holder, the time since when, and the remedy."""


@contextmanager
def exclusive(home: Home, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the home's lock; not re-entrant.

    The lock file is never deleted, because a deleted file could be locked twice. While the lock is held, the file
    names the holder.

    Args:
        home: the installation; its folder is created if it is missing.
        what: the purpose of the lock, for people to read.
        wait: whether to wait for the holder.

    Raises:
        HomeInUse: another process holds the lock, and `wait` is false.
        OSError: the home cannot be written to.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    handle = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(_told(home)) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "what": what}, ensure_ascii=False).encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


@contextmanager
def delivering(home: Home) -> Iterator[None]:
    """Show that a delivery runs; several may run at once.

    Raises:
        OSError: the home cannot be written to.
    """
    with _delivery_lock(home) as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


@contextmanager
def holding_deliveries(home: Home) -> Iterator[bool]:
    """Whether no delivery runs. If true, no delivery begins while the context is open."""
    with _delivery_lock(home) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _delivery_lock(home: Home) -> Iterator[int]:
    home.root.mkdir(parents=True, exist_ok=True)
    handle = os.open(home.delivery_lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _told(home: Home) -> str:
    """The holder of the lock: the text that it wrote into the file, and the time."""
    try:
        since = datetime.fromtimestamp(home.lock.stat().st_mtime).astimezone()
        holder = json.loads(home.lock.read_text(encoding="utf-8"))
        who = f"{holder['what']}，进程 {holder['pid']}，{since:%Y-%m-%d %H:%M:%S} 开始"
    except (OSError, ValueError):
        # The holder has only just begun, or has ended.
        who = "另一个进程"
    return f"{home.root} 正在使用中（{who}）。请等它结束后再试；同一安装目录一次只能有一个任务写入。"
