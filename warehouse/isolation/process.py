"""A child process for work that may do harm: starts it, limits it, and finds out why it ended.

The parent uses `Child`. The child calls `settle` once, and then limits its memory or its time. It shares only a socket
with its parent. It ends when its parent ends, even while native code runs.
"""

from __future__ import annotations

import fcntl
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

_ROOT = Path(__file__).parents[2]
# The whole environment of a child: no key, no address of a database.
_ENVIRONMENT = {
    "PYTHONPATH": str(_ROOT),
    "LC_ALL": "C.UTF-8",
    # A child runs one task at a time and only needs DuckDB's threads.
    "POLARS_MAX_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Arrow's own allocator reserves a gigabyte, which would count towards the limit.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
# Messages of native code (Rust, C++) that ends because of missing memory.
_NO_MEMORY = re.compile(rb"memory allocation of|bad_alloc|[Oo]ut of memory")
_LAST_WORDS = 4096
_LIFELINE = 0

Harm = Literal["memory", "time", "output", "crash"]


class Child:
    """A child process, seen from its parent."""

    def __init__(self, module: str) -> None:
        """Start `python -m MODULE CHANNEL`; CHANNEL is the file descriptor of the child's end of a socket."""
        self.channel, theirs = socket.socketpair()
        self._words = os.memfd_create("last words")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", module, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                cwd="/",
                # A keyboard interrupt must reach the platform only, which then ends its children.
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def why(self) -> tuple[Harm, str] | None:
        """Wait until it has ended. Returns the harm and a detail, or None if it ended by itself."""
        code = self._process.wait()
        if code == 0:
            return None
        if code in (-signal.SIGXCPU, -signal.SIGALRM):
            return "time", ""
        if code == -signal.SIGKILL or _NO_MEMORY.search(self._last_words()):
            # The kernel kills it when the machine has no memory left.
            return "memory", ""
        return "crash", signal.Signals(-code).name if code < 0 else str(code)

    def _last_words(self) -> bytes:
        size = os.fstat(self._words).st_size
        return os.pread(self._words, _LAST_WORDS, max(0, size - _LAST_WORDS))

    def last_line(self) -> str:
        """The last line of its stderr, for an operator. Never call it for a child that has read data."""
        lines = self._last_words().decode(errors="replace").split("\n")
        return next(filter(None, map(str.strip, reversed(lines))), "")

    def kill(self) -> None:
        """End it; `end` or `abandon` releases its resources."""
        self._process.kill()

    def end(self) -> None:
        """End it and release its resources."""
        self._process.kill()
        self._process.wait()
        self.abandon()

    def abandon(self) -> None:
        """Release the resources that this process holds for it."""
        self.channel.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._words >= 0:
            os.close(self._words)
            self._words = -1


def settle() -> None:
    """Make this process end with its parent, and before the platform if memory is short.

    The kernel ends it by a signal when the other end of its standard input is closed; nothing is ever written there.
    It writes no core dump, and the kernel kills it first when the machine has no memory left.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(_LIFELINE, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(_LIFELINE, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        # The parent may have already ended.
        if not os.read(_LIFELINE, 1):
            sys.exit()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def data_size() -> int:
    """Bytes of private memory of this process, as RLIMIT_DATA counts them."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) << 10
    return 0


def limit_memory(more: int) -> None:
    """Limit the memory of this process to its present memory plus `more` bytes."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = data_size() + more
    resource.setrlimit(
        resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
    )


def limit_time(seconds: float) -> None:
    """Let the kernel end this process after some seconds, even while native code runs."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
