"""Workers that read files from outside: started when one is needed, used again, ended when a file does harm.

As many work at once as there are threads that ask. A worker that is ended, by its limits, by an error in native code,
or because it took too long, is replaced by a new one; the file that did it is refused, and nothing else is touched.
How a worker works is `warehouse.isolation.worker`.
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

# Seconds that a worker may take to import its libraries; the machine may be busy.
_STARTING = 120
_READY = 1 << 10


class Harmed(Exception):
    """A worker had to be ended, or gave up, over a file: it used too much, took too long, or crashed."""

    def __init__(self, harm: Harm, detail: str = "") -> None:
        super().__init__(harm, detail)
        self.harm: Harm = harm
        self.detail = detail


class ReadingStopped(Exception):
    """Reading was broken off, because the run is to end."""


class WorkerFailed(OSError):
    """No worker can be started, for a reason of the system or of the installation."""

    def __init__(self, words: str) -> None:
        said = f"：{words}" if words else ""
        super().__init__(errno.EAGAIN, f"读取文件的进程无法启动，请检查内存和安装是否完整{said}")

    def __str__(self) -> str:
        """For the operator."""
        return str(self.strerror)


class _WorkerEnded(Exception):
    """The worker had ended by itself, before it saw the request."""


@dataclass(frozen=True)
class WorkerAnswer:
    """What a worker answered, as it came: a plain value, and bytes."""

    value: Any
    attached: bytes


class _Worker(Child):
    """A process that reads files."""

    def __init__(self) -> None:
        super().__init__("warehouse.isolation.worker")
        self._ready = False
        self.stopped = False

    def ask(self, request: Request, limits: Limits) -> WorkerAnswer:
        """Have a request answered.

        Raises:
            Harmed: the worker ended over it, or has to be ended.
            ReadingStopped: somebody called `stop`.
            WorkerFailed: it never started.
            _Replaced: it had ended before.
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
        """Why it ended."""
        harm = self.why()
        if self.stopped:
            return ReadingStopped()
        return _WorkerEnded() if harm is None else Harmed(*harm)

    def stop(self) -> None:
        """End it while somebody else waits for its answer."""
        self.stopped = True
        self.kill()


class Pool:
    """The workers of this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    def start(self) -> None:
        """Have a worker get ready while the caller does something else."""
        with self._lock:
            if not self._idle:
                self._idle.append(_Worker())

    def ask(self, request: Request, limits: Limits) -> WorkerAnswer:
        """Have a request answered by a worker.

        Args:
            request: what is asked.
            limits: what it may use.

        Raises:
            Harmed: the file does harm; its worker is gone.
            ReadingStopped: `stop` was called meanwhile.
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
            # The one that was used last knows the workbook that it has open.
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
        """End the workers that read now; who waits for them gets `ReadingStopped`."""
        with self._lock:
            for worker in self._busy:
                worker.stop()

    def close(self) -> None:
        """End the workers that wait."""
        with self._lock:
            while self._idle:
                self._idle.pop().end()

    def forget(self) -> None:
        """Leave the workers to the process that started them: this one is its child."""
        for worker in (*self._idle, *self._busy):
            worker.abandon()
        # Another thread may have held the lock when this process came to be.
        self._lock = Lock()
        self._idle, self._busy = [], set()


POOL = Pool()
atexit.register(POOL.close)
os.register_at_fork(after_in_child=POOL.forget)
