"""Workers that read files from outside: started on demand, used again, ended when a file does harm.

Each thread with a request has a worker of its own. A worker ends when it exceeds a limit, crashes in native code, or
takes too long. Then a new worker replaces it, and only the file that did it is refused. Example: a zip bomb exceeds the
memory limit; its sender gets a refusal, and the next file is read by a new worker. `warehouse.isolation.worker` is the
worker's program.
"""

from __future__ import annotations

import atexit
import errno
import os
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any

from warehouse.isolation.limits import Limits
from warehouse.isolation.messages import BadMessage, receive, send
from warehouse.isolation.process import Child, Harm
from warehouse.isolation.requests import Request

# Seconds that a worker may take to import its libraries on a busy machine.
_STARTING = 120
_READY = 1 << 10


class Harmed(Exception):
    """A worker ended because of a file: it used too much, took too long, or crashed."""

    def __init__(self, harm: Harm, detail: str = "") -> None:
        super().__init__(harm, detail)
        self.harm: Harm = harm
        self.detail = detail


class ReadingStopped(Exception):
    """Reading was interrupted, because the run must end."""


class WorkerFailed(OSError):
    """No worker can be started, because of the system or the installation."""

    def __init__(self, words: str) -> None:
        said = f"：{words}" if words else ""
        super().__init__(errno.EAGAIN, f"读取文件的进程无法启动，请检查内存和安装是否完整{said}")

    def __str__(self) -> str:
        """The message for the operator."""
        return str(self.strerror)


class _WorkerEnded(Exception):
    """The worker had ended by itself before it received the request."""


@dataclass(frozen=True)
class WorkerAnswer:
    """The answer of a worker: a plain value and bytes, not yet checked."""

    value: Any
    attached: bytes


class _Worker(Child):
    """A process that reads files."""

    def __init__(self) -> None:
        super().__init__("warehouse.isolation.worker")
        self._ready = False
        self.stopped = False

    def ask(self, request: Request, limits: Limits) -> WorkerAnswer:
        """Send a request and wait for its answer.

        Raises:
            Harmed: the worker ended because of the file, or must be ended.
            ReadingStopped: another thread called `stop`.
            WorkerFailed: the worker did not start.
            _WorkerEnded: the worker had ended before the request.
        """
        try:
            self._wait_until_ready()
            try:
                send(
                    self.channel,
                    {"task": type(request).__name__, "request": request, "limits": limits},
                )
                answer = receive(self.channel, limits.answer, time.monotonic() + limits.wall)
            except TimeoutError:
                raise Harmed("time") from None
            except BadMessage:
                raise Harmed("crash", "answer") from None
            except (EOFError, OSError):
                raise self._harm() from None
        except BaseException:
            self.end()
            raise
        return WorkerAnswer(*answer)

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        try:
            receive(self.channel, _READY, time.monotonic() + _STARTING)
        except (EOFError, TimeoutError, BadMessage, OSError):
            if self.stopped:
                raise ReadingStopped from None
            self.kill()
            self.why()
            raise WorkerFailed(self.last_line()) from None
        self._ready = True

    def _harm(self) -> Exception:
        """The exception for the reason why the worker ended."""
        harm = self.why()
        if self.stopped:
            return ReadingStopped()
        return _WorkerEnded() if harm is None else Harmed(*harm)

    def stop(self) -> None:
        """End the worker while another thread waits for its answer."""
        self.stopped = True
        self.kill()


class Pool:
    """The workers of this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    def start(self) -> None:
        """Start a worker while the caller does other work."""
        with self._lock:
            if not self._idle:
                self._idle.append(_Worker())

    def ask(self, request: Request, limits: Limits) -> WorkerAnswer:
        """Send a request to a worker and wait for its answer.

        Args:
            request: the request.
            limits: the limits on reading the file.

        Raises:
            Harmed: the file does harm; its worker has ended.
            ReadingStopped: another thread called `stop`.
            WorkerFailed: no worker can be started.
        """
        try:
            return self._ask(request, limits)
        except _WorkerEnded:
            pass
        try:
            return self._ask(request, limits, fresh=True)
        except _WorkerEnded:
            raise Harmed("crash", "ended") from None

    def _ask(self, request: Request, limits: Limits, *, fresh: bool = False) -> WorkerAnswer:
        worker = self._taken(fresh=fresh)
        try:
            answer = worker.ask(request, limits)
        finally:
            with self._lock:
                self._busy.discard(worker)
        with self._lock:
            # Last in, first out: the worker that was used last still has its workbook open.
            self._idle.append(worker)
        return answer

    def _taken(self, *, fresh: bool) -> _Worker:
        with self._lock:
            worker = None
            while self._idle and worker is None:
                worker = self._idle.pop()
                if fresh or not worker.alive:
                    worker.end()
                    worker = None
            if worker is None:
                worker = _Worker()
            self._busy.add(worker)
            return worker

    def stop(self) -> None:
        """End the workers that read now; the waiting threads get `ReadingStopped`."""
        with self._lock:
            for worker in self._busy:
                worker.stop()

    def close(self) -> None:
        """End the idle workers."""
        with self._lock:
            while self._idle:
                self._idle.pop().end()

    def forget(self) -> None:
        """Forget the workers in a forked child process: they belong to the parent."""
        for worker in (*self._idle, *self._busy):
            worker.abandon()
        # Another thread may have held the lock at the time of the fork.
        self._lock = Lock()
        self._idle, self._busy = [], set()


POOL = Pool()
atexit.register(POOL.close)
os.register_at_fork(after_in_child=POOL.forget)
