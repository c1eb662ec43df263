"""A child process for work that may do harm: how it is started, how it is bounded, and why it ended.

The parent has `Child`. A process that was started calls `settle` once, and then bounds its memory or its time. It
shares nothing with its parent but a socket, and it ends with its parent, whatever native code is doing.
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
# All that a child knows of its surroundings: no key, no address of a database.
_ENVIRONMENT = {
    "PYTHONPATH": str(_ROOT),
    "LC_ALL": "C.UTF-8",
    # One task after the other: DuckDB's threads are all that it needs.
    "POLARS_MAX_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Arrow's own allocator sets a gigabyte aside, which would count.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
# What native code says before it gives up for want of memory: Rust, C++.
_NO_MEMORY = re.compile(rb"memory allocation of|bad_alloc|[Oo]ut of memory")
_LAST_WORDS = 4096
_LIFELINE = 0

Harm = Literal["memory", "time", "output", "crash"]


class Child:
    """A process that was started, seen from its parent."""

    def __init__(self, module: str) -> None:
        """Start `python -m MODULE CHANNEL`, where CHANNEL is the descriptor of its end of a socket."""
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
                # An interrupt from the keyboard is for the platform, which ends its children.
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def why(self) -> tuple[Harm, str] | None:
        """Wait until it has ended; the harm that ended it and a detail, or None where it ended by itself."""
        code = self._process.wait()
        if code == 0:
            return None
        if code in (-signal.SIGXCPU, -signal.SIGALRM):
            return "time", ""
        if code == -signal.SIGKILL or _NO_MEMORY.search(self._last_words()):
            # By the kernel, which does so when the machine has no memory left.
            return "memory", ""
        return "crash", signal.Signals(-code).name if code < 0 else str(code)

    def _last_words(self) -> bytes:
        size = os.fstat(self._words).st_size
        return os.pread(self._words, _LAST_WORDS, max(0, size - _LAST_WORDS))

    def last_line(self) -> str:
        """The last line that it wrote to its stderr, for an operator: never of a child that has read data."""
        lines = self._last_words().decode(errors="replace").split("\n")
        return next(filter(None, map(str.strip, reversed(lines))), "")

    def kill(self) -> None:
        """End it; what it holds is given back by `end` or `abandon`."""
        self._process.kill()

    def end(self) -> None:
        """End it, and give back what it holds."""
        self._process.kill()
        self._process.wait()
        self.abandon()

    def abandon(self) -> None:
        """Give back what this process holds of it."""
        self.channel.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._words >= 0:
            os.close(self._words)
            self._words = -1


def settle() -> None:
    """Make this process a child that ends with its parent and before the platform does.

    The kernel ends it by a signal when nobody holds the other end of its standard input any more; nothing is ever
    written to it. It leaves no image of its memory behind, and is the first to go when the machine has none left.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(_LIFELINE, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(_LIFELINE, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        # The parent may have ended before.
        if not os.read(_LIFELINE, 1):
            sys.exit()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def data_size() -> int:
    """Bytes of memory of its own that this process has, as RLIMIT_DATA counts them."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) << 10
    return 0


def limit_memory(more: int) -> None:
    """Let this process have no more than some bytes beyond those that it has now."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = data_size() + more
    resource.setrlimit(
        resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
    )


def limit_time(seconds: float) -> None:
    """Have the kernel end this process after some seconds, whatever native code is doing."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
