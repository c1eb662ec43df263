"""Errors of the engine as Chinese sentences: the problem and the remedy, then the engine's own message."""

from __future__ import annotations

import re

from pipelines.answering.protocol import Refusal
from pipelines.terminal.codes import FAILED, USAGE

# The meaning of the engine's errors, by their first word.
_MEANINGS = {
    "Parser": "SQL 有语法错误，请按下面指出的位置修改",
    "Syntax": "SQL 有语法错误，请按下面指出的位置修改",
    "Binder": "查询中的名称、函数或类型用得不对，请按下面指出的位置修改",
    "Catalog": "查询中的名称不存在，请按下面指出的位置修改；有哪些表，请查询 SHOW TABLES",
    "Conversion": "有的值不能转换成所要的类型；不能转换时要空值，请用 TRY_CAST",
    "Out of Range": "有的值超出了类型的范围",
    "Invalid Input": "有的值不能这样计算",
    "Permission": "查询只能读取已发布的表",
    "Not implemented": "数据库引擎不支持这种写法",
    "IO": "读写文件时出错；请运行 zhenjie doctor",
    "INTERNAL": "数据库引擎内部出错；请换一种写法，仍然出错时运行 zhenjie doctor",
}
_KIND = re.compile(r"([A-Za-z ]+) Error: ")
_FULL = re.compile(
    r"No space left|max_temp_directory_size|Disk quota|failed to (offload|write)", re.IGNORECASE
)
# The messages of Arrow (two), C++ and Python for a lack of memory.
_NO_MEMORY = re.compile(
    r"Out of Memory|bad_alloc|malloc of size|realloc of size|MemoryError|could not allocate|failed to allocate",
    re.IGNORECASE,
)
# Characters of the engine's own message that are passed on: it may quote a value of any length.
_MOST_QUOTED = 2_000


def time_is_up(seconds: int) -> Refusal:
    """A query that was stopped at its limit."""
    return Refusal(
        f"查询超过 {seconds} 秒，已中止；已输出的部分不完整。"
        "请缩小查询的范围，或用 ZHENJIE_QUERY_SECONDS 放宽时限",
        FAILED,
        "failed",
    )


def no_memory(words: str = "") -> Refusal:
    """A query that needs more memory than it may use."""
    said = (
        "内存不足以完成查询，已中止；如有输出，不完整。请缩小查询的范围，或用 ZHENJIE_QUERY_MEMORY 放宽内存"
    )
    return Refusal(_with(said, words), FAILED, "failed")


def crashed(detail: str) -> Refusal:
    """A query that ended its process."""
    return Refusal(
        f"数据库引擎在这条查询上崩溃（{detail}），已中止；数据没有受影响。"
        "请换一种写法；仍然出错时，请把这条查询报给维护人员",
        FAILED,
        "failed",
    )


def explained(error: Exception) -> Refusal:
    """The refusal for an error of the engine."""
    text = str(error)
    if _FULL.search(text):
        said = "磁盘空间不足以存放查询的中间结果。请在安装目录所在的磁盘上腾出空间，或缩小查询的范围"
        return Refusal(_with(said, text), FAILED, "failed")
    if is_memory(error):
        return no_memory(text)
    kind = _KIND.match(text)
    return Refusal(_with(_MEANINGS.get(kind[1], "查询出错") if kind else "查询出错", text), USAGE, "failed")


def is_memory(error: Exception) -> bool:
    """Whether the memory was too small."""
    return isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None


def _with(said: str, words: str) -> str:
    cut = words if len(words) <= _MOST_QUOTED else f"{words[:_MOST_QUOTED]}…"
    return f"{said}\n{cut}" if words else said
