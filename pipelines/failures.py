"""What a failure means and what to do, for the operator: known causes in words, and never a resident's data."""

from __future__ import annotations

import re

# What an error says of itself → what it means and what to do. Errors of ours say it themselves.
CAUSES = {
    r"No space left on device|database or disk is full|ENOSPC|Disk quota exceeded": (
        "磁盘已满。请在安装目录所在的磁盘上腾出空间（旧批次的 acceptance/、returns/ 可移走），再运行一次；"
        "已完成的部分不会重做"
    ),
    r"File too large|EFBIG": "文件超过了系统允许的大小。请放宽 ulimit -f 后再运行一次；已完成的部分不会重做",
    r"Read-only file system|Permission denied|readonly database|attempt to write a readonly": (
        "安装目录不可写。请检查目录的属主、权限和磁盘的挂载方式，再运行一次"
    ),
    r"database is locked": (
        "数据库正被另一个程序占用。请关闭占用它的程序（例如打开着 ledger.sqlite 的数据库工具），再运行一次"
    ),
    # SQLite says no more when there is no room for its index of the log.
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

OURS = {"DamagedHome", "HomeInUse"}


def explained(kind: str, message: str) -> str | None:
    """What a failure means and what to do, if its cause is known.

    Args:
        kind: the class of the error.
        message: what it says; of foreign errors nothing of it is passed on, for it may quote a resident's data.
    """
    if kind in OURS:
        return re.sub(rf"^[\w.]*{kind}: ", "", message.strip())
    told = f"{kind} {message}"
    return next((meaning for cause, meaning in CAUSES.items() if re.search(cause, told, re.IGNORECASE)), None)
