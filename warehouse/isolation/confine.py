"""Confines a thread that reads a file from outside: it may read the file and Python, and write its scratch folder.

Landlock confines the calling thread and the threads that it starts. A kernel without Landlock (before Linux 5.13)
confines nothing; the limits of `warehouse.isolation.limits` still apply. Numbers and structures:
https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_NO_NEW_PRIVILEGES = 38

# Access bits for files. Each version of Landlock knows more bits.
_READ_FILE, _READ_FOLDER, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_KNOWN = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READING = _EXECUTE | _READ_FILE | _READ_FOLDER
# From version 4: binding and connecting TCP. From version 6: abstract sockets, and signals to other processes.
_NETWORK, _SCOPES = 0b11, 0b11

_LIBC = ctypes.CDLL(None, use_errno=True)

# Paths that Python and the libraries read besides their own folders.
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/proc/self", "/proc/meminfo",
    "/proc/cpuinfo", "/proc/mounts", "/proc/sys/vm", "/sys/fs/cgroup", "/sys/devices/system/cpu", "/dev/null",
    "/dev/zero", "/dev/urandom",
)  # fmt: skip


def give_up_privileges() -> None:
    """Forbid gaining privileges by running a program; Landlock requires this."""
    _LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def confine(readable: Iterable[Path], writable: Iterable[Path]) -> bool:
    """Limit this thread, and the threads that it starts, to the paths that it needs for a file.

    Args:
        readable: files and folders besides Python's own.
        writable: folders in which every access is allowed.

    Returns:
        Whether the kernel enforces it; False without Landlock.
    """
    version = _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    everything = _KNOWN[max(known for known in _KNOWN if known <= version)]
    attributes = struct.pack(
        "<QQQ", everything, _NETWORK if version >= 4 else 0, _SCOPES if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = _call(_CREATE_RULESET, attributes[:size], size, 0)
    if rules < 0:
        return False
    try:
        own = (sys.prefix, sys.base_prefix, *filter(None, sys.path))
        for path in {*_SYSTEM, *own, *map(str, readable)}:
            _allow(rules, path, _READING & everything)
        for folder in writable:
            _allow(rules, str(folder), everything)
        return _call(_RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(rules: int, path: str, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH)
    except OSError:
        return  # Some systems lack some of these paths.
    try:
        allowed = access if Path(path).is_dir() else access & _OF_A_FILE
        _call(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("<Qi", allowed, handle), 0)
    finally:
        os.close(handle)


def _call(number: int, *arguments: int | bytes | None) -> int:
    long = [ctypes.c_long(each) if isinstance(each, int) else ctypes.c_char_p(each) for each in arguments]
    return int(_LIBC.syscall(ctypes.c_long(number), *long))
