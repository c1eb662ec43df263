"""A process group that ends as a whole: on a signal, or when the process that started it is gone."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

# Seconds that processes have for ending by themselves before they are killed.
GRACE = 4.0

# prctl(2) of Linux. Loaded here, because nothing should be loaded between fork and exec.
_LIBC = ctypes.CDLL(None)
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36


class Stopped(Exception):
    """A signal asked this process to end."""


def run_group(command: Sequence[str], environment: Mapping[str, str], secret: str) -> int | None:
    """Run a command in a process group until it ends, or until this process gets SIGTERM, SIGINT or SIGHUP.

    No process of the group is left on return. When this process is gone, even by SIGKILL, the command reads the end of
    its standard input.

    Args:
        command: the program and its arguments.
        environment: the environment of the command.
        secret: the first line of the command's standard input. It is in no argument and no environment.

    Returns:
        The command's exit code; None if a signal ended this process.
    """
    # Orphaned processes of the group become our children, so that we can wait until all have ended.
    _prctl(_SET_CHILD_SUBREAPER, 1)
    with _heeding():
        leader = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, process_group=0)
        try:
            assert leader.stdin is not None, "a pipe"
            with suppress(BrokenPipeError):
                leader.stdin.write(f"{secret}\n".encode())
                leader.stdin.flush()
            return leader.wait()
        except Stopped:
            return None
        finally:
            _end(leader)


def end_with_parent() -> None:
    """Make the kernel end this process when the thread that started it ends. Called between fork and exec."""
    _prctl(_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        _LIBC.prctl(option, value, 0, 0, 0)


@contextmanager
def _heeding() -> Iterator[None]:
    """Inside the block, the first signal to end raises `Stopped`."""
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(leader: subprocess.Popen[bytes]) -> None:
    """End the group: ask it first, kill it after `GRACE` seconds, wait until the last process has ended."""
    _signal(leader, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while _any_left(leader) and time.monotonic() < until:
        time.sleep(0.05)
    while _any_left(leader):
        _signal(leader, signal.SIGKILL)
        time.sleep(0.05)


def _signal(leader: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, number)


def _any_left(leader: subprocess.Popen[bytes]) -> bool:
    """Reap ended processes of the group; whether one still runs."""
    leader.poll()
    with suppress(ChildProcessError):
        while os.waitpid(-leader.pid, os.WNOHANG)[0]:
            pass
    try:
        os.killpg(leader.pid, 0)
    except ProcessLookupError:
        return False
    return True
