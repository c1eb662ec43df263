"""Explain failures to the operator: the meaning of known causes and the remedy, never a resident's data."""

from __future__ import annotations

import errno
import re

# A part of an error's message → its meaning and the remedy. Our own errors have both in their message.
CAUSES = {
    r"No space left on device|database or disk is full|ENOSPC|Disk quota exceeded": (
        "磁盘已满。请在安装目录（或输出文件）所在的磁盘上腾出空间（旧批次的 acceptance/、returns/ 可移走），"
        "再运行一次；已完成的部分不会重做"
    ),
    r"File too large|EFBIG": "文件超过了系统允许的大小。请放宽 ulimit -f 后再运行一次；已完成的部分不会重做",
    r"Read-only file system|Permission denied|readonly database|attempt to write a readonly": (
        "安装目录不可写。请检查目录的属主、权限和磁盘的挂载方式，再运行一次"
    ),
    r"database is locked": (
        "数据库正被另一个程序占用。请关闭占用它的程序（例如打开着 ledger.sqlite 的数据库工具），再运行一次"
    ),
    # SQLite's only message when the disk has no room for the index of its log.
    r"disk I/O error|Input/output error": (
        "磁盘读写出错，可能已满或有坏道。请检查磁盘和剩余空间，再运行一次；仍然出错时运行 zhenjie doctor"
    ),
    (
        r"server closed the connection|connection .*(refused|failed|closed|lost|terminated)|could not connect"
        r"|terminating connection|AdminShutdown"
    ): "与台账数据库的连接中断。请检查 ZHENJIE_LEDGER 所指的数据库，再运行一次；没有登记到一半的答复",
    (
        r"DamagedPartition|No magic bytes|Invalid.*parquet|not a parquet|TProtocolException"
        r"|don't know what type|Could not read"
    ): ("读到损坏的数据文件。请运行 zhenjie doctor，它会指出是哪个文件、如何恢复"),
    r"not a valid DuckDB database|Corrupt|Checksum|malformed|not a database": (
        "数据库文件损坏。请运行 zhenjie doctor，它会指出是哪个文件、如何恢复"
    ),
}

_NO_RIGHTS = "没有权限（不可读或不可写）。请检查这个位置的属主、权限和磁盘的挂载方式，再运行一次"

# Errors of the operating system by number. Their text never quotes the content of a file.
SYSTEM = {
    errno.EACCES: _NO_RIGHTS,
    errno.EPERM: _NO_RIGHTS,
    errno.ENOENT: "找不到文件或文件夹。请核对路径，再运行一次",
    errno.EEXIST: "应当是文件夹的地方已有一个同名的文件。请移走它，或用 --home 指定另一个安装目录",
    errno.ENOTDIR: "路径中有一段不是文件夹，而是文件。请核对路径，或用 --home 指定另一个安装目录",
    errno.EISDIR: "应当是文件的地方是一个文件夹。请核对路径，再运行一次",
    errno.ENAMETOOLONG: "路径太长。请把文件或安装目录移到路径较短的地方，再运行一次",
    errno.EMFILE: "同时打开的文件太多。请放宽 ulimit -n，再运行一次",
    errno.ENFILE: "系统同时打开的文件太多。请关闭其他程序，再运行一次",
    errno.ENOMEM: "内存不足。请关闭其他程序，或调小 ZHENJIE_MEMORY，再运行一次",
    errno.ESTALE: "网络磁盘上的文件已失效。请检查磁盘的挂载，再运行一次",
    errno.ENODEV: "磁盘已卸下。请检查磁盘的挂载，再运行一次",
    errno.ETXTBSY: "文件正被另一个程序使用。请关闭它，再运行一次",
    errno.EBADF: "输入或输出已被关闭。请检查命令的重定向，再运行一次",
}

OURS = {"DamagedHome", "LedgerLoss", "HomeInUse", "UnusableKey"}


def os_failure(error: OSError) -> str:
    """The meaning of an operating system error and the remedy. The caller names the file."""
    if type(error).__str__ is not OSError.__str__:
        return str(error)  # one of ours
    known = SYSTEM.get(error.errno or 0) or explained(type(error).__name__, error.strerror or str(error))
    return known or f"系统错误 {error.errno}（{error.strerror or error}）"


def database_failure(error: Exception) -> str:
    """The meaning of a database error and the remedy. The database's own message may quote a resident's data."""
    kind = type(error).__name__
    return explained(kind, str(error)) or f"数据库出错（{kind}），请运行 zhenjie doctor"


def reason_of(error: BaseException) -> str:
    """The short reason why a file could not be taken in. Texts of foreign errors are left out: they may quote it."""
    if isinstance(error, OSError) and error.strerror:
        return os_failure(error)
    return type(error).__name__


def explained(kind: str, message: str) -> str | None:
    """The meaning of a failure and the remedy, if its cause is known.

    Args:
        kind: the class of the error.
        message: the text of the error. A foreign error's text is not passed on: it may quote a resident's data.
    """
    if kind in OURS:
        return re.sub(rf"^[\w.]*{kind}: ", "", message.strip())
    told = f"{kind} {message}"
    return next((meaning for cause, meaning in CAUSES.items() if re.search(cause, told, re.IGNORECASE)), None)
