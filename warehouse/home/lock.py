"""One writer at a time: a lock on the home that the kernel lets go of when its holder dies, however it dies.

Whoever changes what follows from extracts and ledger holds it: a turn, answers being taken in, a backup. Readers
need none, and neither does a delivery: its folder appears in one step. Deliveries share a lock of their own, which
shows that one is under way: where none is, drafts of deliveries are a dead process's.
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
    """Somebody else holds the lock; says who, since when, and what to do."""


@contextmanager
def exclusive(home: Home, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the home's lock; not re-entrant.

    The file stays, as one that is removed could be locked twice; while the lock is held it tells who holds it.

    Args:
        home: the installation; its folder is made if it is missing.
        what: what the lock is wanted for, as people read it.
        wait: whether to wait for the holder rather than refuse.

    Raises:
        HomeInUse: another holds it, and `wait` is not said.
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
    """Show that a delivery is under way; any number may be.

    Raises:
        OSError: the home cannot be written to.
    """
    with _delivery_lock(home) as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


@contextmanager
def holding_deliveries(home: Home) -> Iterator[bool]:
    """Whether no delivery is under way; if so, none begins while the context is open."""
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
    """Who holds the lock: what it wrote into the file, and when."""
    try:
        since = datetime.fromtimestamp(home.lock.stat().st_mtime).astimezone()
        holder = json.loads(home.lock.read_text(encoding="utf-8"))
        who = f"{holder['what']}，进程 {holder['pid']}，{since:%Y-%m-%d %H:%M:%S} 开始"
    except (OSError, ValueError):
        # It has only just begun, or is gone by now.
        who = "另一个进程"
    return f"{home.root} 正在使用中（{who}）。请等它结束后再试；同一安装目录一次只能有一个任务写入。"
