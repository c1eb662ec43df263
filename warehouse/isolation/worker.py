"""The process that reads files from outside: `python -m warehouse.isolation.worker CHANNEL`.

It answers one request after another through a socket from its parent. Each request runs in its own thread, which the
kernel confines to the file. The worker ends when its parent ends, and after an idle time. Its parent is
`warehouse.isolation.pool`, which ends it when a file takes too long.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from warehouse.collect.readers.layout import UnreadableFile
from warehouse.isolation.confine import confine, give_up_privileges
from warehouse.isolation.limits import Limits
from warehouse.isolation.messages import made, receive, send
from warehouse.isolation.process import data_size, settle
from warehouse.isolation.tasks import carry_out, request_type

# Seconds after which an idle worker ends, and bytes of memory above which it ends without waiting for another file.
_IDLE = 300
_BLOATED = 768 << 20
# The most bytes of a request. A request has a layout, which lists the headings of a contract.
_MOST_ASKED = 64 << 20


def main() -> None:
    """Answer requests until the parent is gone."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    settle()
    give_up_privileges()
    gc.freeze()
    send(channel, "ready")
    while True:
        channel.settimeout(_IDLE)
        try:
            if not channel.recv(1, socket.MSG_PEEK):
                return
        except TimeoutError:
            return
        channel.settimeout(None)
        asked, _ = receive(channel, _MOST_ASKED)
        limits = made(Limits, asked["limits"])
        request: Any = made(request_type(asked["task"]), asked["request"])
        send(channel, *_answered(request, limits))
        if data_size() > _BLOATED:
            return


def _answered(request: Any, limits: Limits) -> tuple[object, bytes]:
    """The outcome of a request: a plain value under its name, and attached bytes."""
    outcome: list[tuple[object, bytes]] = []

    def work() -> None:
        try:
            confine(*_needed(request))
            answer, attached = carry_out(request, limits)
            outcome.append(({"answer": answer}, attached))
        except BaseException as error:  # noqa: BLE001  # a file from outside may cause any error
            outcome.append((_said(error, limits), b""))

    with _limited(limits):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    return outcome[0]


def _needed(request: Any) -> tuple[list[Path], list[Path]]:
    """The readable and the writable paths for a request."""
    path: Path = request.path
    beside = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    return [path, *beside], [request.scratch] if hasattr(request, "scratch") else []


@contextmanager
def _limited(limits: Limits) -> Iterator[None]:
    """Apply the limits to this process while the context is open."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {
        resource.RLIMIT_DATA: data_size() + limits.memory,
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + limits.processor,
        resource.RLIMIT_FSIZE: limits.output,
    }
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    try:
        for kind, (_, hard) in before.items():
            most = wanted[kind] if hard == resource.RLIM_INFINITY else min(wanted[kind], hard)
            resource.setrlimit(kind, (most, hard))
        yield
    finally:
        for kind, limit in before.items():
            resource.setrlimit(kind, limit)


def _said(error: BaseException, limits: Limits) -> dict[str, object]:
    """An error as a plain value. It never has the message of a foreign library, which may quote a value."""
    if isinstance(error, UnreadableFile):
        return {"unreadable": str(error)}
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return {"exceeded": "memory"}
    own_limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0] >= limits.output
    if isinstance(error, duckdb.IOException):
        full = own_limit and os.strerror(errno.EFBIG) in str(error)
        return {"exceeded": "output"} if full else {"engine": str(error)}
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.ENOMEM:
            return {"exceeded": "memory"}
        if error.errno == errno.EFBIG and own_limit:
            return {"exceeded": "output"}
        name = None if error.filename is None else os.fsdecode(error.filename)
        return {"system": [error.errno, error.strerror, name]}
    return {"unexpected": f"{type(error).__name__}，{_place(error)}"}


def _place(error: BaseException) -> str:
    """The line of our own code where an error occurred."""
    place, found = error.__traceback__, "?"
    root = Path(__file__).parents[2]
    while place is not None:
        path = Path(place.tb_frame.f_code.co_filename)
        if path.is_relative_to(root / "warehouse"):
            found = f"{path.name}:{place.tb_lineno}"
        place = place.tb_next
    return found


if __name__ == "__main__":
    main()
